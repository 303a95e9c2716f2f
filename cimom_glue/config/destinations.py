"""The configured destinations of migrations: [[migration.destination]], one table each.

Errors: ValueError, naming the destination, its setting and what that must be.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xencim.cimom_glue.config.kinds import Kind
from xencim.providers.backends.records import Destination, Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETTINGS = frozenset(
    {
        "name",
        "url",
        "namespace",
        "ca",
        "user",
        "password_file",
        "transport",
        "hypervisor_host",
        "hypervisor_socket",
        "data",
        "data_socket",
    }
)
_TRANSPORTS = ("tls", "ssh", "tcp", "unix")
_DATA = ("tls", "tcp", "tunnelled", "unix")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
# What a URI would take for the end of a path or for parameters of its own.
_PATH = re.compile(r"/[^?#&%\s]+")


def _read(raw: object) -> tuple[Destination, ...]:
    if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
        raise ValueError(f"{raw!r} is not a list of tables")
    found: dict[str, Destination] = {}
    for table in raw:
        one = _destination(table)
        if one.key in found:
            raise ValueError(f"there are two destinations {one.name!r}")
        found[one.key] = one
    return tuple(found.values())


def _destination(table: Mapping[str, object]) -> Destination:
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("a destination has no name")
    try:
        texts = _texts(table)
        return Destination(name=name, transport=_transport(texts), **_server(texts))
    except ValueError as error:
        raise ValueError(f"destination {name!r}: {error}") from None


def _texts(table: Mapping[str, object]) -> dict[str, str]:
    if unknown := table.keys() - _SETTINGS:
        raise ValueError(f"there is no setting {', '.join(sorted(unknown))}")
    if not all(isinstance(value, str) and value for value in table.values()):
        raise ValueError("every setting is a string, and none is empty")
    return {key: str(value) for key, value in table.items()}


def _server(texts: Mapping[str, str]) -> dict[str, str]:
    """Return how the other server is reached, nothing where there is none."""
    own = {key: texts[key] for key in ("url", "namespace", "ca", "user", "password_file") if key in texts}
    if "url" not in own:
        if own:
            raise ValueError(f"without url, {', '.join(sorted(own))} means nothing")
        return {}
    url = urlsplit(own["url"])
    if url.scheme != "https" or not url.hostname or url.username is not None or url.path not in {"", "/"}:
        raise ValueError(f"url {own['url']!r} is not https://HOST:PORT")
    for key in ("user", "password_file"):
        if key not in own:
            raise ValueError(f"{key} is not set: the other server asks who calls")
    for key in ("ca", "password_file"):
        if key in own:
            own[key] = str(Path(own[key]).expanduser().absolute())
    return own


def _transport(texts: Mapping[str, str]) -> Transport:
    kind = texts.get("transport", "tls")
    if kind not in _TRANSPORTS:
        raise ValueError(f"transport {kind!r} is not one of {', '.join(_TRANSPORTS)}")
    data = texts.get("data", "unix" if kind == "unix" else "tls")
    if data not in _DATA:
        raise ValueError(f"data {data!r} is not one of {', '.join(_DATA)}")
    if (kind == "unix") != (data == "unix") and data != "tunnelled":
        raise ValueError("transport and data are both unix, or neither is")
    paths = {"hypervisor_socket": kind == "unix", "data_socket": data == "unix"}
    for key, is_needed in paths.items():
        if is_needed != (key in texts):
            raise ValueError(f"{key} is {'needed' if is_needed else 'of no use'} with this transport")
        if is_needed and not _PATH.fullmatch(texts[key]):
            raise ValueError(f"{key} {texts[key]!r} is no absolute path without spaces and ?, #, &, %")
    host = texts.get("hypervisor_host") or urlsplit(texts.get("url", "")).hostname
    if kind != "unix" and host is None:
        raise ValueError("hypervisor_host is not set, nor a url that names the host")
    if host is not None and ":" in host and not host.startswith("["):
        host = f"[{host}]"
    if host is not None and not _HOST.fullmatch(host):
        raise ValueError(f"hypervisor_host {host!r} is neither a host's name nor an address")
    return Transport(
        kind=kind,
        data=data,
        host=host,
        socket=texts.get("hypervisor_socket"),
        data_socket=texts.get("data_socket"),
    )


def _from_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _show(destinations: tuple[Destination, ...]) -> list[dict[str, str]]:
    """Return what the file would hold; it names the password's file, never the password."""
    shown = []
    for one in destinations:
        transport = one.transport
        settings = {
            "name": one.name,
            "url": one.url,
            "namespace": one.namespace if one.url else None,
            "ca": one.ca,
            "user": one.user,
            "password_file": one.password_file,
            "transport": transport.kind,
            "hypervisor_host": transport.host,
            "hypervisor_socket": transport.socket,
            "data": transport.data,
            "data_socket": transport.data_socket,
        }
        shown.append({key: value for key, value in settings.items() if value is not None})
    return shown


DESTINATIONS = Kind(
    "a list of tables, each with name, url, namespace, ca, user, password_file, transport (tls, ssh, tcp,"
    " unix), hypervisor_host, hypervisor_socket, data (tls, tcp, tunnelled, unix), data_socket",
    _read,
    _from_text,
    _show,
)
