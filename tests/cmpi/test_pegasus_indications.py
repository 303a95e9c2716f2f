"""Indications through a real OpenPegasus, and through a daemon that is killed.

XENCIM_TEST_PEGASUS names the folder of one that runs and may be changed, without our classes;
XENCIM_TEST_PEGASUS_URL is where it is reached, as http://user:password@host:port of a user who may read
everything; XENCIM_TEST_PEGASUS_SOCKET is the XENCIM_CMPI_SOCKET that it was started with.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest
import pywbem
from tests.cmpi.test_serve import serving
from tests.integration.clients.indications.listeners import listening

from xencim.cimom_glue.cli.client import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cmpi.conftest import Built
    from tests.integration.clients.indications.listeners import Received

INTEROP = "root/PG_InterOp"
ON, OFF, PAUSED = 2, 3, 9
MACHINES = ("vm-00000", "vm-00001")


class Place(NamedTuple):
    """Where the CIMOM is."""

    root: str
    url: str
    socket: Path

    def client(self) -> pywbem.WBEMConnection:
        parts = urlsplit(self.url)
        address = f"{parts.scheme}://{parts.hostname}:{parts.port}"
        return pywbem.WBEMConnection(address, (parts.username or "", parts.password or ""), INTEROP)


@pytest.fixture
def pegasus() -> Place:
    given = [os.environ.get(f"XENCIM_TEST_PEGASUS{one}") for one in ("", "_URL", "_SOCKET")]
    if None in given:
        pytest.skip("XENCIM_TEST_PEGASUS, …_URL and …_SOCKET name no running OpenPegasus")
    root, url, socket = map(str, given)
    return Place(root, url, Path(socket))


@contextmanager
def registered(place: Place, directory: Path, library: Path) -> Iterator[None]:
    """Register while the block lasts."""

    def run(*words: str) -> None:
        flags = ("--root", place.root, "--state-dir", str(directory / "state"))
        command = (sys.executable, "-m", "xencim", *words, *flags)
        environment = {**os.environ, "XENCIM_CONFIG": str(directory / "empty.toml")}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=100
        )
        assert done.returncode == 0, done.stderr

    (directory / "empty.toml").touch()
    run("register", "pegasus", "--backend", "fake:2", "--library", str(library))
    try:
        yield
    finally:
        run("unregister", "pegasus")


@contextmanager
def subscribed(client: pywbem.WBEMConnection, query: str) -> Iterator[Received]:
    """Subscribe to a query."""
    made: list[pywbem.CIMInstanceName] = []

    def make(class_name: str, **properties: object) -> pywbem.CIMInstanceName:
        made.append(client.CreateInstance(pywbem.CIMInstance(class_name, properties)))
        made[-1].host = None
        return made[-1]

    named = {
        "SystemCreationClassName": "CIM_ComputerSystem",
        "SystemName": os.uname().nodename,
        "Name": "xencim test",
    }
    filter_class, destination_class = "CIM_IndicationFilter", "CIM_ListenerDestinationCIMXML"
    with listening() as told:
        try:
            wanted = make(
                filter_class,
                **named,
                CreationClassName=filter_class,
                SourceNamespace="root/virt",
                Query=query,
                QueryLanguage="WQL",
            )
            to = make(
                destination_class,
                **named,
                CreationClassName=destination_class,
                Destination=told.url,
                PersistenceType=pywbem.Uint16(2),
            )
            state = pywbem.Uint16(2)
            make("CIM_IndicationSubscription", Filter=wanted, Handler=to, SubscriptionState=state)
            yield told
        finally:
            for path in reversed(made):
                client.DeleteInstance(path)


def turn(socket: Path, machine: str, state: int) -> None:
    path = pywbem.CIMInstanceName(
        "Xen_ComputerSystem",
        {"CreationClassName": "Xen_ComputerSystem", "Name": machine},
        namespace="root/virt",
    )
    with connected(socket) as connection:
        assert connection.InvokeMethod("RequestStateChange", path, RequestedState=pywbem.Uint16(state))[
            0
        ] in {
            0,
            4096,
        }


def states(indication: pywbem.CIMInstance) -> tuple[tuple[object, object], ...]:
    """Return the states of the machine before and after."""
    both = (indication["PreviousInstance"], indication["SourceInstance"])
    return tuple((one["RequestedState"], one["EnabledState"]) for one in both)


def is_whole(indications: list[pywbem.CIMInstance]) -> bool:
    """Tell whether each begins where the last one ended, and the machine is paused in the end.

    OpenPegasus hands indications on by several threads, so a listener may see them in another order.
    """
    ordered = sorted(indications, key=lambda one: one["IndicationTime"].datetime)
    chain = [states(one) for one in ordered]
    return (
        bool(chain)
        and chain[-1][1][1] == PAUSED
        and [before for before, _ in chain[1:]] == [after for _, after in chain[:-1]]
    )


def test_each_change_comes_once_through_a_daemon_that_is_killed(
    pegasus: Place, plain: Built, tmp_path: Path
) -> None:
    socket = tmp_path / "socket"
    flags = ("--socket", str(socket))
    found: dict[str, list[pywbem.CIMInstance]] = {name: [] for name in MACHINES}
    # Its namespaces, and that it may call, are what the daemon knows from the registration.
    with registered(pegasus, tmp_path, plain.library), closing(pegasus.client()) as client:
        with serving(tmp_path, pegasus.socket, *flags) as process:
            query = "SELECT * FROM Xen_ComputerSystemModifiedIndication"
            subscription = subscribed(client, query)
            told = subscription.__enter__()
            for state in (OFF, ON, OFF):
                for machine in MACHINES:
                    turn(socket, machine, state)
            process.send_signal(signal.SIGKILL)
        try:
            with serving(tmp_path, pegasus.socket, *flags):
                for machine in MACHINES:
                    turn(socket, machine, PAUSED)
                while not all(is_whole(one) for one in found.values()):
                    indication = told.next()
                    found[indication["SourceInstance"]["Name"]].append(indication)
        finally:
            subscription.__exit__(None, None, None)
        while not told.is_empty:
            indication = told.next()
            found[indication["SourceInstance"]["Name"]].append(indication)
    for one in found.values():
        assert is_whole(one)
        assert len(one) >= len((OFF, ON, OFF, PAUSED))


def test_what_appears_and_vanishes_is_told(pegasus: Place, plain: Built, tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    with (
        registered(pegasus, tmp_path, plain.library),
        closing(pegasus.client()) as client,
        serving(tmp_path, pegasus.socket, "--socket", str(socket)),
        subscribed(client, "SELECT * FROM CIM_InstIndication") as told,
        connected(socket) as connection,
    ):
        service = connection.EnumerateInstanceNames("Xen_VirtualSystemManagementService", "root/virt")[0]
        settings = pywbem.CIMInstance(
            "Xen_VirtualSystemSettingData", {"VirtualSystemIdentifier": "told", "ElementName": "told"}
        )
        code, out = connection.InvokeMethod("DefineSystem", service, SystemSettings=settings.tomof())
        assert code in {0, 4096}, out
        system = pywbem.CIMInstanceName(
            "Xen_ComputerSystem",
            {"CreationClassName": "Xen_ComputerSystem", "Name": "told"},
            namespace="root/virt",
        )
        kinds = []
        while "Xen_ComputerSystemDeletedIndication" not in kinds:
            indication = told.next()
            if indication["SourceInstance"].get("Name") != "told":
                continue
            kinds.append(indication.classname)
            if kinds == ["Xen_ComputerSystemCreatedIndication"]:
                connection.InvokeMethod("DestroySystem", service, AffectedSystem=system)
    assert (kinds[0], kinds[-1]) == (
        "Xen_ComputerSystemCreatedIndication",
        "Xen_ComputerSystemDeletedIndication",
    )
