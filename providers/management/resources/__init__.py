"""The classes of resource settings that clients may write."""

from __future__ import annotations

from xencim.providers.management.resources import disk, graphics, memory, network, plain, processor

RESOURCES = (
    processor.RESOURCE,
    memory.RESOURCE,
    disk.RESOURCE,
    network.RESOURCE,
    graphics.RESOURCE,
    *plain.RESOURCES,
)
