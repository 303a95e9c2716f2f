"""What a server on a real Xen host shows of it and of its guests: exactly what virsh and xl list, at once."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

from .conftest import PV, PVH, SIZES, XENCIM, shows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import XenHost

pytestmark = [pytest.mark.xen, pytest.mark.timeout(1800)]

DOM0 = "Domain-0"
ENABLED, DISABLED, QUIESCE = 2, 3, 9


@pytest.fixture(scope="module")
def guests(xen: XenHost) -> Iterator[list[str]]:
    """A PV and a PVH guest that run, and one that is off."""
    for number, name in enumerate((PV, PVH, "off"), start=1):
        xen.define(name, number, pvh=name != PV)
    xen.virsh(f"start {PV}")
    xen.virsh(f"start {PVH}")
    yield [DOM0, "off", PV, PVH]
    for name in (PV, PVH, "off"):
        xen.take_away(name)


def names(connection: Any, class_name: str = "Xen_ComputerSystem") -> list[str]:  # noqa: ANN401 - a WBEMConnection
    return sorted(one.keybindings["Name"] for one in connection.EnumerateInstanceNames(class_name))


def of_name(connection: Any, name: str) -> Any:  # noqa: ANN401 - as above
    """Return the path of a machine."""
    found = connection.EnumerateInstanceNames("Xen_ComputerSystem")
    [path] = [one for one in found if one.keybindings["Name"] == name]
    return path


def bare(path: Any) -> Any:  # noqa: ANN401 - a CIMInstanceName
    """Return a path without the host, which only some replies name."""
    path = path.copy()
    path.host = None
    return path


def test_every_check_of_doctor_is_good(xen: XenHost, guests: list[str]) -> None:
    del guests
    where = "--https 0.0.0.0:5989 --http 127.0.0.1:5988 --socket /run/xencim.sock"
    doctor = f"{XENCIM} doctor --backend xen:///system --state-dir /state {where}"
    told = xen.host.run(f"{doctor} | tee /state/doctor").splitlines()
    assert [line for line in told[:-1] if not line.startswith("✔ ")] == []
    assert told[-1] == f"{len(told) - 1} checks, nothing wrong"
    version = xen.host.run("xl info xen_version").strip()
    assert f"✔ hypervisor: xen:///system: Xen {version} on xenhost.example" in told


def test_machines_are_those_of_virsh_and_xl(
    connection: Any,  # noqa: ANN401 - as above
    xen: XenHost,
    guests: list[str],
) -> None:
    assert names(connection) == xen.machines() == guests
    running = [
        one["Name"]
        for one in connection.EnumerateInstances("Xen_ComputerSystem")
        if one["EnabledState"] == ENABLED
    ]
    assert sorted(running) == xen.running() == [DOM0, PV, PVH]


def test_settings_are_what_xl_says(connection: Any, xen: XenHost, guests: list[str]) -> None:  # noqa: ANN401 - as above
    del guests
    known = {one["config"]["c_info"]["name"]: one["config"] for one in json.loads(xen.host.run("xl list -l"))}
    for name in (PV, PVH):
        config = known[name]
        [memory] = instances(connection, "Xen_MemResourceAllocationSettingData", name)
        assert (memory["VirtualQuantity"], memory["Limit"]) == (
            SIZES["memory"] * 1024,
            SIZES["maximum"] * 1024,
        ), memory.tomof()
        assert config["b_info"]["max_memkb"] == SIZES["maximum"] * 1024
        [processor] = instances(connection, "Xen_ProcResourceAllocationSettingData", name)
        scheduling = config["b_info"]["sched_params"]
        assert (processor["VirtualQuantity"], processor["Weight"]) == (1, scheduling["weight"])
        [port] = instances(connection, "Xen_NetworkPort", name)
        assert port["PermanentAddress"] == config["nics"][0]["mac"]


def instances(connection: Any, class_name: str, machine: str) -> list[Any]:  # noqa: ANN401 - as above
    """Return what belongs to a machine's present, by its identifier."""
    key = {"Xen_NetworkPort": "DeviceID"}.get(class_name, "InstanceID")
    found = connection.EnumerateInstances(class_name)
    return [one for one in found if one[key].startswith(f"{machine}/") and not one[key].endswith(";stored")]


def test_every_class_enumerates(connection: Any, guests: list[str]) -> None:  # noqa: ANN401 - as above
    del guests
    for namespace in ("root/virt", "interop"):
        for name in connection.EnumerateClassNames(namespace, DeepInheritance=True):
            if not name.startswith("Xen_"):
                continue
            try:
                found = connection.EnumerateInstances(name, namespace)
            except pywbem.CIMError as error:
                # What is in embedded objects and indications only has no instances of its own.
                assert error.status_code == pywbem.CIM_ERR_NOT_SUPPORTED, (name, error)  # noqa: PT017 - some raise
                continue
            listed = connection.EnumerateInstanceNames(name, namespace)
            assert sorted(str(one.path) for one in found) == sorted(map(str, listed)), name


def test_associations_are_the_same_from_both_ends(connection: Any, guests: list[str]) -> None:  # noqa: ANN401 - as above
    machines = {bare(of_name(connection, name)) for name in guests}
    ends: dict[Any, set[Any]] = defaultdict(set)
    for name in (
        "Xen_SystemDevice",
        "Xen_SettingsDefineState",
        "Xen_HostedDependency",
        "Xen_ElementAllocatedFromPool",
    ):
        for one in connection.EnumerateInstances(name):
            left, right = (bare(prop.value) for prop in one.properties.values() if prop.type == "reference")
            ends[name, left].add(right)
            ends[name, right].add(left)
    assert {one for _name, one in ends if one.classname == "Xen_ComputerSystem"} == machines
    for (name, end), others in ends.items():
        assert set(map(bare, connection.AssociatorNames(end, AssocClass=name))) == others, (name, end)


def test_domain_0_is_there_once_and_refuses_by_name(
    connection: Any,  # noqa: ANN401 - as above
    xen: XenHost,
) -> None:
    assert names(connection).count(DOM0) == 1
    path = of_name(connection, DOM0)
    [host] = connection.AssociatorNames(path, AssocClass="Xen_HostedDependency", Role="Dependent")
    assert host.keybindings["Name"] == "xenhost.example"
    for state in (DISABLED, 4, QUIESCE, 11):
        with pytest.raises(pywbem.CIMError) as caught:
            connection.InvokeMethod("RequestStateChange", path, RequestedState=pywbem.Uint16(state))
        assert caught.value.status_code == pywbem.CIM_ERR_NOT_SUPPORTED
        assert "Domain-0 is the host's management domain" in caught.value.status_description
    [service] = connection.EnumerateInstanceNames("Xen_VirtualSystemManagementService")
    with pytest.raises(pywbem.CIMError) as caught:
        connection.InvokeMethod("DestroySystem", service, AffectedSystem=path)
    assert caught.value.status_code == pywbem.CIM_ERR_NOT_SUPPORTED
    assert "Domain-0 is the host's management domain" in caught.value.status_description
    assert xen.running()[0] == DOM0


def test_what_virsh_does_shows_within_a_second(connection: Any, xen: XenHost) -> None:  # noqa: ANN401 - as above
    before = names(connection)
    xen.define("fleeting", 4, pvh=True)
    shows(lambda: names(connection), sorted([*before, "fleeting"]))
    path = of_name(connection, "fleeting")
    for words, state in (
        ("start fleeting", ENABLED),
        ("suspend fleeting", QUIESCE),
        ("resume fleeting", ENABLED),
        ("destroy fleeting", DISABLED),
    ):
        xen.virsh(words)
        shows(lambda: connection.GetInstance(path)["EnabledState"], state)
        assert ("fleeting" in xen.running()) == (state != DISABLED)
        joined = connection.AssociatorNames(path, AssocClass="Xen_SettingsDefineState")
        assert [one.classname for one in joined] == ["Xen_VirtualSystemSettingData"]
    xen.virsh("undefine fleeting")
    shows(lambda: names(connection), before)
