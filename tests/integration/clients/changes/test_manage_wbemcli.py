"""Machines defined, changed and taken away from the command line: wbemcli and pywbemcli."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..programs import connect, pywbemcli, run_wbemcli, wbemcli

if TYPE_CHECKING:
    from tests.integration.conftest import ServerProcess

pytestmark = pytest.mark.clients

SERVICE = (
    'Xen_VirtualSystemManagementService.SystemCreationClassName="Xen_HostSystem",SystemName="fake.example",'
    'CreationClassName="Xen_VirtualSystemManagementService",Name="Management Service"'
)
MACHINE = 'Xen_ComputerSystem.CreationClassName="Xen_ComputerSystem",Name="{}"'
SYSTEM = 'instance of Xen_VirtualSystemSettingData {{ VirtualSystemIdentifier = "{}"; }};'
MEMORY = "instance of Xen_MemResourceAllocationSettingData { VirtualQuantity = 536870912; };"
PROCESSORS = (
    'instance of Xen_ProcResourceAllocationSettingData { InstanceID = "cli/proc"; VirtualQuantity = 3; };'
)


def call(server: ServerProcess, words: str) -> str:
    """Return what a method of the service gives back, as wbemcli writes it."""
    [line] = wbemcli(server, "cm", f"root/virt:{SERVICE}", words, scheme="https")
    return line.split('"Management Service" ', 1)[1]


def value(server: ServerProcess, cls: str, instance_id: str, name: str) -> str:
    path = f'root/virt:Xen_{cls}.InstanceID="{instance_id}"'
    lines = wbemcli(server, "gi", path, options=("-nl",))
    return next(line for line in lines if line.startswith(f"-{name}=")).partition("=")[2]


def test_wbemcli_manages(own_server: ServerProcess) -> None:
    # One resource: wbemcli takes what follows a comma for the next parameter.
    words = f"DefineSystem.SystemSettings={SYSTEM.format('cli')},ResourceSettings={MEMORY}"
    made = call(own_server, words)
    assert made.startswith("DefineSystem: 0, ResultingSystem (reference): fake.example/root/virt")
    assert made.endswith('CreationClassName="Xen_ComputerSystem",Name="cli"')
    assert value(own_server, "MemResourceAllocationSettingData", "cli/mem", "VirtualQuantity") == "524288"
    # cmx: what wbemcli cannot show otherwise is an array of references.
    words = f"ModifyResourceSettings.ResourceSettings={PROCESSORS}"
    [changed] = wbemcli(own_server, "cmx", f"root/virt:{SERVICE}", words)
    assert '<RETURNVALUE PARAMTYPE="uint32"><VALUE>0</VALUE></RETURNVALUE>' in changed
    assert ">cli/proc</KEYVALUE>" in changed
    assert value(own_server, "ProcResourceAllocationSettingData", "cli/proc", "VirtualQuantity") == "3"
    noted = SYSTEM.format("cli").replace("{ ", '{ InstanceID = "Xen:cli"; Description = "by wbemcli"; ')
    assert call(own_server, f"ModifySystemSettings.SystemSettings={noted}") == "ModifySystemSettings: 0"
    assert value(own_server, "VirtualSystemSettingData", "Xen:cli", "Description") == '"by wbemcli"'
    # The running vm-00000, by its name alone: wbemcli would take a comma for the end of the reference.
    gone = "DestroySystem.AffectedSystem=Xen_ComputerSystem.Name="
    assert call(own_server, f'{gone}"cli"') == "DestroySystem: 0"
    assert call(own_server, f'{gone}"vm-00000"') == "DestroySystem: 0"
    names = wbemcli(own_server, "ein", "root/virt:Xen_ComputerSystem")
    assert [line.split('"')[1] for line in names] == ["vm-00001", "vm-00002"]


def test_refusals_reach_the_command_line(own_server: ServerProcess) -> None:
    words = f"DefineSystem.SystemSettings={SYSTEM.format('vm-00001')}"
    with connect(own_server) as connection:
        [machine] = [
            one for one in connection.EnumerateInstances("Xen_ComputerSystem") if one["Name"] == "vm-00001"
        ]
    for account, said in (
        (
            "admin",
            f"(1) CIM_ERR_FAILED: Guest 'vm-00001' is already defined with UUID {machine['UUID']}",
        ),
        ("operator", "(2) CIM_ERR_ACCESS_DENIED: 'operator' has no admin access: method DefineSystem of "),
    ):
        done = run_wbemcli(own_server, "cm", f"root/virt:{SERVICE}", words, account=account)
        assert (done.returncode, done.stdout) == (16, "")
        assert done.stderr.splitlines()[1].startswith(f"* wbemcli: Cim: {said}")


def test_pywbemcli_manages(own_server: ServerProcess) -> None:
    told = pywbemcli(
        own_server,
        *("instance", "invokemethod", SERVICE, "DefineSystem"),
        *("-p", f"SystemSettings={SYSTEM.format('py')}"),
    )
    assert told.splitlines()[0] == "ReturnValue=0"
    told = pywbemcli(
        own_server,
        *("instance", "invokemethod", SERVICE, "DestroySystem"),
        *("-p", f"AffectedSystem=root/virt:{MACHINE.format('py')}"),
    )
    assert told.splitlines()[0] == "ReturnValue=0"
