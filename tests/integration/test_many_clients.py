"""100 machines started, stopped and modified by eight clients at once, through a real server process."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import pywbem
from pywbem import CIMInstance, CIMInstanceName, Uint16, Uint64

from xencim.cimom_glue.cli.client import connected

from .killable import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MACHINES, CLIENTS = 100, 8
DISABLE, ENABLE = 3, 2
NAMES = [f"vm-{number:05d}" for number in range(MACHINES)]
DONE, INVALID_TRANSITION = 0, 4097
NO_CHANGE = 5  # TransitioningToState


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    with serving(tmp_path, f"fake:{MACHINES}?delay_s=0.02"):
        yield tmp_path


def side_by_side(state_dir: Path, act: Callable[[pywbem.WBEMConnection, int, str], None]) -> None:
    """Have each client act on each machine, each in an order of its own."""

    def client(number: int) -> None:
        start = number * MACHINES // CLIENTS
        with connected(state_dir / "socket") as connection:
            for name in NAMES[start:] + NAMES[:start]:
                act(connection, number, name)

    with ThreadPoolExecutor(CLIENTS) as clients:
        for done in [clients.submit(client, number) for number in range(CLIENTS)]:
            done.result()


def is_current(instance_id: str) -> bool:
    """Tell whether settings are a machine's, as it has them now."""
    return "vm-" in instance_id and ";" not in instance_id


def test_no_modification_is_lost(state_dir: Path) -> None:
    # Clients 0 and 4, 1 and 5 and so on change different properties of one machine's settings.
    changes: list[tuple[str, str, Any]] = [
        ("VirtualSystemSettingData", "Description", "described"),
        ("VirtualSystemSettingData", "AutomaticStartupAction", Uint16(4)),
        ("ProcResourceAllocationSettingData", "Weight", pywbem.Uint32(300)),
        ("MemResourceAllocationSettingData", "VirtualQuantity", Uint64(512 * 1024)),
    ]
    service = CIMInstanceName(
        "Xen_VirtualSystemManagementService",
        {
            "SystemCreationClassName": "Xen_HostSystem",
            "SystemName": "fake.example",
            "CreationClassName": "Xen_VirtualSystemManagementService",
            "Name": "Management Service",
        },
        namespace="root/virt",
    )
    ids = {"VirtualSystem": "Xen:{}", "ProcResource": "{}/proc", "MemResource": "{}/mem"}
    codes: Counter[int] = Counter()

    def act(connection: pywbem.WBEMConnection, number: int, name: str) -> None:
        cls, prop, value = changes[number % len(changes)]
        instance_id = next(text for start, text in ids.items() if cls.startswith(start)).format(name)
        one = CIMInstance(f"Xen_{cls}", {"InstanceID": instance_id, prop: value})
        if cls.startswith("VirtualSystem"):
            code, _ = connection.InvokeMethod("ModifySystemSettings", service, SystemSettings=one)
        else:
            code, _ = connection.InvokeMethod("ModifyResourceSettings", service, ResourceSettings=[one])
        codes[int(code)] += 1

    side_by_side(state_dir, act)
    assert codes == {DONE: CLIENTS * MACHINES}
    with connected(state_dir / "socket") as connection:
        for cls, prop, value in changes:
            told = connection.EnumerateInstances(f"Xen_{cls}", PropertyList=["InstanceID", prop])
            current = [one[prop] for one in told if is_current(one["InstanceID"])]
            assert current == [value] * MACHINES
        assert connection.EnumerateInstanceNames("Xen_ConcreteJob") == []


def test_machines_are_started_and_stopped_by_all_at_once(state_dir: Path) -> None:
    codes: Counter[int] = Counter()

    def act(connection: pywbem.WBEMConnection, number: int, name: str) -> None:
        keys = {"CreationClassName": "Xen_ComputerSystem", "Name": name}
        path = CIMInstanceName("Xen_ComputerSystem", keys, namespace="root/virt")
        state = Uint16(ENABLE if number % 2 else DISABLE)
        code, _ = connection.InvokeMethod("RequestStateChange", path, RequestedState=state)
        codes[int(code)] += 1

    side_by_side(state_dir, act)
    # A machine that is as asked for says so, and nothing else is said.
    assert set(codes) <= {DONE, INVALID_TRANSITION}
    assert sum(codes.values()) == CLIENTS * MACHINES
    with connected(state_dir / "socket") as connection:
        told = connection.EnumerateInstances(
            "Xen_ComputerSystem", PropertyList=["EnabledState", "TransitioningToState"]
        )
        assert {one["TransitioningToState"] for one in told} == {NO_CHANGE}
        assert {one["EnabledState"] for one in told} <= {ENABLE, DISABLE}
        assert connection.EnumerateInstanceNames("Xen_ConcreteJob") == []
