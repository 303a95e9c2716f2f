"""The storage that machines' disks come from."""

from xencim.providers.storage import disk_pool, storage_volume
from xencim.providers.storage.associations import ASSOCIATIONS
from xencim.providers.storage.work import RECONCILERS

__all__ = ["ASSOCIATIONS", "RECONCILERS", "SPECS"]

SPECS = (disk_pool.SPEC, storage_volume.SPEC)
