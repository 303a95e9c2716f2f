"""How a machine's display is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xencim.providers.backends.records import Graphics


def display_address(graphics: Graphics) -> str | None:
    """Return ``host:port`` (port -1 until the machine starts), None for a display without a network."""
    if graphics.port is None:
        return graphics.listen
    listen = graphics.listen or ""
    return f"[{listen}]:{graphics.port}" if ":" in listen else f"{listen}:{graphics.port}"


def display_url(graphics: Graphics) -> str | None:
    """Return where a viewer connects to, None when it cannot."""
    reachable = graphics.listen and graphics.port is not None and graphics.port > 0
    return f"{graphics.type}://{display_address(graphics)}" if reachable else None
