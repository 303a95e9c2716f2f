"""Virtual networks made, started, stopped and taken away through the engine, on a made-up host."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.backends.fake import fake_machine
from xencim.providers.backends.records import Bridge, HostAddress, Job, Network, VirtualMachine
from xencim.providers.core.errors import Status

from ..storage.storage_world import SERVICE, Storage, out, pool_path, running, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from xencim.mof.values import Value
    from xencim.providers.core.results import MethodReturn


@pytest.fixture
async def host() -> AsyncIterator[Storage]:
    async with running() as found:
        yield found


def network_path(name: str) -> Path:
    return Path("Xen_NetworkPool", (("InstanceID", f"NetworkPool/{name}"),))


DEFAULT = network_path("default")
HOST = HostAddress(address="10.1.0.1", prefix=24)
ADDRESS: Mapping[str, Value] = {"Address": "10.1.0.1", "Netmask": "255.255.255.0"}
RANGE: Mapping[str, Value] = {"IPRangeStart": "10.1.0.2", "IPRangeEnd": "10.1.0.9"}


def networks(host: Storage) -> Mapping[str, Network]:
    return host.view.all(Network)


async def create(host: Storage, name: str | None = "new", /, **properties: Value) -> MethodReturn:
    one = settings("NetPool", **properties)
    return await host.call(SERVICE, "CreateChildResourcePool", ElementName=name, Settings=(one,))


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, {"bridge": "virbr1"}),
        (
            {"ForwardMode": 0, **ADDRESS, "Autostart": True},
            {"bridge": "virbr1", "addresses": (HOST,), "autostart": True},
        ),
        (
            {"ForwardMode": 1, **ADDRESS, **RANGE, "BridgeName": "lan0"},
            {
                "forward_mode": "nat",
                "bridge": "lan0",
                "addresses": (replace(HOST, ranges=(("10.1.0.2", "10.1.0.9"),)),),
            },
        ),
        (
            {"ForwardMode": 2, "ForwardDevice": "eth0", "ResourceSubType": "route", **ADDRESS},
            {
                "forward_mode": "route",
                "forward_dev": "eth0",
                "bridge": "virbr1",
                "addresses": (HOST,),
            },
        ),
        ({"ForwardMode": 3, "BridgeName": "br0"}, {"forward_mode": "bridge", "bridge": "br0"}),
    ],
    ids=["nothing", "isolated", "nat", "routed", "bridged"],
)
async def test_networks_of_every_mode_are_made(
    host: Storage, properties: dict[str, Value], expected: dict[str, object]
) -> None:
    made = await create(host, **properties)
    assert (made.return_value, out(made)) == (
        0,
        {"Pool": '//fake.example/root/virt:Xen_NetworkPool.InstanceID="NetworkPool/new"'},
    )
    network = networks(host)["new"]
    known = {"autostart": False, **expected}
    stored = Network(name="new", uuid=network.uuid, active=False, **known)  # type: ignore[arg-type] # as given
    assert network == replace(stored, active=True, stored=stored)
    assert host.view.all(Job) == {}


async def test_a_network_is_named_by_its_settings_as_clients_of_libvirt_cim_do(host: Storage) -> None:
    text = (
        "instance of Xen_NetPoolResourceAllocationSettingData "
        '{ PoolID = "NetworkPool/new"; ForwardMode = 1; Address = "10.1.0.1"; Netmask = "255.255.255.0"; '
        'IPRangeStart = "10.1.0.2"; IPRangeEnd = "10.1.0.9"; ResourceType = 10; };'
    )
    made = await host.call(
        SERVICE, "CreateChildResourcePool", Settings=(text,), ParentPool=(network_path("0"),)
    )
    assert made.return_value == 0
    assert networks(host)["new"].addresses[0].ranges == (("10.1.0.2", "10.1.0.9"),)


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        (
            {"ForwardMode": 9},
            "property ForwardMode of Xen_NetPoolResource.*0 none, 1 NAT, 2 routed, 3 bridge",
        ),
        ({"ForwardMode": 1}, "property Address.*a NAT network .* needs it"),
        ({"ForwardMode": 3}, "property BridgeName.*a bridged network .* needs it"),
        ({"ForwardMode": 3, "BridgeName": "br0", **ADDRESS}, "property Address.*no meaning for a bridged"),
        ({"ForwardDevice": "eth0"}, "property ForwardDevice.*no meaning for an isolated network"),
        ({"ForwardMode": 2, "ForwardDevice": "-eth0", **ADDRESS}, "'-eth0' is no name of an interface"),
        ({"BridgeName": "a-name-too-long-for-it"}, "property BridgeName"),
        ({"BridgeName": "br0\n"}, "property BridgeName"),
        ({"Address": "10.1.0.1"}, "property Netmask.*Address needs it"),
        ({"Netmask": "255.255.255.0"}, "property Netmask.*means nothing without Address"),
        (dict(RANGE), "property IPRangeStart.*means nothing without Address"),
        ({**ADDRESS, "Address": "10.1.0"}, "property Address.*'10.1.0' is no IPv4 address"),
        ({**ADDRESS, "Address": "fd00::1"}, "property Address.*no IPv4 address"),
        ({**ADDRESS, "Address": "10.1.0.255"}, "10.1.0.255 is no host's address in 10.1.0.0/24"),
        ({**ADDRESS, "Netmask": "24"}, "property Netmask.*'24' is no IPv4 address"),
        ({**ADDRESS, "Netmask": "0.0.0.255"}, "0.0.0.255 is no netmask"),
        ({**ADDRESS, "Netmask": "255.0.255.0"}, "255.0.255.0 is no netmask"),
        ({**ADDRESS, "IPRangeStart": "10.1.0.2"}, "property IPRangeStart.*other end .* missing"),
        ({**ADDRESS, "IPRangeEnd": "10.1.0.2"}, "property IPRangeEnd.*other end .* missing"),
        ({**ADDRESS, **RANGE, "IPRangeEnd": "10.1.1.1"}, "property IPRangeEnd.*in 10.1.0.0/24"),
        ({**ADDRESS, **RANGE, "IPRangeStart": "10.1.0.10"}, "10.1.0.9 is before 10.1.0.10"),
        ({"Weight": 3}, "property Weight"),
        ({"ResourceType": 17}, "property ResourceType"),
        ({"ResourceSubType": "nat"}, "property ResourceSubType.*says isolated"),
        ({"PoolID": "NetworkPool/other"}, "property PoolID"),
        ({"PoolID": "NetworkPool/bridge/br0"}, "property PoolID"),
        ({"PoolID": "DiskPool/new"}, "property PoolID"),
    ],
)
async def test_a_network_that_makes_no_sense_is_refused_by_the_name_of_the_property(
    host: Storage, properties: dict[str, Value], text: str
) -> None:
    before = dict(networks(host))
    error = await host.refused(
        SERVICE, "CreateChildResourcePool", ElementName="new", Settings=(settings("NetPool", **properties),)
    )
    assert error.status is Status.INVALID_PARAMETER
    assert re.search(text, error.message), error.message
    assert networks(host) == before


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("default", Status.ALREADY_EXISTS, "there is a network 'default' already"),
        ("a/b", Status.INVALID_PARAMETER, "'a/b' is no name of a pool"),
        (" a", Status.INVALID_PARAMETER, "' a' is no name of a pool"),
        ("a ", Status.INVALID_PARAMETER, "'a ' is no name of a pool"),
        (None, Status.INVALID_PARAMETER, "'' is no name of a pool"),
    ],
)
async def test_a_name_that_cannot_be_is_refused(
    host: Storage, name: str | None, status: Status, text: str
) -> None:
    error = await host.refused(
        SERVICE, "CreateChildResourcePool", ElementName=name, Settings=(settings("NetPool"),)
    )
    assert error.status is status
    assert text in error.message


async def test_other_parents_and_more_than_one_setting_make_no_network(host: Storage) -> None:
    one = settings("NetPool")
    for parent in (DEFAULT, pool_path("0")):
        error = await host.refused(
            SERVICE, "CreateChildResourcePool", ElementName="new", Settings=(one,), ParentPool=(parent,)
        )
        assert (error.status, "only NetworkPool/0 holds networks" in error.message) == (
            Status.INVALID_PARAMETER,
            True,
        )
    many = await host.refused(
        SERVICE, "CreateChildResourcePool", ElementName="new", Settings=(settings("DiskPool"), one)
    )
    assert many.status is Status.INVALID_PARAMETER
    assert list(networks(host)) == ["default"]


async def test_a_network_in_use_is_neither_deleted_nor_stopped(host: Storage) -> None:
    text = "network 'default' is in use: it has interface 00:16:3e:00:00:00 of machine 'vm-00000' (running)"
    error = await host.refused(SERVICE, "DeleteResourcePool", Pool=DEFAULT)
    assert (error.status, error.message) == (Status.FAILED, text)
    stop = await host.refused(DEFAULT, "RequestStateChange", RequestedState=3)
    assert (stop.status, stop.message) == (Status.FAILED, text)
    for number in (0, 1):
        host.inventory.remove(VirtualMachine, fake_machine(number).uuid)
    off = await host.refused(SERVICE, "DeleteResourcePool", Pool=DEFAULT)
    assert off.message.endswith("interface 00:16:3e:00:00:02 of machine 'vm-00002' (shut off)")
    for state, active in ((3, False), (2, True)):
        assert (await host.call(DEFAULT, "RequestStateChange", RequestedState=state)).return_value == 0
        assert networks(host)["default"].active is active
    host.inventory.remove(VirtualMachine, fake_machine(2).uuid)
    assert (await host.call(SERVICE, "DeleteResourcePool", Pool=DEFAULT)).return_value == 0
    assert networks(host) == {}


async def test_a_machine_on_a_network_s_own_bridge_uses_it_but_not_one_over_a_bridge_of_the_host(
    host: Storage,
) -> None:
    await create(host, "own", BridgeName="lan0")
    await create(host, "over", ForwardMode=3, BridgeName="br0")
    machine = fake_machine(2)
    for bridge in ("lan0", "br0"):
        [nic] = machine.current.nics
        on = replace(nic, source_type="bridge", network=None, bridge=bridge)
        host.inventory.put(replace(machine, current=replace(machine.current, nics=(on,))))
        name = {"lan0": "own", "br0": "over"}[bridge]
        if name == "own":
            error = await host.refused(SERVICE, "DeleteResourcePool", Pool=network_path(name))
            assert "of machine 'vm-00002'" in error.message
        else:
            done = await host.call(SERVICE, "DeleteResourcePool", Pool=network_path(name))
            assert done.return_value == 0
    assert list(networks(host)) == ["default", "own"]


async def test_a_network_that_another_is_over_is_in_use(host: Storage) -> None:
    await create(host, "own", BridgeName="lan0")
    await create(host, "over", ForwardMode=3, BridgeName="lan0")
    own, over = network_path("own"), network_path("over")
    text = "network 'own' is in use: network 'over' is on its bridge"
    stop = await host.refused(own, "RequestStateChange", RequestedState=3)
    assert (stop.status, stop.message) == (Status.FAILED, text)
    for name in ("over", "own"):
        stopped = await host.call(network_path(name), "RequestStateChange", RequestedState=3)
        assert stopped.return_value == 0
    assert (await host.refused(SERVICE, "DeleteResourcePool", Pool=own)).message == text
    for path in (over, own):
        assert (await host.call(SERVICE, "DeleteResourcePool", Pool=path)).return_value == 0
    assert list(networks(host)) == ["default"]


async def test_autostart(host: Storage) -> None:
    assert (await host.call(DEFAULT, "SetAutostart", Autostart=False)).return_value == 0
    assert networks(host)["default"].autostart is False


@pytest.mark.parametrize(
    ("pool", "status", "text"),
    [
        (network_path("gone"), Status.NOT_FOUND, "no network 'gone'"),
        (network_path("0"), Status.INVALID_PARAMETER, "all networks of the host"),
        (network_path("bridge/br0"), Status.INVALID_PARAMETER, "a bridge of the host"),
        (
            Path("Xen_NetworkPool", (("InstanceID", "DiskPool/default"),)),
            Status.INVALID_PARAMETER,
            "invalid InstanceID",
        ),
    ],
)
async def test_a_network_must_be_named(host: Storage, pool: Path, status: Status, text: str) -> None:
    error = await host.refused(SERVICE, "DeleteResourcePool", Pool=pool)
    assert error.status is status
    assert text in error.message


async def test_what_is_no_virtual_network_has_no_state(host: Storage) -> None:
    host.inventory.put(Bridge(name="br0"))
    for name in ("0", "bridge/br0"):
        for method, parameters in (
            ("RequestStateChange", {"RequestedState": 3}),
            ("SetAutostart", {"Autostart": True}),
        ):
            error = await host.refused(network_path(name), method, **parameters)
            assert error.status is Status.NOT_SUPPORTED
    odd = await host.refused(DEFAULT, "RequestStateChange", RequestedState=9)
    assert odd.status is Status.INVALID_PARAMETER


async def test_networks_are_changed_by_administrators_only(host: Storage) -> None:
    one = Instance("Xen_NetPoolResourceAllocationSettingData", {"ForwardMode": TypedValue(None, 0)})
    for path, method, parameters in (
        (SERVICE, "CreateChildResourcePool", {"ElementName": "new", "Settings": (one,)}),
        (SERVICE, "DeleteResourcePool", {"Pool": DEFAULT}),
        (DEFAULT, "RequestStateChange", {"RequestedState": 3}),
        (DEFAULT, "SetAutostart", {"Autostart": False}),
    ):
        error = await host.refused(path, method, "nobody", **parameters)
        assert error.status is Status.ACCESS_DENIED
    assert list(networks(host)) == ["default"]
