"""Each method of storage from the command line, by wbemcli and by pywbemcli; virsh is the second opinion."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ..programs import connect, pywbemcli, wbemcli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pywbem import CIMInstanceName
    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve, ServerProcess

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

MIB = 1024**2
SERVICE = "KVM_ResourcePoolConfigurationService"
POOL = 'instance of KVM_DiskPoolResourceAllocationSettingData {{ Type = 1; Path = "{}"; }};'
VOLUME = "instance of KVM_StorageVolumeResourceAllocationSettingData {{ {} }};"
DISK = 'KVM_DiskPool.InstanceID="DiskPool/cli"'


@dataclass(frozen=True)
class Host:
    """A hypervisor and its server."""

    libvirtd: Libvirtd
    server: ServerProcess

    def path(self, cls: str, key: str = "", value: str = "") -> str:
        """Return the path of the only instance of a class, or of that with a key's value."""
        with connect(self.server) as connection:
            names: list[CIMInstanceName] = connection.EnumerateInstanceNames(cls)
        [found] = [name for name in names if not key or name.keybindings[key] == value]
        keys = ",".join(f'{name}="{value}"' for name, value in found.keybindings.items())
        return f"{cls}.{keys}"

    def volumes(self) -> list[str]:
        return self.libvirtd.virsh("vol-list", "cli").split()[::2]

    def flag(self, name: str) -> str:
        """Return what virsh tells of the pool."""
        lines = self.libvirtd.virsh("pool-info", "cli").splitlines()
        return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


@pytest.fixture(scope="module")
def host(libvirtd: Libvirtd, serve: Serve) -> Iterator[Host]:
    with serve(libvirtd.uri) as server:
        yield Host(libvirtd, server)
    for words in (("pool-destroy", "cli"), ("pool-undefine", "cli")):
        subprocess.run(["virsh", "-q", "-c", libvirtd.uri, *words], check=False, capture_output=True)


def by_wbemcli(host: Host, path: str, method: str, **parameters: str) -> None:
    words = ",".join(f"{name}={value}" for name, value in parameters.items())
    [told] = wbemcli(host.server, "cm", f"root/virt:{path}", f"{method}.{words}" if words else method)
    assert f"{method}: 0" in told, told


def by_pywbemcli(host: Host, path: str, method: str, **parameters: str) -> None:
    words = [word for name, value in parameters.items() for word in ("-p", f"{name}={value}")]
    told = pywbemcli(host.server, "instance", "invokemethod", path, method, *words)
    assert told.splitlines()[0] == "ReturnValue=0", told


@pytest.mark.parametrize("act", [by_wbemcli, by_pywbemcli])
def test_each_method_of_storage(host: Host, tmp_path: Path, act: Callable[..., None]) -> None:
    service, folder = host.path(SERVICE), tmp_path / "cli"
    act(host, service, "CreateChildResourcePool", ElementName="cli", Settings=POOL.format(folder))
    assert (host.flag("State"), host.flag("Autostart")) == ("running", "no")
    act(host, DISK, "SetAutostart", Autostart="true")
    assert host.flag("Autostart") == "yes"
    wanted = VOLUME.format(f'VolumeName = "a"; Capacity = {MIB};')
    act(host, service, "CreateResourceInPool", Settings=wanted, Pool=DISK)
    assert host.volumes() == ["a"]
    volume = host.path("KVM_StorageVolume", "DeviceID", "cli/a")
    act(host, volume, "Resize", Capacity=str(2 * MIB))
    assert (folder / "a").stat().st_size == 2 * MIB
    (folder / "a").write_bytes(b"x" * 2 * MIB)
    act(host, volume, "Clone", VolumeName="b")
    assert (folder / "b").read_bytes() == b"x" * 2 * MIB
    act(host, volume, "Wipe")
    assert (folder / "a").read_bytes() == bytes(2 * MIB)
    act(host, service, "DeleteResourceInPool", Resource=VOLUME.format('VolumeName = "a";'), Pool=DISK)
    assert host.volumes() == ["b"]
    (folder / "c").write_bytes(b"y")
    act(host, service, "RefreshResourcesInPool", Pool=DISK)
    assert host.volumes() == ["b", "c"]
    act(host, DISK, "RequestStateChange", RequestedState="3")
    assert host.flag("State") == "inactive"
    act(host, service, "DeleteResourcePool", Pool=DISK)
    assert host.libvirtd.virsh("pool-list", "--all", "--name").split() == []
    assert sorted(path.name for path in folder.iterdir()) == ["b", "c"]


@pytest.mark.parametrize("act", [by_wbemcli, by_pywbemcli])
def test_a_pool_is_deleted_with_its_content_on_explicit_wish(
    host: Host, tmp_path: Path, act: Callable[..., None]
) -> None:
    service, folder = host.path(SERVICE), tmp_path / "cli"
    act(host, service, "CreateChildResourcePool", ElementName="cli", Settings=POOL.format(folder))
    wanted = VOLUME.format(f'VolumeName = "a"; Capacity = {MIB};')
    act(host, service, "CreateResourceInPool", Settings=wanted, Pool=DISK)
    act(host, service, "DeleteResourcePoolWithContent", Pool=DISK)
    assert not folder.exists()
    assert host.libvirtd.virsh("pool-list", "--all", "--name").split() == []
