"""Which devices and settings come from which pool: exact sets, from either end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xencim.providers.backends.fake import fake_config, fake_host
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    Bridge,
    Disk,
    Network,
    Nic,
    PoolState,
    PowerState,
    StoragePool,
    VirtualMachine,
)
from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import Context, Link, Row
from xencim.providers.host import allocations
from xencim.providers.vm.rows import Origin

CONFIG = replace(
    fake_config(1),
    disks=(
        Disk(target="xvda", source_type="volume", pool="images", volume="a.raw"),
        Disk(target="xvdb", source_type="file", source="/srv/images/b.raw"),
        Disk(target="xvdc", source_type="file", source="/elsewhere/c.raw"),
        Disk(target="xvdd", device="cdrom"),
    ),
    nics=(
        Nic(mac="00:16:3e:00:00:01", source_type="network", network="default", bridge="virbr0"),
        Nic(mac="00:16:3e:00:00:02", source_type="bridge", bridge="br0"),
        Nic(mac="00:16:3e:00:00:03", source_type="user"),
    ),
)
STORED = replace(CONFIG, disks=CONFIG.disks[:1], nics=CONFIG.nics[1:2])
MACHINES = (
    VirtualMachine(uuid="1", name="one", state=PowerState.RUNNING, current=CONFIG, stored=STORED),
    VirtualMachine(
        uuid="2", name="two", state=PowerState.SHUT_OFF, current=replace(CONFIG, disks=(), nics=())
    ),
)
RECORDS = (
    fake_host(2),
    StoragePool(name="images", uuid="p", type="dir", state=PoolState.RUNNING, target_path="/srv/images/"),
    StoragePool(name="empty", uuid="q", type="dir", state=PoolState.RUNNING, target_path="/srv/empty"),
    Network(name="default", uuid="n", active=True, bridge="virbr0"),
    Bridge(name="br0"),
    *MACHINES,
)
LINKS = (*allocations.DEVICE_LINKS, *allocations.SETTING_LINKS, *allocations.POOL_LINKS)


@pytest.fixture(scope="module")
def context() -> Context:
    inventory = Inventory()
    for record in RECORDS:
        inventory.put(record)
    return Context(inventory.view, Inventory().view)


def link_of(links: tuple[Link, ...], cim_class: str) -> Link:
    [found] = [link for link in links if link.right.cim_class == cim_class]
    return found


def kind(link: Link) -> str:
    return link.left.cim_class.removesuffix("Pool")


def forth(context: Context, link: Link) -> list[tuple[Row, Row]]:
    return [(left, right) for left in link.left.rows.all(context) for right in link.rights_of(context, left)]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{link.left.cim_class}-{link.right.cim_class}")
def test_either_end_tells_the_same_pairs(context: Context, link: Link) -> None:
    pairs = forth(context, link)
    back = [(left, right) for right in link.right.rows.all(context) for left in link.lefts_of(context, right)]
    assert {tuple(map(id, (*a, *b))) for a, b in pairs} == {tuple(map(id, (*a, *b))) for a, b in back}
    assert len(pairs) == len(back)


def test_disks_come_from_their_pool_by_volume_or_folder_or_from_the_primordial_one(context: Context) -> None:
    link = link_of(allocations.DEVICE_LINKS, "LogicalDisk")
    assert {(pool_id("Disk", left[0]), right[1].target) for left, right in forth(context, link)} == {
        ("DiskPool/images", "xvda"),
        ("DiskPool/images", "xvdb"),
        ("DiskPool/0", "xvdc"),
        ("DiskPool/0", "xvdd"),
    }


def test_stored_settings_come_from_pools_as_current_ones_do(context: Context) -> None:
    link = link_of(allocations.SETTING_LINKS, "DiskResourceAllocationSettingData")
    found = {(pool_id("Disk", left[0]), right[1].target, right[2]) for left, right in forth(context, link)}
    assert found == {
        ("DiskPool/images", "xvda", Origin.CURRENT),
        ("DiskPool/images", "xvdb", Origin.CURRENT),
        ("DiskPool/0", "xvdc", Origin.CURRENT),
        ("DiskPool/0", "xvdd", Origin.CURRENT),
        ("DiskPool/images", "xvda", Origin.STORED),
    }


def test_an_interface_that_tells_its_network_and_bridge_comes_from_the_network(context: Context) -> None:
    # libvirt-cim took the bridge for the network's name: "Unable to determine pool".
    link = link_of(allocations.DEVICE_LINKS, "NetworkPort")
    assert {(pool_id("Network", left[0]), right[1].mac[-2:]) for left, right in forth(context, link)} == {
        ("NetworkPool/default", "01"),
        ("NetworkPool/bridge/br0", "02"),
        ("NetworkPool/0", "03"),
    }


@pytest.mark.parametrize("link", allocations.SETTING_LINKS, ids=lambda link: link.right.cim_class)
def test_a_setting_s_pool_is_the_one_that_its_pool_id_names(context: Context, link: Link) -> None:
    [prop] = [prop for prop in link.right.props if prop.name == "PoolID"]
    for left, right in forth(context, link):
        named = prop.get(*right) if callable(prop.get) else prop.get.value  # type: ignore[union-attr]
        assert named == pool_id(kind(link), left[0])


def test_concrete_pools_come_from_the_primordial_one(context: Context) -> None:
    pairs = [
        (pool_id(kind(link), left[0]), pool_id(kind(link), right[0]))
        for link in allocations.POOL_LINKS
        for left, right in forth(context, link)
    ]
    assert pairs == [
        ("DiskPool/0", "DiskPool/images"),
        ("DiskPool/0", "DiskPool/empty"),
        ("NetworkPool/0", "NetworkPool/default"),
        ("NetworkPool/0", "NetworkPool/bridge/br0"),
    ]


def test_every_processor_of_every_machine_comes_from_the_processor_pool(context: Context) -> None:
    link = link_of(allocations.DEVICE_LINKS, "Processor")
    found = {(right[0].name, right[1].index) for _, right in forth(context, link)}
    assert found == {(machine.name, vcpu.index) for machine in MACHINES for vcpu in CONFIG.vcpus}
    assert found
