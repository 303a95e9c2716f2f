"""Pictures, keys, dumps and passwords of machines of a made-up host, as the engine carries them out."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from xencim.mof.values import Path, TypedValue
from xencim.providers.backends.fake import FakeBackend, fake_host
from xencim.providers.backends.fake_guests import SCREEN
from xencim.providers.backends.records import GuestAccess, PowerState, StoragePool, Volume
from xencim.providers.catalogue import RECONCILERS
from xencim.providers.consoles import key_codes
from xencim.providers.core import operations as op
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import MethodReturn
from xencim.providers.host.services import virtual_system_management_capabilities as capabilities
from xencim.providers.management.given import told

from ..management.management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value

RUNNING, OFF = "vm-00000", "vm-00002"
INVALID_STATE = 4097
POOL = Path("Xen_DiskPool", (("InstanceID", "DiskPool/default"),))


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend(8)


@pytest.fixture
async def host(backend: FakeBackend) -> AsyncIterator[Host]:
    async with managing(backend) as made:
        yield made


def pressed(backend: FakeBackend) -> list[tuple[str, tuple[int, ...]]]:
    return [(code_set, keys) for _uuid, code_set, keys in backend.pressed]


async def typed(host: Host, method: str, machine: str = RUNNING, /, **parameters: Value) -> int:
    keys = (
        ("SystemCreationClassName", "Xen_ComputerSystem"),
        ("SystemName", machine),
        ("CreationClassName", "Xen_Keyboard"),
        ("DeviceID", f"{machine}/keyboard:xen"),
    )
    request = op.InvokeMethod(
        namespace="root/virt",
        object_name=Path("Xen_Keyboard", keys),
        method_name=method,
        parameters={name: TypedValue(None, value) for name, value in parameters.items()},
    )
    result = await host.world.engine.execute(request, host.principal)
    assert isinstance(result, MethodReturn)
    assert isinstance(result.return_value, int)
    return result.return_value


async def type_refused(host: Host, method: str, **parameters: Value) -> str:
    with pytest.raises(CimError) as caught:
        await typed(host, method, **parameters)
    assert caught.value.status is Status.INVALID_PARAMETER
    return caught.value.description


async def test_a_picture_is_told_as_it_is(host: Host) -> None:
    out = await host.call("GetVirtualSystemThumbnailImage", TargetSystem=host.system(RUNNING))
    assert b64decode(out["ImageData"]) == SCREEN.data
    assert out["MediaType"] == "image/x-portable-pixmap"
    method = "GetVirtualSystemThumbnailImage"
    assert (await host.invoke(method, TargetSystem=host.system(OFF))).return_value == INVALID_STATE
    assert (await host.refusal(method, TargetSystem=host.system(RUNNING), Screen=1)) == (
        Status.INVALID_PARAMETER,
        "GetVirtualSystemThumbnailImage: vm-00000 has one screen, number 0",
    )


async def test_keys_are_pressed(host: Host, backend: FakeBackend) -> None:
    assert await typed(host, "TypeKey", KeyCode=13) == 0
    assert await typed(host, "TypeKeys", KeyCodes=(29, 46), CodeSet=3, HoldMilliseconds=0) == 0
    assert await typed(host, "TypeCtrlAltDel") == 0
    assert await typed(host, "TypeText", AsciiText="aB!\n") == 0
    assert pressed(backend) == [
        ("win32", (13,)),
        ("xt", (29, 46)),
        ("linux", (29, 56, 111)),
        ("linux", (30,)),
        ("linux", (42, 48)),
        ("linux", (42, 2)),
        ("linux", (28,)),
    ]
    assert await typed(host, "TypeCtrlAltDel", OFF) == INVALID_STATE


async def test_keys_that_make_no_sense_are_refused_by_name(host: Host, backend: FakeBackend) -> None:
    assert "AsciiText: 'ä' is on no key of a US keyboard" in await type_refused(
        host, "TypeText", AsciiText="aä"
    )
    assert "AsciiText: from 1 to 4096" in await type_refused(host, "TypeText", AsciiText="")
    assert "KeyCodes: from 1 to 16" in await type_refused(host, "TypeKeys", KeyCodes=(1,) * 17)
    assert "CodeSet: one of 2, 3" in await type_refused(host, "TypeKeys", KeyCodes=(1,), CodeSet=99)
    assert "HoldMilliseconds: at most 10000" in await type_refused(
        host, "TypeKeys", KeyCodes=(1,), HoldMilliseconds=10001
    )
    assert pressed(backend) == []


def test_every_printable_character_has_its_key() -> None:
    printable = "".join(map(chr, range(32, 127)))
    chords = key_codes.keys_for(printable)
    assert len(set(chords)) == len(printable)
    assert key_codes.keys_for("\t") == ((15,),)


async def dump(host: Host, machine: str = RUNNING, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - of every type
    return await host.call(
        "CreateCoreDump", **{"TargetSystem": host.system(machine), "Pool": POOL, "VolumeName": "core", **more}
    )


async def dump_refused(host: Host, **more: Any) -> tuple[Status, str]:  # noqa: ANN401 - as above
    return await host.refusal(
        "CreateCoreDump", **{"TargetSystem": host.system(RUNNING), "Pool": POOL, "VolumeName": "core", **more}
    )


async def test_memory_becomes_a_volume(host: Host) -> None:
    out = await dump(host)
    assert out["Volume"].key("DeviceID") == "default/core"
    volume = host.view.all(Volume)["default/core"]
    assert volume.capacity_bytes == host.machine(RUNNING).current.memory.current_kib * 1024
    assert await dump_refused(host) == (
        Status.FAILED,
        "CreateCoreDump: there is a volume 'core' in pool 'default' already",
    )
    await dump(host, VolumeName="last", Afterwards=3)
    assert host.machine(RUNNING).state is PowerState.SHUT_OFF
    result = await host.invoke(
        "CreateCoreDump", TargetSystem=host.system(RUNNING), Pool=POOL, VolumeName="none"
    )
    assert result.return_value == INVALID_STATE


async def test_what_no_dump_can_be_is_refused_by_name(host: Host) -> None:
    assert (await dump_refused(host, Format=3, MemoryOnly=False))[1] == (
        "CreateCoreDump: Format: kdump-zlib holds memory only: MemoryOnly must not be false"
    )
    assert (await dump_refused(host, Live=True, Afterwards=3))[1].startswith("CreateCoreDump: Live: ")
    assert (await dump_refused(host, Format=9))[1] == "CreateCoreDump: Format: 9 is none of 2, 3, 4, 5, 6"
    assert (await dump_refused(host, VolumeName="../core"))[0] is Status.INVALID_PARAMETER
    pool = host.view.all(StoragePool)["default"]
    host.site.inventory.put(replace(pool, type="logical"))
    assert (await dump_refused(host))[1] == (
        "CreateCoreDump: Pool: default is of type logical: a dump is a file of a folder"
    )


async def test_what_became_of_a_dump_is_looked_at(host: Host) -> None:
    facts = {"machine": host.machine(RUNNING).uuid, "volume": "default/core"}
    reconcile = RECONCILERS["CreateCoreDump"]
    assert reconcile(host.view, facts) == "there is no volume 'default/core'"
    await dump(host)
    assert reconcile(host.view, facts) == (
        "volume 'default/core' is there; whether the dump in it is whole cannot be told"
    )
    assert RECONCILERS["TypeKeys"](host.view, facts) == "how much of it was typed cannot be told"


def test_capabilities_say_what_the_hypervisor_can() -> None:
    host = fake_host(1)
    assert told(capabilities.SPEC, (host,), "GuestAccessSupported") == (2, 3, 4, 5)
    some = replace(host, guest_access=(GuestAccess.DUMP,))
    assert told(capabilities.SPEC, (some,), "GuestAccessSupported") == (4,)
    assert told(capabilities.SPEC, (replace(host, guest_access=()),), "GuestAccessSupported") is None


async def test_a_password_is_written_and_never_told(host: Host) -> None:
    await host.modify("graphics", f"{RUNNING}/vnc", Password="s3cret")
    await host.modify("graphics", f"{RUNNING}/vnc;stored", Password="")
    await host.add(RUNNING, host.settings("graphics", ResourceSubType="spice", Password="s3cret"))
    machine = host.machine(RUNNING)
    assert [(display.type, display.password) for display in machine.current.graphics] == [
        ("vnc", None),
        ("spice", None),
    ]
    assert await host.modify_refused("graphics", f"{RUNNING}/vnc", Password="a", IsIPv6Only=True) == (
        Status.INVALID_PARAMETER,
        (
            "ResourceSettings[0] of ModifyResourceSettings: property IsIPv6Only of "
            "Xen_GraphicsResourceAllocationSettingData: it is False and cannot become True"
        ),
    )
