"""What storage pools hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume as it was when its pool was last looked at: volumes announce nothing.

    As a wish (`Backend.create_volume`), ``allocation_bytes`` is what is set aside at once, None leaves it
    to the pool; the path follows from pool and name.
    """

    pool: str
    name: str  # unique in its pool
    type: str = "file"  # file, block, dir, network, netdir, ploop
    path: str | None = None
    capacity_bytes: int | None = None
    allocation_bytes: int | None = None
    physical_bytes: int | None = None  # the length of the file or device; None: as the capacity
    format: str | None = None  # raw, qcow2, …
    backing_path: str | None = None
    backing_format: str | None = None

    @property
    def content_bytes(self) -> int:
        """How much there is to read of its file or device: of a qcow2 volume, the image with its tables."""
        return (self.capacity_bytes if self.physical_bytes is None else self.physical_bytes) or 0

    @property
    def key(self) -> str:
        """The inventory's key; a pool's name has no slash."""
        return f"{self.pool}/{self.name}"
