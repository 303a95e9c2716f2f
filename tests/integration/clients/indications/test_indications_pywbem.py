"""pywbem subscribes and listens, pywbemcli and pywbemlistener as real processes: all is told, in order."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pywbem import CIMError, CIMInstance, Uint16, Uint64, WBEMServer, WBEMSubscriptionManager

from ..programs import connect, pywbemcli, wbemcli
from .listeners import WITHIN_S, free_port, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pywbem import CIMInstanceName, WBEMConnection
    from tests.integration.conftest import Serve, ServerProcess

pytestmark = pytest.mark.clients

CHANGES = "SELECT * FROM Xen_ComputerSystemModifiedIndication"
START, PAUSE = Uint16(2), Uint16(9)


def machine(client: WBEMConnection, name: str) -> CIMInstanceName:
    paths = client.EnumerateInstanceNames("Xen_ComputerSystem", namespace="root/virt")
    [path] = (path for path in paths if path["Name"] == name)
    return path


def ask(client: WBEMConnection, path: CIMInstanceName, state: Uint16) -> None:
    result, _ = client.InvokeMethod("RequestStateChange", path, RequestedState=state)
    assert result == 0


@pytest.fixture
def client(own_server: ServerProcess) -> Iterator[WBEMConnection]:
    with connect(own_server) as connection:
        yield connection


def subscribe(
    manager: WBEMSubscriptionManager, client: WBEMConnection, url: str, query: str = CHANGES
) -> CIMInstance:
    server_id = manager.add_server(WBEMServer(client))
    to = manager.add_destination(server_id, url, destination_id="d")
    wanted = manager.add_filter(
        server_id, source_namespaces=["root/virt"], query=query, query_language="WQL", filter_id="f"
    )
    [subscription] = manager.add_subscriptions(server_id, wanted.path, to.path)
    return subscription


def test_a_listener_is_told_in_order_and_nothing_is_left_behind(client: WBEMConnection) -> None:
    with listening() as received, WBEMSubscriptionManager("t1") as manager:
        subscription = subscribe(manager, client, received.url)
        assert subscription["SubscriptionState"] == 2
        assert manager.get_owned_subscriptions(client.url) == [subscription]
        vm = machine(client, "vm-00000")
        for state in (PAUSE, START) * 5:
            ask(client, vm, state)
        told: list[CIMInstance] = []
        states: list[int] = []
        while len(states) < 10:
            told.append(received.next())
            if "EnabledState" in told[-1]["ChangedPropertyNames"]:
                states.append(told[-1]["SourceInstance"]["EnabledState"])
        assert states == [9, 2] * 5
        assert [one["SequenceNumber"] for one in told] == list(range(len(told)))
        assert {one["SequenceContext"] for one in told} == {told[0]["SequenceContext"]}
        first = next(one for one in told if "EnabledState" in one["ChangedPropertyNames"])
        assert first.classname == "Xen_ComputerSystemModifiedIndication"
        assert first["IndicationFilterName"] == "pywbemfilter:t1:f"
        assert first["SourceInstanceHost"] == "fake.example"
        assert first["SourceInstance"]["Name"] == "vm-00000"
        assert first["PreviousInstance"]["EnabledState"] == 2
    for class_name in ("CIM_IndicationSubscription", "CIM_IndicationFilter", "CIM_ListenerDestinationCIMXML"):
        assert client.EnumerateInstanceNames(class_name, namespace="interop") == []


def test_https_listeners_show_a_certificate_that_is_checked(own_server: ServerProcess) -> None:
    key = own_server.certificate.replace(".crt", ".key")
    with listening(certificate=own_server.certificate, key=key) as received:
        url = f"https://localhost:{received.port}"
        command = (sys.executable, "-m", "xencim", "subscription", "test", url)
        refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert refused.returncode == 1
        assert "certificate verify failed" in refused.stderr
        for variables in (
            {"XENCIM_INDICATIONS_CA": own_server.certificate},
            {"XENCIM_INDICATIONS_VERIFY": "false"},
        ):
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
                env={**own_server.environment, **variables},
            )
            assert (done.returncode, done.stdout) == (0, f"{url} took the indication\n"), done.stderr
            assert received.next()["OtherAlertType"] == "Test"


def test_libvirts_events_are_told(serve: Serve) -> None:
    pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
    with (
        serve("test:///default") as server,
        connect(server) as client,
        listening() as received,
        WBEMSubscriptionManager("t2") as manager,
    ):
        subscribe(manager, client, received.url)
        ask(client, machine(client, "test"), PAUSE)
        while (told := received.next())["SourceInstance"]["EnabledState"] != 9:
            pass
        assert told["PreviousInstance"]["EnabledState"] == 2


def test_a_mute_listener_delays_no_other(client: WBEMConnection) -> None:
    with socket.socket() as mute, listening() as received:
        mute.bind(("127.0.0.1", 0))
        mute.listen(1)  # the kernel takes the connection, nobody ever answers
        with WBEMSubscriptionManager("t3") as slow, WBEMSubscriptionManager("t4") as quick:
            subscribe(slow, client, f"http://127.0.0.1:{mute.getsockname()[1]}")
            subscribe(quick, client, received.url)
            vm = machine(client, "vm-00001")
            ask(client, vm, PAUSE)
            while received.next()["SourceInstance"]["EnabledState"] != 9:
                pass
            ask(client, vm, START)


def test_a_client_reads_changes_and_deletes_by_hand(client: WBEMConnection) -> None:
    def make(class_name: str, **values: object) -> CIMInstanceName:
        return client.CreateInstance(CIMInstance(class_name, values), namespace="interop")

    wanted = make("CIM_IndicationFilter", Name="f", Query=CHANGES, QueryLanguage="DMTF:CQL")
    to = make("CIM_ListenerDestinationCIMXML", Name="d", Destination="http://127.0.0.1:1")
    path = make("CIM_IndicationSubscription", Filter=wanted, Handler=to, SubscriptionDuration=Uint64(600))
    assert client.AssociatorNames(wanted, AssocClass="CIM_IndicationSubscription")[0]["Name"] == "d"
    [service] = client.EnumerateInstanceNames("CIM_IndicationService", namespace="interop")
    affected = client.AssociatorNames(service, AssocClass="CIM_ServiceAffectsElement")
    assert sorted(one["Name"] for one in affected) == ["d", "f"]
    changed = client.GetInstance(path)
    changed["SubscriptionState"] = Uint16(4)
    client.ModifyInstance(changed)
    assert client.GetInstance(path)["SubscriptionState"] == 4
    with pytest.raises(CIMError, match="has subscriptions: delete them first"):
        client.DeleteInstance(to)
    for one in (path, wanted, to):
        client.DeleteInstance(one)


def test_indication_classes_have_no_instances(client: WBEMConnection) -> None:
    for name in ("CIM_Indication", "Xen_ComputerSystemCreatedIndication"):
        assert client.EnumerateInstances(name, namespace="root/virt") == []


def test_wbemcli_makes_changes_and_deletes_a_destination(own_server: ServerProcess) -> None:
    keys = (
        'SystemCreationClassName="CIM_ComputerSystem",SystemName="h",'
        'CreationClassName="CIM_ListenerDestinationCIMXML",Name="w"'
    )
    path = f"interop:CIM_ListenerDestinationCIMXML.{keys}"
    [made] = wbemcli(own_server, "ci", path, f'{keys},Destination="http://127.0.0.1:1"')
    assert made.endswith(f"/{path}")
    assert wbemcli(own_server, "mi", path, 'Destination="https://[::1]:2"') == []
    [told] = wbemcli(own_server, "gi", path)
    assert 'Destination="https://[::1]:2"' in told
    assert wbemcli(own_server, "di", path) == []


def test_pywbemcli_subscribes_and_pywbemlistener_hears(own_server: ServerProcess, tmp_path: Path) -> None:
    port, heard = free_port(), tmp_path / "heard"
    program = Path(sys.executable).with_name("pywbemlistener")
    words = [str(program), "run", "t", "--scheme", "http", "--port", str(port), "--bind-addr", "127.0.0.1"]
    words += ["--indi-file", str(heard), "--indi-format", "{i.classname} {i[SequenceNumber]}"]
    with subprocess.Popen(words, cwd=tmp_path, env=own_server.environment, stdout=subprocess.PIPE) as process:
        try:
            _wait_for(port)
            pywbemcli(own_server, "subscription", "add-destination", "d", "-l", f"http://127.0.0.1:{port}")
            pywbemcli(own_server, "subscription", "add-filter", "f", "--query", CHANGES)
            pywbemcli(own_server, "subscription", "add-subscription", "d", "f")
            listed = pywbemcli(own_server, "-o", "plain", "subscription", "list-subscriptions")
            assert "owned" in listed
            with connect(own_server) as client:
                for state in (PAUSE, START):
                    ask(client, machine(client, "vm-00001"), state)
            lines = _lines(heard, 2)
            assert lines[0] == "Xen_ComputerSystemModifiedIndication 0"
            assert lines[1] == "Xen_ComputerSystemModifiedIndication 1"
            pywbemcli(own_server, "subscription", "remove-subscription", "d", "f")
            pywbemcli(own_server, "subscription", "remove-filter", "f")
            pywbemcli(own_server, "subscription", "remove-destination", "d")
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def _lines(path: Path, count: int) -> list[str]:
    """Return a growing file's lines once there are so many."""
    deadline = time.monotonic() + WITHIN_S
    while not path.exists() or len(lines := path.read_text().splitlines()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return lines
