"""Xen by libvirt's libxl driver, played by a fake module with what was captured on a real Xen host.

libxl has no bulk statistics, no sizes of disks by machine, no reset; weights are asked for apart.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError, Check
from xencim.providers.backends.records import (
    Action,
    Bridge,
    GuestAccess,
    Platform,
    PowerState,
    SnapshotKind,
    SnapshotWish,
    StoragePool,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

real = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"

DOM0 = "00000000-0000-0000-0000-000000000000"
PV = "11111111-2222-3333-4444-555555555555"
PVH = "22222222-2222-3333-4444-555555555555"
LACKING = (
    "getAllDomainStats",
    "setKeepAlive",
    "registerCloseCallback",
    "domainEventRegisterAny",
    "storagePoolEventRegisterAny",
    "networkEventRegisterAny",
    "listAllNetworks",
    "listAllNWFilters",
    "listAllInterfaces",
)
PERSISTENT = real.VIR_CONNECT_LIST_DOMAINS_PERSISTENT


def error(code: int) -> Exception:
    made: Exception = real.libvirtError("no")
    made.err = (code, 10, "no", 2, None, None, None, -1, -1)  # type: ignore[attr-defined]
    return made


def lacking(name: str) -> Callable[..., NoReturn]:
    def function(*_arguments: object) -> NoReturn:
        raise error(real.VIR_ERR_NO_SUPPORT)

    function.__name__ = name
    return function


class Domain:
    """A machine of libxl."""

    blockInfo = staticmethod(lacking("blockInfo"))  # noqa: N815 - libvirt's names
    reset = staticmethod(lacking("reset"))
    listAllSnapshots = staticmethod(lacking("listAllSnapshots"))  # noqa: N815
    snapshotListNames = staticmethod(lacking("snapshotListNames"))  # noqa: N815
    snapshotCreateXML = staticmethod(lacking("snapshotCreateXML"))  # noqa: N815
    screenshot = staticmethod(lacking("screenshot"))
    sendKey = staticmethod(lacking("sendKey"))  # noqa: N815

    def __init__(self, connection: Connection, number: int, name: str, uuid: str, xml: str) -> None:
        self.connection = connection
        self.number, self.label, self.uuid, self.xml = number, name, uuid, xml

    def connect(self) -> Connection:
        return self.connection

    def ID(self) -> int:  # noqa: N802
        return self.number

    def name(self) -> str:
        return self.label

    def UUIDString(self) -> str:  # noqa: N802
        return self.uuid

    def XMLDesc(self, flags: int) -> str:  # noqa: N802
        stored = flags == real.VIR_DOMAIN_XML_INACTIVE
        return self.xml.replace(f" id='{self.number}'", "") if stored else self.xml

    def coreDump(self, _to: str, _flags: int) -> NoReturn:  # noqa: N802
        raise error(real.VIR_ERR_INVALID_ARG)  # flags that it does not know

    def state(self) -> list[int]:
        return [real.VIR_DOMAIN_RUNNING, real.VIR_DOMAIN_RUNNING_BOOTED]

    def schedulerParameters(self) -> dict[str, int]:  # noqa: N802
        if self.number == 3:
            raise error(real.VIR_ERR_INTERNAL_ERROR)
        return {"weight": 256 + self.number, "cap": 50 * self.number}


class Volume:
    def info(self) -> list[int]:
        return [0, 5368709120, 4096]


class Pool:
    def __init__(self, xml: str) -> None:
        self.xml = xml

    def name(self) -> str:
        return "p"

    def XMLDesc(self, _flags: int) -> str:  # noqa: N802
        return self.xml

    def info(self) -> list[int]:
        return [2, 3161235456, 689016832, 2472218624]


class Connection:
    """libxl as seen through the daemon."""

    def __init__(self, captures: Path) -> None:
        def read(name: str) -> str:
            return (captures / name).read_text()

        self.domains = [
            Domain(self, 0, "Domain-0", DOM0, read("virsh-dumpxml0.txt")),
            Domain(self, 1, "v1", PV, read("virsh-dumpxml.txt")),
            Domain(self, 3, "p1", PVH, read("virsh-dumpxml-pvh.txt")),
        ]
        self.pool = Pool(read("pool-dumpxml.txt"))
        for name in LACKING:
            setattr(self, name, lacking(name))
        self.answers: dict[str, object] = {
            "getHostname": "dom0.example.org",
            "getType": "Xen",
            "getVersion": 4017000,
            "getLibVersion": 9000000,
            "getMaxVcpus": 512,
            "getInfo": ["x86_64", 3071, 2, 2596, 1, 1, 2, 1],
            "getCapabilities": read("virsh-capabilities.txt").strip(),
            "getDomainCapabilities": read("virsh-domcapabilities.txt").strip(),
            "getSysinfo": read("virsh-sysinfo.txt"),
            "getStoragePoolCapabilities": None,
            "isAlive": 1,
            "newStream": None,
            "close": 0,
        }

    def __getattr__(self, name: str) -> Callable[..., object]:
        def function(*_arguments: object) -> object:
            return self.answers[name]

        function.__name__ = name
        return function

    def listAllDomains(self, flags: int) -> list[Domain]:  # noqa: N802
        return {0: self.domains, PERSISTENT: self.domains[:2]}.get(flags, [])

    def listAllStoragePools(self, flags: int) -> list[Pool]:  # noqa: N802
        return [] if flags else [self.pool]

    def lookupByUUIDString(self, uuid: str) -> Domain:  # noqa: N802
        return next(domain for domain in self.domains if domain.uuid == uuid)

    def storageVolLookupByPath(self, path: str) -> Volume:  # noqa: N802
        if path == "/var/lib/libvirt/images/v1.raw":
            return Volume()
        raise error(real.VIR_ERR_NO_STORAGE_VOL)


@pytest.fixture
def libxl(monkeypatch: pytest.MonkeyPatch, xen_captures: Path) -> Connection:
    fake, connection = ModuleType("libvirt"), Connection(xen_captures)
    fake.__dict__.update(real.__dict__, open=lambda _uri: connection)
    monkeypatch.setitem(sys.modules, "libvirt", fake)
    return connection


async def test_the_host(backends: Start, libxl: Connection) -> None:
    del libxl
    _backend, inventory = await backends("xen:///system")
    host = inventory.view.host
    assert (host.name, host.prefix, host.hypervisor) == ("dom0.example.org", "Xen", "Xen")
    assert (host.hypervisor_version, host.library_version) == ("4.17", "9.0.0")
    assert (host.vendor, host.product, host.serial) == ("QEMU", "Standard PC (Q35 + ICH9, 2009)", None)
    assert (host.max_vcpus, host.memory_kib) == (512, 3071 * 1024)
    # The driver lists neither firmwares nor processor modes, whatever it has: it is not judged by that.
    assert {guest.platform for guest in host.guests if guest.arch == "x86_64"} == {Platform()}
    assert list(inventory.view.all(StoragePool)) == ["p"]
    assert inventory.view.all(Bridge) == {"br0": Bridge(name="br0")}


async def test_its_machines(backends: Start, libxl: Connection) -> None:
    del libxl
    backend, inventory = await backends("xen:///system")
    dom0, pv, pvh = (inventory.view.all(VirtualMachine)[uuid] for uuid in (DOM0, PV, PVH))
    assert (dom0.name, dom0.id, dom0.is_management_domain, dom0.stored) == ("Domain-0", 0, True, None)
    assert (pv.id, pv.is_management_domain, pv.state, pv.state_reason) == (
        1,
        False,
        PowerState.RUNNING,
        "booted",
    )
    assert (pv.current.cpu.weight, pv.current.cpu.cap_percent) == (257, 50)
    assert pv.stored is not None
    assert (pv.stored.cpu.weight, pv.stored.cpu.cap_percent) == (None, None)
    assert [disk.capacity_bytes for disk in pv.current.disks] == [5368709120]
    assert (pvh.persistent, pvh.stored, pvh.current.cpu.weight) == (False, None, None)
    calls = backend.calls.read()
    assert (calls["getAllDomainStats"], calls["state"], calls["blockInfo"]) == (1, 3, 1)
    assert calls["storageVolLookupByPath"] == 1


async def test_domain_0_is_not_controlled_and_reset_is_not_there(backends: Start, libxl: Connection) -> None:
    del libxl
    backend, _inventory = await backends("xen:///system")
    for uuid, action, message in (
        (DOM0, Action.DESTROY, "Domain-0 is the host's own domain: it is not controlled"),
        (PV, Action.RESET, "no"),
    ):
        with pytest.raises(BackendError) as caught:
            await backend.control(uuid, action, 1)
        assert (caught.value.kind, caught.value.message) == ("unsupported", message)


async def test_the_checks_name_the_limits(backends: Start, libxl: Connection) -> None:
    del libxl
    backend, _inventory = await backends("xen:///system")
    assert backend.checks() == [
        Check("hypervisor", ok=True, detail="xen:///system: Xen 4.17 on dom0.example.org"),
        Check("libvirt", ok=True, detail="libvirt 9.0.0"),
        Check(
            "driver",
            ok=True,
            detail="libxl: no bulk statistics, no reset; lifecycle and metadata events only",
        ),
    ]


async def test_a_host_is_never_called_localhost(
    backends: Start, libxl: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    libxl.answers["getHostname"] = "localhost.localdomain"
    _backend, inventory = await backends("xen+tls://far.example.org/system")
    assert inventory.view.host.name == "unnamed"
    assert "calls its host 'localhost.localdomain': give its name by host.name" in caplog.text


async def test_it_takes_no_snapshots_and_says_so(backends: Start, libxl: Connection) -> None:
    del libxl
    backend, inventory = await backends("xen:///system")
    assert inventory.view.host.snapshot_kinds == ()
    assert inventory.view.host.guest_access == (GuestAccess.DUMP,)
    assert backend.calls.read()["listAllSnapshots"] == 1
    with pytest.raises(BackendError) as caught:
        await backend.create_snapshot(PV, SnapshotWish(name="no", kind=SnapshotKind.FULL))
    assert (caught.value.kind, caught.value.message[:15]) == ("unsupported", "Xen by libvirt:")
