"""Subscriptions and what waits outlive a server that is killed; nothing is lost, nothing out of order."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from pywbem import CIMInstance, CIMInstanceName, Uint16

from xencim.cimom_glue.cli.client import connected

from ...killable import serving
from .listeners import free_port, listening

if TYPE_CHECKING:
    from pathlib import Path

    from pywbem import WBEMConnection

CHANGES = (
    "SELECT * FROM CIM_InstModification WHERE SourceInstance.EnabledState <> PreviousInstance.EnabledState"
)
MACHINE = CIMInstanceName(
    "Xen_ComputerSystem",
    {"CreationClassName": "Xen_ComputerSystem", "Name": "vm-00000"},
    namespace="root/virt",
)
COUNT = 40
HOST = "fake:3"


def subscribe(client: WBEMConnection, url: str) -> None:
    def make(class_name: str, **values: object) -> CIMInstanceName:
        return client.CreateInstance(CIMInstance(class_name, values), namespace="interop")

    wanted = make("CIM_IndicationFilter", Name="f", Query=CHANGES, QueryLanguage="WQL")
    to = make("CIM_ListenerDestinationCIMXML", Name="d", Destination=url)
    make("CIM_IndicationSubscription", Filter=wanted, Handler=to)


def change(client: WBEMConnection, count: int) -> None:
    for number in range(count):
        result, _ = client.InvokeMethod(
            "RequestStateChange", MACHINE, RequestedState=Uint16(2 if number % 2 else 9)
        )
        assert result == 0


def waiting(state_dir: Path) -> int:
    words = (sys.executable, "-m", "xencim", "subscription", "list", "--state-dir", str(state_dir))
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout.splitlines()[1].split()[2])


def test_what_waits_outlives_a_kill_and_comes_in_order(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, HOST) as process:
        with connected(tmp_path / "socket") as client:
            subscribe(client, f"http://127.0.0.1:{port}")
            change(client, COUNT)
        while waiting(tmp_path) < COUNT:
            pass
        process.kill()
    with listening(port) as received, serving(tmp_path, HOST):
        told = received.take(COUNT)
        with connected(tmp_path / "socket") as client:
            change(client, 2)
        told += received.take(2)
        assert received.is_empty
    assert [one["SequenceNumber"] for one in told] == list(range(COUNT + 2))
    assert [one["SourceInstance"]["EnabledState"] for one in told] == [9, 2] * (COUNT // 2 + 1)
    assert len({one["SequenceContext"] for one in told}) == 1


def test_a_kill_while_delivering_repeats_at_most_and_keeps_the_order(tmp_path: Path) -> None:
    with listening() as received:
        with serving(tmp_path, HOST) as process:
            with connected(tmp_path / "socket") as client:
                subscribe(client, received.url)
                change(client, COUNT)
                # Writes are carried out in turn, those of events in batches: after two more all are on disk.
                for name in ("second", "third"):
                    values = {"Name": name, "Query": CHANGES, "QueryLanguage": "WQL"}
                    client.CreateInstance(CIMInstance("CIM_IndicationFilter", values), namespace="interop")
            first = received.take(COUNT // 2)
            process.kill()
        with serving(tmp_path, HOST):
            last_number = -1
            numbers = [one["SequenceNumber"] for one in first]
            while last_number < COUNT - 1:
                last_number = received.next()["SequenceNumber"]
                numbers.append(last_number)
    # Each for the first time in order, whatever is repeated.
    assert list(dict.fromkeys(numbers)) == list(range(COUNT))
