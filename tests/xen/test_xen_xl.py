"""What xl does behind the server's back shows within a second, and clients control what xl made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

from .conftest import XENCIM, shows
from .test_xen_control import DISABLED, ENABLED, QUIESCE, RESET
from .test_xen_host import instances, names, of_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import XenHost

pytestmark = [pytest.mark.xen, pytest.mark.timeout(1800)]

NAME = "made-by-xl"
UUID = "50000000-0000-4000-8000-0000000000aa"
CONFIG = """name="{name}"
uuid="{uuid}"
type="{kind}"
kernel="/guest/vmlinuz"
ramdisk="/guest/initrd"
extra="console=hvc0 quiet mitigations=off"
memory={memory}
maxmem={maximum}
vcpus=1
vif=["mac=00:16:3e:00:00:aa,bridge=br0"]
on_crash="destroy"
"""
MANY = 16
"""Each has a guest kernel of 58 MiB in its memory; the emulated host has no more than 1.7 GiB for them."""
QUESTIONS = 20
"""To xenstore about a machine without disks: two watches, its nodes, folders and network card."""
COUNT = """
import asyncio, json
from xencim.providers.backends.xen import domains, hypervisor
from xencim.providers.backends.xen.following import Following
from xencim.providers.backends.xen.tools import Tools

asked = hypervisor.found()

async def listed():
    return domains.read_hypercall(await asyncio.to_thread(asked.domains))

async def main():
    found = Following(Tools(), lambda: None)
    await found.start(listed)
    first = found.store.requests
    await asyncio.sleep(3)
    settled, looked = found.store.requests, found.looks
    await found.look()
    print(json.dumps({"domains": len(found.domains), "told": len(found.lives), "first": first,
                      "again": found.store.requests - settled, "calls": asked.calls, "looks": found.looks}))
    await found.stop()

asyncio.run(main())
"""


def create(xen: XenHost, name: str, uuid: str, *, paused: bool = False, memory: int = 128) -> None:
    text = CONFIG.format(name=name, uuid=uuid, kind="pvh", memory=memory, maximum=memory + 16)
    flag = "-p" if paused else ""
    xen.host.run(f"cat > /guest/{name}.cfg && xl create {flag} /guest/{name}.cfg", data=text)


@pytest.fixture
def machine(xen: XenHost) -> Iterator[str]:
    """The name of a running machine that xl made."""
    create(xen, NAME, UUID)
    yield NAME
    xen.host.try_run(f"xl destroy {NAME}")


def state(connection: Any, path: Any) -> Any:  # noqa: ANN401 - a WBEMConnection, a path, a number
    return connection.GetInstance(path)["EnabledState"]


def memory(connection: Any) -> Any:  # noqa: ANN401 - as above
    [found] = instances(connection, "Xen_MemResourceAllocationSettingData", NAME)
    return found["VirtualQuantity"]


def disks(connection: Any) -> list[str]:  # noqa: ANN401 - as above
    return sorted(
        one["InstanceID"] for one in instances(connection, "Xen_DiskResourceAllocationSettingData", NAME)
    )


def test_what_xl_does_shows_within_a_second(connection: Any, xen: XenHost) -> None:  # noqa: ANN401 - as above
    before = names(connection)
    create(xen, NAME, UUID)
    shows(lambda: names(connection), sorted([*before, NAME]))
    path = of_name(connection, NAME)
    shows(lambda: state(connection, path), ENABLED)
    xen.host.run(f"xl pause {NAME}")
    shows(lambda: state(connection, path), QUIESCE)
    xen.host.run(f"xl unpause {NAME}")
    shows(lambda: state(connection, path), ENABLED)
    assert memory(connection) == 128 * 1024
    xen.host.run(f"xl mem-set {NAME} 120m")
    shows(lambda: memory(connection), 120 * 1024)
    xen.host.run(f"truncate --size 16M /guest/xl.raw && xl block-attach {NAME} file:/guest/xl.raw xvdb w")
    shows(lambda: disks(connection), [f"{NAME}/xvdb"])
    xen.host.run(f"xl block-detach {NAME} xvdb")
    shows(lambda: disks(connection), [])
    xen.host.run(f"xl destroy {NAME}")
    shows(lambda: names(connection), before)


def test_a_machine_of_xl_is_what_xl_and_xenstore_say(connection: Any, xen: XenHost, machine: str) -> None:  # noqa: ANN401 - as above
    shows(lambda: machine in names(connection), True)
    known = {one["config"]["c_info"]["name"]: one for one in json.loads(xen.host.run("xl list -l"))}
    shows(lambda: sorted(known), xen.running())
    config, number = known[machine]["config"], known[machine]["domid"]
    [limits] = instances(connection, "Xen_MemResourceAllocationSettingData", machine)
    target = int(xen.host.run(f"xenstore-read /local/domain/{number}/memory/target"))
    assert (limits["VirtualQuantity"], limits["Limit"]) == (target, config["b_info"]["max_memkb"])

    def weight() -> Any:  # noqa: ANN401 - as above
        [found] = instances(connection, "Xen_ProcResourceAllocationSettingData", machine)
        return found["Weight"]

    shows(weight, config["b_info"]["sched_params"]["weight"], within_s=10)
    [port] = instances(connection, "Xen_NetworkPort", machine)
    assert port["PermanentAddress"] == config["nics"][0]["mac"]


def test_clients_control_what_xl_made(connection: Any, xen: XenHost, machine: str) -> None:  # noqa: ANN401 - as above
    shows(lambda: machine in names(connection), True)
    path = of_name(connection, machine)

    def ask(wanted: int) -> int:
        answer, _ = connection.InvokeMethod("RequestStateChange", path, RequestedState=pywbem.Uint16(wanted))
        return int(answer)

    assert ask(QUIESCE) in {0, 4096}
    shows(lambda: xen.host.run("xl list -v").split(f"{machine} ")[1].split()[3][2], "p", within_s=10)
    shows(lambda: state(connection, path), QUIESCE)
    assert ask(ENABLED) in {0, 4096}
    shows(lambda: state(connection, path), ENABLED, within_s=10)
    assert ask(RESET) == 1
    assert ask(DISABLED) in {0, 4096}
    shows(lambda: machine in names(connection), False, within_s=10)
    assert machine not in xen.running()


def test_libvirts_machine_changed_by_xl(connection: Any, xen: XenHost) -> None:  # noqa: ANN401 - as above
    xen.define(NAME, 6, pvh=True)
    try:
        xen.virsh(f"start {NAME}")
        path = of_name(connection, NAME)
        shows(lambda: state(connection, path), ENABLED)
        xen.host.run(f"xl pause {NAME}")
        shows(lambda: state(connection, path), QUIESCE)
        xen.host.run(f"xl unpause {NAME} && xl mem-set {NAME} 112m")
        shows(lambda: memory(connection), 112 * 1024)
        assert xen.machines().count(NAME) == names(connection).count(NAME) == 1
    finally:
        xen.take_away(NAME)


def test_many_machines_cost_one_call_and_a_bound(connection: Any, xen: XenHost) -> None:  # noqa: ANN401 - as above
    before = names(connection)
    many = [f"many-{number}" for number in range(MANY)]
    try:
        for number, name in enumerate(many):
            create(xen, name, f"60000000-0000-4000-8000-0000000000{number:02}", paused=True, memory=72)
        shows(lambda: names(connection), sorted([*before, *many]))
        assert sorted(many + [one for one in xen.running() if one not in many]) == xen.running()
        counted = json.loads(xen.host.run("/opt/xencim/bin/python -", data=COUNT))
        assert counted["domains"] == counted["told"] == len(xen.running())
        assert counted["first"] <= counted["domains"] * QUESTIONS
        assert counted["again"] == 0
        assert counted["calls"] == counted["looks"]
    finally:
        xen.host.run(f"for name in {' '.join(many)}; do xl destroy $name; done; true")


def test_domain_0_has_a_share_that_can_be_set(connection: Any, xen: XenHost) -> None:  # noqa: ANN401 - as above
    [share] = instances(connection, "Xen_ProcResourceAllocationSettingData", "Domain-0")
    assert (share["Weight"], share["ChangeableType"]) == (256, 1)
    [service] = connection.EnumerateInstanceNames("Xen_VirtualSystemManagementService")
    wanted = pywbem.CIMInstance(
        share.classname, {"InstanceID": share["InstanceID"], "Weight": pywbem.Uint32(512)}
    )
    answer, _ = connection.InvokeMethod("ModifyResourceSettings", service, ResourceSettings=[wanted])
    assert answer in {0, 4096}
    line = "xl sched-credit2 -d Domain-0 | awk '$1 == \"Domain-0\" {print $3}'"
    shows(lambda: xen.host.run(line).strip(), "512", within_s=20)
    shows(
        lambda: instances(connection, "Xen_ProcResourceAllocationSettingData", "Domain-0")[0]["Weight"],
        512,
        within_s=10,
    )
    xen.host.run("xl sched-credit2 -d Domain-0 -w 256")


def test_doctor_names_xens_sources(xen: XenHost) -> None:
    told = xen.host.run(
        f"{XENCIM} doctor --backend xen:///system --state-dir /state --socket /run/xencim.sock"
    )
    assert "✔ hypercalls: all domains by one hypercall" in told
    assert "✔ xenstore: changes by others show at once" in told
    assert "✔ flask: This hypervisor was not built with XSM" in told
