"""Machines, what they can be asked to do, and their definitions: exact values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from xencim.providers.backends.fake import fake_config, fake_host
from xencim.providers.backends.records import (
    Graphics,
    MachineOperation,
    PowerState,
    VirtualMachine,
)
from xencim.providers.core.spec import ClassName, ClassSpec, Const
from xencim.providers.vm import (
    computer_system,
    enabled_logical_element_capabilities,
    virtual_system_setting_data,
)
from xencim.providers.vm.rows import Origin

if TYPE_CHECKING:
    from xencim.providers.core.spec import Row

UUID = "0b4c9a6e-6f0a-4b7f-9b0e-0a8c2d8f3c11"
HOST = fake_host(1)
CONFIG = fake_config(0)
RUNNING = VirtualMachine(
    uuid=UUID, name="web", state=PowerState.RUNNING, current=CONFIG, stored=CONFIG, id=7, autostart=True
)
OFF = replace(RUNNING, state=PowerState.SHUT_OFF, stored=None, id=None, autostart=False)
DOMAIN_0 = replace(RUNNING, name="Domain-0", stored=None, persistent=False, is_management_domain=True)


def told(spec: ClassSpec, row: Row) -> dict[str, Any]:
    """Return what a spec tells of a row."""
    return {
        prop.name: prop.get.value if isinstance(prop.get, Const) else prop.get(*row)
        for prop in (*spec.keys, *spec.props)
        if not isinstance(prop.get, ClassName)
    }


def system(vm: VirtualMachine, operation: MachineOperation | None = None) -> dict[str, Any]:
    return told(computer_system.SPEC, (vm, operation, HOST))


def test_a_running_machine() -> None:
    assert system(RUNNING) == {
        "Name": "web",
        "ElementName": "web",
        "UUID": UUID,
        "NameFormat": "Other",
        "Caption": "Virtual System",
        "Description": "Machine 0 of a host made up in memory",
        "OtherIdentifyingInfo": ("Virtual System", "Xen Virtual System", UUID),
        "IdentifyingDescriptions": ("Type", "Model", "UUID"),
        "EnabledState": 2,
        "RequestedState": 0,
        "TransitioningToState": 5,
        "AvailableRequestedStates": (3, 4, 6, 9, 10, 11),
        "EnabledDefault": 2,
        "ResetCapability": 4,
        "OperationalStatus": (2,),
        "StatusDescriptions": ("running",),
        "HealthState": 5,
        "PrimaryStatus": 1,
        "DetailedStatus": 1,
        "OperatingStatus": 16,
        "CommunicationStatus": 2,
    }


# state: EnabledState, OperationalStatus, OperatingStatus, HealthState, PrimaryStatus, what can be asked
STATES = {
    PowerState.RUNNING: (2, (2,), 16, 5, 1, (3, 4, 6, 9, 10, 11)),
    PowerState.PAUSED: (9, (15,), 7, 5, 1, (2, 3, 6, 11)),
    PowerState.GUEST_SUSPENDED: (9, (15,), 7, 5, 1, (2, 3)),
    PowerState.SHUTTING_DOWN: (4, (9,), 13, 5, 1, (3,)),
    PowerState.SHUT_OFF: (3, (10,), 5, 5, 1, (2,)),
    PowerState.SAVED: (6, (15,), 7, 5, 1, (2,)),
    PowerState.CRASHED: (3, (6, 14), 6, 20, 3, (2,)),
    PowerState.UNKNOWN: (0, (0,), 0, 0, 0, None),
}


@pytest.mark.parametrize("state", PowerState)
def test_each_state(state: PowerState) -> None:
    values = system(replace(RUNNING, state=state, id=None, state_reason="why"))
    names = (
        "EnabledState",
        "OperationalStatus",
        "OperatingStatus",
        "HealthState",
        "PrimaryStatus",
        "AvailableRequestedStates",
    )
    assert tuple(values[name] for name in names) == STATES[state]
    assert values["StatusDescriptions"] == (f"{state.value} (why)",) * len(values["OperationalStatus"])


def test_a_crashed_machine_that_is_kept_has_to_be_cleared_away() -> None:
    assert system(replace(RUNNING, state=PowerState.CRASHED))["AvailableRequestedStates"] == (3,)


def test_a_machine_that_shuts_down_by_itself_is_on_its_way() -> None:
    assert system(replace(RUNNING, state=PowerState.SHUTTING_DOWN))["TransitioningToState"] == 4


def test_a_pending_and_a_past_request() -> None:
    pending = MachineOperation(machine=UUID, requested_state=6, in_progress=True)
    names = ("RequestedState", "TransitioningToState")
    assert [system(RUNNING, pending)[name] for name in names] == [6, 6]
    assert [system(RUNNING, replace(pending, in_progress=False))[name] for name in names] == [6, 5]


@pytest.mark.parametrize("by_host", [True, False])
def test_lost_contact_keeps_the_last_state(*, by_host: bool) -> None:
    since = datetime(2025, 3, 1, 12, 30, tzinfo=UTC)
    host = replace(HOST, no_contact_since=since) if by_host else HOST
    vm = RUNNING if by_host else replace(RUNNING, no_contact_since=since)
    values = told(computer_system.SPEC, (vm, None, host))
    assert values["EnabledState"] == 2
    assert values["OperationalStatus"] == (13,)
    assert values["StatusDescriptions"] == (
        "no answer since 2025-03-01T12:30:00+00:00; before that: running",
    )
    assert values["CommunicationStatus"] == 3
    assert [values[n] for n in ("HealthState", "PrimaryStatus", "DetailedStatus", "OperatingStatus")] == [
        0
    ] * 4
    assert values["AvailableRequestedStates"] is None


def test_domain_0_cannot_be_asked_anything() -> None:
    values = system(DOMAIN_0)
    assert values["EnabledState"] == 2
    assert values["RequestedState"] == values["TransitioningToState"] == 12
    assert values["AvailableRequestedStates"] == ()
    assert values["ResetCapability"] == 5
    capabilities = told(enabled_logical_element_capabilities.SPEC, (DOMAIN_0, HOST))
    assert capabilities["RequestedStatesSupported"] == capabilities["StateAwareness"] == ()


def test_autostart_is_the_default_state() -> None:
    values = [
        system(replace(OFF, autostart=autostart))["EnabledDefault"] for autostart in (True, False, None)
    ]
    assert values == [2, 3, 7]


@pytest.mark.parametrize(
    ("listen", "port", "caption"),
    [
        ("127.0.0.1", 5900, "Virtual System (Console on vnc://127.0.0.1:5900)"),
        ("::1", 5901, "Virtual System (Console on vnc://[::1]:5901)"),
        ("127.0.0.1", -1, "Virtual System"),
        ("2001:db8:1111:2222:3333:4444:5555:6666", 5900, "Virtual System"),  # longer than a caption may be
    ],
)
def test_the_caption_says_where_the_console_is(listen: str, port: int, caption: str) -> None:
    config = replace(CONFIG, graphics=(Graphics(type="vnc", listen=listen, port=port),))
    assert system(replace(RUNNING, current=config))["Caption"] == caption


@pytest.mark.parametrize(
    ("hypervisor", "persistent", "states"),
    [
        ("Fake", True, (2, 3, 4, 6, 9, 10, 11)),
        ("Fake", False, (2, 3, 4, 9, 10, 11)),
        ("Xen", True, (2, 3, 4, 6, 9, 10)),
        ("LXC", True, (2, 3, 4, 9, 10)),
    ],
)
def test_what_a_driver_cannot_do_is_not_offered(
    hypervisor: str, *, persistent: bool, states: tuple[int, ...]
) -> None:
    row = (replace(RUNNING, persistent=persistent), replace(HOST, hypervisor=hypervisor))
    assert told(enabled_logical_element_capabilities.SPEC, row) == {
        "InstanceID": "web",
        "ElementName": "web",
        "Caption": "State changes of a virtual system",
        "RequestedStatesSupported": states,
        "StateAwareness": (3,),
        "ElementNameEditSupported": False,
    }


def settings(vm: VirtualMachine, origin: Origin = Origin.CURRENT) -> dict[str, Any]:
    config = vm.current if origin is Origin.CURRENT else vm.stored
    return told(virtual_system_setting_data.SPEC, (vm, config, origin, HOST))


def test_the_definition_of_a_machine() -> None:
    assert settings(RUNNING) == {
        "InstanceID": "Xen:web",
        "ElementName": "web",
        "VirtualSystemIdentifier": "web",
        "VirtualSystemType": "Xen",
        "UUID": UUID,
        "Caption": "Virtual System",
        "Description": "Machine 0 of a host made up in memory",
        "Notes": ("Machine 0 of a host made up in memory",),
        "ChangeableType": 2,
        "AutomaticStartupAction": 4,
        "AutoStart": 1,
        "AutomaticRecoveryAction": 3,
        "ClockOffset": 0,
        "EnableACPI": True,
        "EnableAPIC": True,
        "EnablePAE": True,
        "IsFullVirt": True,
        "Bootloader": None,
        "BootloaderArgs": None,
        "Kernel": None,
        "Ramdisk": None,
        "CommandLine": None,
        "BootDevices": ("hd",),
        "Emulator": "/usr/lib/xen/bin/qemu-system-i386",
        "Arch": "x86_64",
        "Machine": "xenfv",
        "InitPath": None,
        "Firmware": None,
        "Loader": None,
        "SecureBoot": None,
        "IsTemplate": False,
        "TPMVersion": None,
        "VirtualNUMANodes": None,
    }


def test_the_stored_definition_is_told_from_its_own_record() -> None:
    changed = replace(RUNNING, stored=replace(CONFIG, title="T" * 70, os_type="linux", on_crash="destroy"))
    stored = settings(changed, Origin.STORED)
    assert stored["InstanceID"] == "Xen:web;stored"
    assert stored["Caption"] == "T" * 64
    assert stored["IsFullVirt"] is False
    assert stored["AutomaticRecoveryAction"] == 2
    assert settings(changed)["IsFullVirt"] is True


def test_what_is_not_told_is_null() -> None:
    bare = replace(
        DOMAIN_0, autostart=None, current=replace(CONFIG, description=None, clock_offset=None, on_crash=None)
    )
    values = settings(bare)
    assert values["ChangeableType"] == 3
    for name in (
        "Description",
        "Notes",
        "AutomaticStartupAction",
        "AutoStart",
        "AutomaticRecoveryAction",
        "ClockOffset",
    ):
        assert values[name] is None
