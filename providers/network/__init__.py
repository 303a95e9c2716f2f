"""The networks that machines' ports come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.network import network_pool

if TYPE_CHECKING:
    from xencim.providers.core.spec import AssocSpec

SPECS = (network_pool.SPEC,)
ASSOCIATIONS: tuple[AssocSpec, ...] = ()
