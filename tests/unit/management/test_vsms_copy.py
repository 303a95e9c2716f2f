"""CopySystem, templates, and what is deployed from them, on a made-up host."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from xencim.mof.values import Path, TypedValue
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import StoragePool, VirtualMachine, Volume
from xencim.providers.catalogue import RECONCILERS
from xencim.providers.core import operations as op
from xencim.providers.core.errors import CimError, Status

from .management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OFF, RUNNING, LATER_OFF = "vm-00002", "vm-00000", "vm-00010"
IMAGES = "/var/lib/xen/images"


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing(FakeBackend(11)) as made:
        yield made


def copying(host: Host, source: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - of every type
    return {
        "SystemSettings": host.settings("system", VirtualSystemIdentifier="web"),
        "ReferenceConfiguration": host.setting("system", f"Xen:{source}"),
        **more,
    }


async def make_template(host: Host, name: str = OFF) -> Path:
    out = await host.call("ConvertToXenTemplate", System=host.system(name))
    path = out["ResultingTemplate"]
    assert isinstance(path, Path)
    return path


async def start(host: Host, name: str) -> object:
    request = op.InvokeMethod(
        namespace=host.site.namespace,
        object_name=host.system(name),
        method_name="RequestStateChange",
        parameters={
            "RequestedState": TypedValue("uint16", 2),
            "TimeoutPeriod": TypedValue("datetime", timedelta(seconds=5)),
        },
    )
    result = await host.world.engine.execute(request, host.principal)
    return getattr(result, "return_value", None)


async def test_a_full_copy_has_disks_addresses_and_a_uuid_of_its_own(host: Host) -> None:
    out = await host.call("CopySystem", **copying(host, OFF))
    assert out["ResultingSystem"].key("Name") == "web"
    source, copy = host.machine(OFF), host.machine("web")
    assert copy.uuid != source.uuid
    assert copy.autostart is False
    assert copy.current.nics[0].mac not in {vm.current.nics[0].mac for vm in machines(host) if vm != copy}
    assert [disk.source for disk in copy.current.disks] == [f"{IMAGES}/web-xvda.qcow2", None]
    assert copy.current.memory == source.current.memory
    assert copy.current.cpu == source.current.cpu
    made = host.view.get(Volume, "default/web-xvda.qcow2")
    assert made is not None
    assert (made.format, made.backing_path, made.capacity_bytes) == ("qcow2", None, 20 * 1024**3)


def machines(host: Host) -> list[VirtualMachine]:
    return list(host.view.all(VirtualMachine).values())


async def test_a_copy_may_go_to_another_pool(host: Host) -> None:
    await host.site.backend.create_pool(
        StoragePool(
            name="fast", uuid="", type="dir", state=next(iter(pools(host))).state, target_path="/fast"
        )
    )
    pool = Path("Xen_DiskPool", (("InstanceID", "DiskPool/fast"),))
    await host.call("CopySystem", **copying(host, OFF, StoragePool=pool))
    assert host.machine("web").current.disks[0].source == "/fast/web-xvda.qcow2"
    assert host.view.get(Volume, "fast/web-xvda.qcow2") is not None


def pools(host: Host) -> list[StoragePool]:
    return list(host.view.all(StoragePool).values())


async def test_what_differs_is_given_in_the_settings(host: Host) -> None:
    settings = host.settings("system", VirtualSystemIdentifier="web", Description="a copy")
    reference = host.setting("system", f"Xen:{OFF}")
    await host.call("CopySystem", SystemSettings=settings, ReferenceConfiguration=reference)
    assert host.machine("web").current.description == "a copy"


async def test_a_disk_that_runs_is_not_copied_and_nothing_is_left(host: Host) -> None:
    status, text = await host.refusal("CopySystem", **copying(host, RUNNING))
    assert status is Status.FAILED
    assert text == (
        "volume 'default/vm-00000.qcow2' is in use: it is disk xvda of machine 'vm-00000' (running)"
    )
    assert host.view.machine_named("web") is None
    assert host.view.get(Volume, "default/web-xvda.qcow2") is None


async def test_a_disk_outside_every_pool_is_not_copied(host: Host) -> None:
    host.site.inventory.remove(Volume, "default/vm-00002.qcow2")
    status, text = await host.refusal("CopySystem", **copying(host, OFF))
    assert status is Status.INVALID_PARAMETER
    assert text == (
        f"disk xvda cannot be copied: {IMAGES}/vm-00002.qcow2 is in no storage pool "
        "(make a pool of its folder)"
    )


async def test_a_copy_that_comes_to_nothing_leaves_no_volume(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_arguments: object, **_named: object) -> str:
        raise BackendError("failed", "no more machines")

    monkeypatch.setattr(host.site.backend, "define", fails)
    assert await host.refusal("CopySystem", **copying(host, OFF)) == (
        Status.FAILED,
        "CopySystem: no more machines",
    )
    assert host.view.get(Volume, "default/web-xvda.qcow2") is None


async def test_a_linked_clone_needs_a_template(host: Host) -> None:
    status, text = await host.refusal("CopySystem", **copying(host, OFF, LinkedClone=True))
    assert status is Status.INVALID_PARAMETER
    assert text == (
        "CopySystem: LinkedClone: vm-00002 is no template, so it could write what its copy lies on "
        "(make it one by ConvertToXenTemplate, or copy it whole)"
    )


async def test_a_linked_clone_lies_on_the_template(host: Host) -> None:
    await make_template(host)
    await host.call("CopySystem", **copying(host, OFF, LinkedClone=True))
    made = host.view.get(Volume, "default/web-xvda.qcow2")
    assert made is not None
    assert (made.backing_path, made.backing_format) == (f"{IMAGES}/vm-00002.qcow2", "qcow2")
    assert host.machine("web").current.is_template is False
    assert await start(host, "web") == 0


async def test_a_template_is_listed_and_not_started(host: Host) -> None:
    path = await make_template(host, LATER_OFF)
    assert path.key("InstanceID") == f"Xen:{LATER_OFF}"
    machine = host.machine(LATER_OFF)
    assert (machine.current.is_template, machine.autostart) == (True, False)
    with pytest.raises(CimError) as caught:
        await start(host, LATER_OFF)
    assert caught.value.status is Status.NOT_SUPPORTED
    assert "vm-00010 is a template: it is copied, not started" in caught.value.description
    one = host.settings("system", InstanceID=f"Xen:{LATER_OFF}", IsTemplate=False)
    await host.call("ModifySystemSettings", SystemSettings=one)
    assert await start(host, LATER_OFF) == 0


async def test_a_template_that_overlays_lie_on_stays_one(host: Host) -> None:
    await make_template(host)
    await host.call("CopySystem", **copying(host, OFF, LinkedClone=True))
    one = host.settings("system", InstanceID=f"Xen:{OFF}", IsTemplate=False)
    assert await host.refusal("ModifySystemSettings", SystemSettings=one) == (
        Status.FAILED,
        "volume 'default/vm-00002.qcow2' is in use: volume 'default/web-xvda.qcow2' is based on it",
    )
    assert host.machine(OFF).current.is_template is True


async def test_a_machine_that_runs_is_made_no_template(host: Host) -> None:
    result = await host.invoke("ConvertToXenTemplate", System=host.system(RUNNING))
    assert result.return_value == 5
    assert host.machine(RUNNING).current.is_template is False


async def test_a_template_does_not_start_with_its_host(host: Host) -> None:
    await make_template(host)
    one = host.settings("system", InstanceID=f"Xen:{OFF}", AutomaticStartupAction=4)
    status, text = await host.refusal("ModifySystemSettings", SystemSettings=one)
    assert status is Status.INVALID_PARAMETER
    assert "property AutomaticStartupAction" in text


async def test_define_system_deploys_a_template(host: Host) -> None:
    template = await make_template(host)
    settings = host.settings("system", VirtualSystemIdentifier="web")
    proc = host.settings("proc", VirtualQuantity=3)
    await host.call(
        "DefineSystem", SystemSettings=settings, ResourceSettings=(proc,), ReferenceConfiguration=template
    )
    made = host.view.get(Volume, "default/web-xvda.qcow2")
    assert made is not None
    assert made.backing_path == f"{IMAGES}/vm-00002.qcow2"
    assert host.machine("web").current.cpu.count == 3


async def test_after_a_restart_it_is_told_what_is_left_of_a_copy(host: Host) -> None:
    reconcile = RECONCILERS["CopySystem"]
    facts = {"machine": "none", "name": "web", "volumes": "default/vm-00001.qcow2, default/none"}
    assert reconcile(host.view, facts) == (
        "the machine is not there; what was made for it is left: default/vm-00001.qcow2"
    )
    assert reconcile(host.view, facts | {"machine": host.machine(OFF).uuid}) is None
