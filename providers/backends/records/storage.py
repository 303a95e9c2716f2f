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
    format: str | None = None  # raw, qcow2, …
    backing_path: str | None = None
    backing_format: str | None = None

    @property
    def key(self) -> str:
        """The inventory's key; a pool's name has no slash."""
        return f"{self.pool}/{self.name}"
