"""Virtual switches defined, changed and removed through the engine, on a made-up host."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Bandwidth, Bridge, HostAddress, Network, StaticLease
from xencim.providers.core.errors import Status
from xencim.providers.network.switches import work

from ..storage.storage_world import Storage, out, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value
    from xencim.providers.core.results import MethodReturn

SERVICE = Path(
    "Xen_VirtualSystemManagementService",
    (
        ("SystemCreationClassName", "Xen_HostSystem"),
        ("SystemName", "fake.example"),
        ("CreationClassName", "Xen_VirtualSystemManagementService"),
        ("Name", "Management Service"),
    ),
)
DEFAULT = "Xen:switch/default"
NAT: dict[str, Value] = {"ForwardMode": 1, "Addresses": ("10.1.0.1/24",)}


@pytest.fixture
async def host() -> AsyncIterator[Storage]:
    async with running() as found:
        yield found


def switch(name: str) -> Path:
    own = "Xen_VirtualEthernetSwitch"
    return Path(own, (("CreationClassName", own), ("Name", name)))


def settings(**properties: Value) -> Instance:
    values = {name: TypedValue(None, value) for name, value in properties.items()}
    return Instance("Xen_VirtualEthernetSwitchSettingData", values)


def network(host: Storage, name: str = "default") -> Network:
    return host.view.all(Network)[name]


def stored(host: Storage, name: str = "default") -> Network:
    found = network(host, name).stored
    assert found is not None
    return found


async def define(host: Storage, name: str = "new", /, **properties: Value) -> MethodReturn:
    one = settings(VirtualSystemIdentifier=name, **properties)
    return await host.call(SERVICE, "DefineSystem", SystemSettings=one)


async def modify(host: Storage, instance_id: str = DEFAULT, /, **properties: Value) -> None:
    one = settings(InstanceID=instance_id, **properties)
    assert (await host.call(SERVICE, "ModifySystemSettings", SystemSettings=one)).return_value == 0


async def test_a_switch_with_everything_is_defined_and_not_started(host: Storage) -> None:
    made = await define(
        host,
        ForwardMode=1,
        ForwardDevice="eth0",
        BridgeName="lan0",
        DomainName="lan.example",
        MTU=1400,
        AutomaticStartupAction=4,
        UUID="6f3c1f64-9b0b-4a53-8b3a-6d7d8a0a9f11",
        Addresses=("10.1.0.1/24", "FD00:0::1/64"),
        DHCPRanges=("fd00::2 - fd00::9", "10.1.0.2-10.1.0.9"),
        StaticLeases=("10.1.0.20,52-54-00-00-00-0A,db", "fd00::20,,six,0:1"),
        InboundLimit=100,
        InboundPeak=200,
        OutboundLimit=300,
    )
    assert (made.return_value, out(made)) == (
        0,
        {
            "ResultingSystem": "//fake.example/root/virt:Xen_VirtualEthernetSwitch."
            'CreationClassName="Xen_VirtualEthernetSwitch",Name="new"'
        },
    )
    assert network(host, "new") == Network(
        name="new",
        uuid="6f3c1f64-9b0b-4a53-8b3a-6d7d8a0a9f11",
        active=False,
        autostart=True,
        bridge="lan0",
        forward_mode="nat",
        forward_dev="eth0",
        domain_name="lan.example",
        mtu=1400,
        addresses=(
            HostAddress(
                address="10.1.0.1",
                prefix=24,
                ranges=(("10.1.0.2", "10.1.0.9"),),
                leases=(StaticLease(address="10.1.0.20", mac="52:54:00:00:00:0a", name="db"),),
            ),
            HostAddress(
                address="fd00::1",
                prefix=64,
                ranges=(("fd00::2", "fd00::9"),),
                leases=(StaticLease(address="fd00::20", name="six", client_id="0:1"),),
            ),
        ),
        inbound=Bandwidth(average_kib_s=100, peak_kib_s=200),
        outbound=Bandwidth(average_kib_s=300),
    )
    started = await host.call(switch("new"), "RequestStateChange", RequestedState=2)
    assert (started.return_value, network(host, "new").active) == (0, True)


async def test_a_switch_like_another_one(host: Storage) -> None:
    path = Path("Xen_VirtualEthernetSwitchSettingData", (("InstanceID", DEFAULT),))
    one = settings(ElementName="new", Addresses=("10.1.0.1/24",), DHCPRanges=())
    made = await host.call(SERVICE, "DefineSystem", SystemSettings=one, ReferenceConfiguration=path)
    assert made.return_value == 0
    new = network(host, "new")
    assert (new.forward_mode, new.bridge, new.addresses) == (
        "nat",
        "virbr1",
        (HostAddress(address="10.1.0.1", prefix=24),),
    )


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"ForwardMode": 1}, "property Addresses.*a NAT network needs one"),
        ({"ForwardMode": 3}, "property BridgeName.*a bridged network needs it"),
        ({"ForwardMode": 99}, "property ForwardMode.*99 is none of its values"),
        ({**NAT, "Addresses": ("10.1.0.0/24",)}, "property Addresses.*'10.1.0.0/24'"),
        ({**NAT, "Addresses": ("10.1.0.1",)}, "property Addresses.*'10.1.0.1'"),
        ({**NAT, "Addresses": ("10.1.0.1/0.0.0.255",)}, "property Addresses"),
        ({**NAT, "Addresses": ("10.1.0.1/24", "10.1.0.2/24")}, "each network has one address"),
        ({**NAT, "DHCPRanges": ("10.1.0.9-10.1.0.2",)}, "property DHCPRanges"),
        ({**NAT, "DHCPRanges": ("10.1.0.2-fd00::1",)}, "property DHCPRanges"),
        ({**NAT, "DHCPRanges": ("10.2.0.2-10.2.0.9",)}, "in the network of none of the host's Addresses"),
        ({"DHCPRanges": ("10.1.0.2-10.1.0.9",)}, "property DHCPRanges.*none of the host's Addresses"),
        ({**NAT, "StaticLeases": ("db",)}, "property StaticLeases.*does not begin with an address"),
        ({**NAT, "StaticLeases": ("10.1.0.5",)}, "property StaticLeases"),
        ({**NAT, "StaticLeases": ("10.1.0.5,52:54",)}, "'52:54' is no MAC address"),
        ({**NAT, "StaticLeases": ("10.1.0.5,,-x",)}, "'-x' is no name of a machine"),
        ({**NAT, "StaticLeases": ("10.1.0.5,,a,zz",)}, "'zz' is no DHCPv6 identifier"),
        ({**NAT, "StaticLeases": ("10.1.0.5,,a,0,b",)}, "property StaticLeases"),
        ({**NAT, "StaticLeases": ("10.2.0.5,,a",)}, "none of the host's Addresses"),
        ({"DomainName": "a\nb"}, "property DomainName"),
        ({"BridgeName": "../x"}, "property BridgeName"),
        ({"BridgeType": "other"}, "property BridgeType"),
        ({"ForwardDevice": "eth0"}, "property ForwardDevice.*no meaning"),
        ({"VLANConnection": ("4095",)}, "property VLANConnection.*'4095' is no number of a VLAN"),
        ({"AutomaticStartupAction": 3}, "property AutomaticStartupAction"),
        ({"MaxNumMACAddress": 5}, "property MaxNumMACAddress.*has no value here"),
        ({"Notes": ("a",)}, "property Notes"),
        ({"VirtualSystemType": "Xen"}, "property VirtualSystemType"),
        ({"VirtualSystemIdentifier": "a/b"}, "'a/b' is no name of a switch"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    host: Storage, properties: dict[str, Value], text: str
) -> None:
    before = dict(host.view.all(Network))
    one = settings(**{"VirtualSystemIdentifier": "new", **properties})
    error = await host.refused(SERVICE, "DefineSystem", SystemSettings=one)
    assert error.status is Status.INVALID_PARAMETER
    assert re.search(text, error.message), error.message
    assert dict(host.view.all(Network)) == before


async def test_a_name_that_is_taken_and_resources_are_refused(host: Storage) -> None:
    error = await host.refused(
        SERVICE, "DefineSystem", SystemSettings=settings(VirtualSystemIdentifier="default")
    )
    assert error.status is Status.ALREADY_EXISTS
    nic = Instance("Xen_NetResourceAllocationSettingData", {})
    more = await host.refused(
        SERVICE,
        "DefineSystem",
        SystemSettings=settings(VirtualSystemIdentifier="new"),
        ResourceSettings=(nic,),
    )
    assert "ports come with the interfaces of machines" in more.message
    assert list(host.view.all(Network)) == ["default"]


async def test_leases_are_changed_now_and_for_the_next_start(host: Storage) -> None:
    [address] = network(host).addresses
    lease = StaticLease(address="192.168.122.7", mac="52:54:00:00:00:07", name="db")
    await modify(host, StaticLeases=("192.168.122.7,52:54:00:00:00:07,db",))
    for one in (network(host), stored(host)):
        assert one.addresses == (replace(address, leases=(lease,)),)
    await modify(host, StaticLeases=())
    for one in (network(host), stored(host)):
        assert one.addresses == (address,)


async def test_the_rest_of_a_switch_that_works_is_for_its_next_start(host: Storage) -> None:
    before = network(host)
    one = settings(InstanceID=DEFAULT, MTU=1400)
    error = await host.refused(SERVICE, "ModifySystemSettings", SystemSettings=one)
    assert error.status is Status.NOT_SUPPORTED
    assert "default on Fake" in error.description
    assert "settings whose InstanceID ends in ;stored are those of the next start" in error.description
    assert network(host) == before
    await modify(host, f"{DEFAULT};stored", MTU=1400, InboundLimit=5)
    assert (network(host).mtu, stored(host).mtu) == (None, 1400)
    _disconnect(host)
    for state in (3, 2):
        done = await host.call(switch("default"), "RequestStateChange", RequestedState=state)
        assert done.return_value == 0
    assert (network(host).mtu, network(host).inbound) == (1400, Bandwidth(average_kib_s=5))


def _disconnect(host: Storage) -> None:
    for machine in list(host.view.machines_by("network", "default")):
        host.inventory.remove(type(machine), machine.uuid)


async def test_autostart_is_of_both_definitions(host: Storage) -> None:
    await modify(host, AutomaticStartupAction=2)
    assert (network(host).autostart, stored(host).autostart) == (False, False)
    await modify(host, f"{DEFAULT};stored", AutomaticStartupAction=4)
    assert (network(host).autostart, stored(host).autostart) == (True, True)


async def test_a_switch_in_use_is_not_taken_away(host: Storage) -> None:
    error = await host.refused(SERVICE, "DestroySystem", AffectedSystem=switch("default"))
    assert error.message == (
        "network 'default' is in use: it has interface 00:16:3e:00:00:00 of machine 'vm-00000' (running)"
    )
    _disconnect(host)
    gone = await host.call(SERVICE, "DestroySystem", AffectedSystem=switch("default"))
    assert (gone.return_value, dict(host.view.all(Network))) == (0, {})


async def test_a_bridge_of_the_host_and_what_is_not_there_are_named(host: Storage) -> None:
    host.inventory.put(Bridge(name="br0"))
    for method, parameters in (
        ("DestroySystem", {"AffectedSystem": switch("bridge/br0")}),
        (
            "ModifySystemSettings",
            {"SystemSettings": settings(InstanceID="Xen:switch/bridge/br0", MTU=1400)},
        ),
    ):
        error = await host.refused(SERVICE, method, **parameters)
        assert (error.status, "bridge of the host" in error.message) == (Status.NOT_SUPPORTED, True)
    for method, parameters in (
        ("DestroySystem", {"AffectedSystem": switch("gone")}),
        ("ModifySystemSettings", {"SystemSettings": settings(InstanceID="Xen:switch/gone", MTU=1400)}),
    ):
        error = await host.refused(SERVICE, method, **parameters)
        assert error.status is Status.NOT_FOUND
    nameless = await host.refused(SERVICE, "ModifySystemSettings", SystemSettings=settings(MTU=1400))
    assert "property InstanceID" in nameless.message


@pytest.mark.parametrize(
    ("tells", "found"),
    [
        ('{"MTU": 1400, "Addresses": ["10.0.0.1/8"]}', None),
        ('{"MTU": 1500}', "MTU of Xen:switch/n is 1400, not 1500"),
    ],
)
async def test_what_became_of_a_change(host: Storage, tells: str, found: str | None) -> None:
    inventory = Inventory()
    inventory.put(host.view.host)
    addresses = (HostAddress(address="10.0.0.1", prefix=8),)
    inventory.put(Network(name="n", uuid="u", active=True, mtu=1400, addresses=addresses))
    [reconcile] = work.RECONCILERS.values()
    assert reconcile(inventory.view, {"settings": "Xen:switch/n", "tells": tells}) == found
    gone = reconcile(inventory.view, {"settings": "Xen:switch/m", "tells": "{}"})
    assert gone == "there are no settings 'Xen:switch/m'"
