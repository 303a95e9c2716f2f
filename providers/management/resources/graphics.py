"""Remote displays; a port of -1 is chosen when the machine starts.

A password is written and never told; an empty one takes it away. A running machine's is changed at
once, where it was started with one.

Source: DSP1059 1.0 (generic resource allocation).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.records import Graphics
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.resource import Resource
from xencim.providers.vm.rows import GRAPHICS
from xencim.providers.vm.settings.graphics import SPEC

if TYPE_CHECKING:
    from typing import Any

    from xencim.providers.management.given import Given
    from xencim.providers.management.resource import Scene

_BY_NETWORK = frozenset({"vnc", "spice", "rdp"})
_WITH_PASSWORD = frozenset({"vnc", "spice"})
_PASSWORDS = "displays of the types vnc and spice have passwords"
CHOSEN_AT_START = -1


def default_display() -> Graphics:
    """Return what a machine is given that is defined without one."""
    return Graphics(type="vnc", listen="127.0.0.1", port=CHOSEN_AT_START, autoport=True, keymap="en-us")


def _make(asked: Given, _scene: Scene) -> Graphics:
    kind = asked.text("ResourceSubType") or "vnc"
    if kind in _BY_NETWORK:
        return replace(default_display(), type=kind, keymap=None)
    return Graphics(type=kind)


def _address(graphics: Graphics, value: str, _scene: Scene) -> Graphics:
    host, _, port = value.rpartition(":")
    try:
        number = int(port)
    except ValueError:
        return graphics
    return replace(graphics, listen=host.strip("[]") or None, port=number, autoport=number == CHOSEN_AT_START)


def _password(graphics: Graphics, value: str, _scene: Scene) -> Graphics:
    if graphics.type not in _WITH_PASSWORD:
        raise CimError(
            Status.INVALID_PARAMETER, f"Password: a display of type {graphics.type} has none", hint=_PASSWORDS
        )
    return replace(graphics, password=value)


def _placed(graphics: Graphics, others: tuple[Any, ...]) -> Graphics:
    return replace(graphics, index=sum(other.type == graphics.type for other in others))


RESOURCE = Resource(
    spec=SPEC,
    parts=GRAPHICS,
    field="graphics",
    resource_types=(24,),
    make=_make,
    placed=_placed,
    setters={
        "Address": _address,
        "KeyMap": lambda graphics, value, _scene: replace(graphics, keymap=value or None),
        "Password": _password,
    },
    write_only=frozenset({"Password"}),
)
