"""Pools, networks, interfaces, capabilities and sysinfo as records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls import uris
from xencim.providers.backends.libvirt.states import pool_state, power_state, reason
from xencim.providers.backends.libvirt.xml import host_xml, resource_xml
from xencim.providers.backends.records import GuestSupport, PoolState, PowerState, StoragePool

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pool_of_a_real_xen_host(xen_captures: Path) -> None:
    xml = (xen_captures / "pool-dumpxml.txt").read_text()
    assert resource_xml.storage_pool(xml, state=PoolState.RUNNING, autostart=True) == StoragePool(
        name="p",
        uuid="51e923bb-5e00-4158-a35d-afd4cf182bdc",
        type="dir",
        state=PoolState.RUNNING,
        autostart=True,
        capacity_bytes=3161235456,
        allocation_bytes=689016832,
        available_bytes=2472218624,
        target_path="/var/lib/libvirt/images",
    )


def test_a_pool_with_every_source() -> None:
    xml = """<pool type='iscsi'><name>san</name><uuid>u</uuid><capacity unit='GiB'>2</capacity>
    <source><host name='target'/><dir path='/export'/><device path='iqn.a'/><device path='iqn.b'/>
    <name>vg</name><adapter type='scsi_host' name='host1'/></source>
    <target><path>/dev/disk</path></target></pool>"""
    assert resource_xml.storage_pool(xml, state=PoolState.INACTIVE, persistent=False) == StoragePool(
        name="san",
        uuid="u",
        type="iscsi",
        state=PoolState.INACTIVE,
        persistent=False,
        capacity_bytes=2 * 1024**3,
        target_path="/dev/disk",
        source_host="target",
        source_path="/export",
        source_devices=("iqn.a", "iqn.b"),
        source_name="vg",
        source_adapter="host1",
    )


def test_only_bridges_among_the_host_interfaces_count() -> None:
    assert resource_xml.bridge_name("<interface type='bridge' name='br0'/>") == "br0"
    assert resource_xml.bridge_name("<interface type='ethernet' name='eth0'/>") is None


def test_the_capabilities_of_a_real_xen_host(xen_captures: Path) -> None:
    told = host_xml.capabilities((xen_captures / "virsh-capabilities.txt").read_text().strip())
    assert told == host_xml.Capabilities(
        node_memory_kib=(5242880,),
        uuid=None,
        arch="x86_64",
        cpu_model="qemu64",
        cpu_vendor=None,
        migration_uris=(),
        guests=tuple(
            GuestSupport(os_type=os_type, arch=arch, domain_types=("xen",), machines=(machine,))
            for os_type, arch, machine in (
                ("xen", "x86_64", "xenpv"),
                ("hvm", "i686", "xenfv"),
                ("xenpvh", "i686", "xenpvh"),
                ("hvm", "x86_64", "xenfv"),
                ("xenpvh", "x86_64", "xenpvh"),
            )
        ),
    )


def test_capabilities_that_tell_more() -> None:
    told = host_xml.capabilities(
        """<capabilities><host><uuid>3ECFAC83-D6C7-42EE-AE8F-B6E63FA2131E</uuid>
        <cpu><arch>x86_64</arch><model>EPYC</model><vendor>AMD</vendor></cpu>
        <migration_features><live/><uri_transports><uri_transport>tcp</uri_transport></uri_transports>
        </migration_features></host>
        <guest><os_type>hvm</os_type><arch name='x86_64'><machine maxCpus='288'>pc-q35-7.2</machine>
        <machine canonical='pc-q35-7.2' maxCpus='255'>q35</machine><domain type='qemu'/>
        <domain type='kvm'><machine maxCpus='710'>q35</machine></domain></arch></guest></capabilities>"""
    )
    assert told.uuid == "3ecfac83-d6c7-42ee-ae8f-b6e63fa2131e"
    assert (told.cpu_vendor, told.migration_uris) == ("AMD", ("tcp",))
    assert told.guests == (
        GuestSupport(
            os_type="hvm",
            arch="x86_64",
            domain_types=("qemu", "kvm"),
            machines=("pc-q35-7.2", "q35"),
            max_vcpus=710,
        ),
    )


def test_sysinfo_without_what_vendors_forgot(xen_captures: Path) -> None:
    xml = (xen_captures / "virsh-sysinfo.txt").read_text()
    assert host_xml.system_info(xml) == host_xml.SystemInfo(
        vendor="QEMU", product="Standard PC (Q35 + ICH9, 2009)"
    )


@pytest.mark.parametrize(
    ("uri", "prefix", "shown"),
    [
        ("xen:///system", "Xen", "xen:///system"),
        ("test:///default", "Xen", "test:///default"),
        ("test:///a/b.xml", "Xen", "test:///a/b.xml"),
        ("qemu+ssh://root:secret@host:22/system?no_tty=1", "KVM", "qemu+ssh://root@host:22/system?no_tty=1"),
        ("QEMU+unix:///system?socket=/run/s", "KVM", "QEMU+unix:///system?socket=/run/s"),
        ("qemu+tcp://u:p/w:@x@host/system", "KVM", "qemu+tcp://u@host/system"),
        ("lxc:///", "LXC", "lxc:///"),
    ],
)
def test_uris(uri: str, prefix: str, shown: str) -> None:
    assert uris.prefix(uri) == prefix
    assert uris.without_password(uri) == shown


def test_a_driver_that_is_not_served_is_named() -> None:
    with pytest.raises(BackendError) as caught:
        uris.prefix("esx://root:secret@host/")
    assert caught.value.kind == "unsupported"
    assert caught.value.message == "esx://root@host/ is of no libvirt driver that is served"


def test_states_and_reasons() -> None:
    assert [power_state(number, saved=False) for number in range(9)] == [
        PowerState.UNKNOWN,
        PowerState.RUNNING,
        PowerState.RUNNING,
        PowerState.PAUSED,
        PowerState.SHUTTING_DOWN,
        PowerState.SHUT_OFF,
        PowerState.CRASHED,
        PowerState.GUEST_SUSPENDED,
        PowerState.UNKNOWN,
    ]
    assert power_state(5, saved=True) is PowerState.SAVED
    assert power_state(1, saved=True) is PowerState.RUNNING
    assert [reason(1, 1), reason(3, 5), reason(5, 4), reason(5, 0), reason(5, 99), reason(0, 1)] == [
        "booted",
        "I/O error",
        "migrated",
        None,
        None,
        None,
    ]
    assert [pool_state(number) for number in range(6)] == [
        PoolState.INACTIVE,
        PoolState.BUILDING,
        PoolState.RUNNING,
        PoolState.DEGRADED,
        PoolState.INACCESSIBLE,
        PoolState.INACCESSIBLE,
    ]


def test_types_of_pools_that_the_daemon_has() -> None:
    xml = """
        <storagepoolCapabilities>
          <pool type='dir' supported='yes'><volOptions><defaultFormat type='raw'/></volOptions></pool>
          <pool type='rbd' supported='no'/>
          <pool type='iscsi' supported='yes'/>
        </storagepoolCapabilities>"""
    assert resource_xml.pool_types(xml) == ("dir", "iscsi")
