"""Templates of networks: what they tell, and that they are good as input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Instance, TypedValue
from xencim.providers.backends.records import HostAddress, Network
from xencim.providers.host.capabilities import SETTINGS_DEFINE_CAPABILITIES
from xencim.providers.host.pools.allocation_capabilities import capabilities_row
from xencim.providers.host.templates.network_pool import SPEC
from xencim.providers.management.given import told
from xencim.providers.network.network_pool import KIND

from ..storage.storage_world import SERVICE, Storage, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value


@pytest.fixture
async def host() -> AsyncIterator[Storage]:
    async with running() as found:
        yield found


def values(host: Storage, mode: str) -> dict[str, Value]:
    """Return what a template tells, but for NULL."""
    context = host.world.sites[0].context()
    row = SPEC.rows.find(context, {"instanceid": f"NetworkPool/0/{mode}/Default"})
    assert row is not None
    found = {prop.name: told(SPEC, row, prop.name) for prop in (*SPEC.keys, *SPEC.props)}
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize(("mode", "number"), [("isolated", 0), ("nat", 1), ("route", 2)])
async def test_templates_are_good_as_input(host: Storage, mode: str, number: int) -> None:
    given = values(host, mode)
    assert (given["ForwardMode"], given["Address"]) == (number, "192.168.123.1")  # 122 is the default's
    typed = {name: TypedValue(None, value) for name, value in given.items()}
    one = Instance("Xen_NetPoolResourceAllocationSettingData", typed)
    made = await host.call(SERVICE, "CreateChildResourcePool", ElementName="new", Settings=(one,))
    assert made.return_value == 0
    [address] = host.view.all(Network)["new"].addresses
    assert address == HostAddress(
        address="192.168.123.1", prefix=24, ranges=(("192.168.123.2", "192.168.123.254"),)
    )
    assert values(host, mode)["Address"] == "192.168.124.1"


async def test_addresses_that_a_network_has_are_passed_over(host: Storage) -> None:
    wide = HostAddress(address="192.168.0.1", prefix=16)
    six = HostAddress(address="fd00::1", prefix=64)
    host.inventory.put(Network(name="wide", uuid="u", active=False, addresses=(six, wide)))
    assert not {"Address", "Netmask", "IPRangeStart", "IPRangeEnd"} & set(values(host, "nat"))


async def test_the_capabilities_of_all_networks_lead_to_them(host: Storage) -> None:
    context = host.world.sites[0].context()
    [link] = [one for one in SETTINGS_DEFINE_CAPABILITIES.links if one.right is SPEC]
    of_all, of_one = (
        capabilities_row(context, KIND, source) for source in (None, host.view.all(Network)["default"])
    )
    found = list(link.rights_of(context, of_all))
    assert len(found) == 3
    assert list(link.rights_of(context, of_one)) == []
    assert list(link.lefts_of(context, found[0])) == [of_all]
