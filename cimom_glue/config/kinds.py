"""The kinds of values that settings have: how each is read, and what it says it allows.

A setting's value comes from TOML with TOML's types, or from the environment or a flag as text;
`Kind.from_text` brings text to TOML's types first, so each kind has one reader.

Errors: ValueError where a value is not of its kind; the text continues "…: <text>".
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from xencim.providers.backends.fake import FAKE_URI

if TYPE_CHECKING:
    from collections.abc import Callable

Address: TypeAlias = tuple[str, int]

PORT_MAX = 65535
OFF = "off"

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: ``allowed`` completes "must be …"; ``read`` takes a value of TOML."""

    allowed: str
    read: Callable[[object], Any]
    from_text: Callable[[str], object] = str
    show: Callable[[Any], object] = lambda value: value


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _boolean(text: str) -> object:
    return {"true": True, "false": False}.get(text.lower(), text)


def _read_text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"{raw!r} is not a string")  # noqa: TRY004 - one kind of error for the loader
    if not raw.strip():
        raise ValueError("it is empty")
    return raw


def _read_boolean(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise ValueError(f"{raw!r} is not a boolean")  # noqa: TRY004 - one kind of error for the loader
    return raw


def _read_texts(raw: object) -> tuple[str, ...]:
    items = [raw] if isinstance(raw, str) else raw
    if not isinstance(items, list):
        raise ValueError(f"{raw!r} is not a list")  # noqa: TRY004 - one kind of error for the loader
    return tuple(_read_text(item) for item in items)


def _read_path(raw: object) -> Path:
    return Path(_read_text(raw)).expanduser().absolute()


def _read_path_or_off(raw: object) -> Path | None:
    return None if raw == OFF else _read_path(raw)


def _read_names(raw: object) -> frozenset[str]:
    return frozenset(_read_texts(raw))


def _read_host_name(raw: object) -> str:
    name = _read_text(raw)
    if not _HOST_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a host name")
    if name.lower().split(".")[0] == "localhost":
        raise ValueError("every host calls itself localhost, so no client could tell hosts apart")
    return name


def _read_address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError(f"{text!r} is not ADDR:PORT")
    if not port.isascii() or not port.isdigit() or int(port) > PORT_MAX:
        raise ValueError(f"{port!r} is not a port (0 to {PORT_MAX})")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError(f"{host!r} is not an IPv6 address") from None
    elif ":" in host:
        raise ValueError(f"an IPv6 address stands in brackets, [{host}]:{port}")
    elif not _HOST_NAME.fullmatch(host):
        raise ValueError(f"{host!r} is neither an address nor a host name")
    return host, int(port)


def _read_addresses(raw: object) -> tuple[Address, ...]:
    return () if raw == OFF else tuple(_read_address(text) for text in _read_texts(raw))


def show_address(address: Address) -> str:
    """Return ADDR:PORT, an IPv6 address in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _read_backend(text: str) -> str:
    if (fake := FAKE_URI.fullmatch(text)) is not None:
        if int(fake[1]) == 0:
            raise ValueError("fake:N needs at least one machine")
        return text
    if not re.match(r"[a-z][a-z0-9+]*://", text):
        raise ValueError(f"{masked(text)!r} is neither a hypervisor's URI nor fake:N")
    return text


def _read_backends(raw: object) -> tuple[str, ...]:
    return tuple(_read_backend(text) for text in _read_texts(raw))


def masked(uri: str) -> str:
    """Return a URI without its password."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}").geturl()


def _read_aliases(raw: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(raw, dict):
        raise ValueError(f"{raw!r} is not a table")  # noqa: TRY004 - one kind of error for the loader
    return tuple((_read_text(alias), _read_text(name)) for alias, name in raw.items())


def _aliases_from_text(text: str) -> object:
    return {alias.strip(): name.strip() for alias, _, name in (p.partition("=") for p in _split(text))}


def choice(*names: str) -> Kind:
    """Make the kind of a few words."""

    def read(raw: object) -> str:
        if raw not in names:
            raise ValueError(f"{raw!r} is not one of them")
        return str(raw)

    return Kind("one of " + ", ".join(names), read)


def number(lowest: int, highest: int, *, whole: bool = True) -> Kind:
    """Make the kind of numbers in a range."""

    def read(raw: object) -> int | float:
        good = isinstance(raw, int if whole else (int, float)) and not isinstance(raw, bool)
        if not good or not isinstance(raw, (int, float)) or not lowest <= raw <= highest:
            raise ValueError(f"{raw!r} is not such a number")
        return raw if whole else float(raw)

    return Kind(f"a {'whole ' if whole else ''}number from {lowest} to {highest}", read, _number)


TEXT = Kind("a string", _read_text)
BOOLEAN = Kind("true or false", _read_boolean, _boolean)
PATH = Kind("a path", _read_path, show=str)
PATH_OR_OFF = Kind("a path, or off", _read_path_or_off, show=lambda path: str(path) if path else OFF)
NAMES = Kind("a list of names", _read_names, _split, sorted)
HOST_NAME = Kind("a host name other than localhost", _read_host_name)
ADDRESSES = Kind(
    "ADDR:PORT, a list of them, or off (an IPv6 address stands in brackets: [::1]:5988)",
    _read_addresses,
    lambda text: text if text == OFF else _split(text),
    lambda addresses: [show_address(address) for address in addresses] or OFF,
)
BACKENDS = Kind(
    "a list of hypervisor URIs (xen:///system, qemu:///system, test:///default, …) or fake:N",
    _read_backends,
    _split,
    lambda uris: [masked(uri) for uri in uris],
)
ALIASES = Kind(
    "a table of aliases, each with the namespace it stands for", _read_aliases, _aliases_from_text, dict
)
