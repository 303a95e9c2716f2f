"""The storage that machines' disks come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.storage import disk_pool

if TYPE_CHECKING:
    from xencim.providers.core.spec import AssocSpec

SPECS = (disk_pool.SPEC,)
ASSOCIATIONS: tuple[AssocSpec, ...] = ()
