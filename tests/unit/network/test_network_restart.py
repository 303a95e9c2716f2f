"""What is told of work on networks that a server's end interrupted: what the hypervisor shows now."""

from __future__ import annotations

import pytest

from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Network
from xencim.providers.network import network_work as work


@pytest.mark.parametrize(
    ("kind", "facts", "found"),
    [
        (work.NETWORK_MADE, {"network": "n"}, None),
        (work.NETWORK_MADE, {"network": "m"}, "there is no network 'm'"),
        (work.NETWORK_GONE, {"network": "m"}, None),
        (work.NETWORK_GONE, {"network": "n"}, "network 'n' is still there"),
        (work.NETWORK_STATE, {"network": "n", "active": "True"}, None),
        (work.NETWORK_STATE, {"network": "n", "active": "False"}, "network 'n' is active"),
        (work.NETWORK_STATE, {"network": "m", "active": "True"}, "there is no network 'm'"),
        (work.NETWORK_AUTOSTART, {"network": "n", "autostart": "True"}, None),
        (work.NETWORK_AUTOSTART, {"network": "n", "autostart": "False"}, "network 'n' was not changed"),
        (work.NETWORK_AUTOSTART, {"network": "m", "autostart": "True"}, "network 'm' was not changed"),
    ],
)
def test_what_became_of_it(kind: str, facts: dict[str, str], found: str | None) -> None:
    inventory = Inventory()
    inventory.put(Network(name="n", uuid="u", active=True, autostart=True))
    assert work.RECONCILERS[kind](inventory.view, facts) == found


def test_each_kind_of_work_can_be_looked_at() -> None:
    kinds = {value for name, value in vars(work).items() if name.startswith("NETWORK_")}
    assert set(work.RECONCILERS) == kinds
