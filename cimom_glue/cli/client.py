"""A WBEM client of the server on this machine, by its Unix socket: the kernel says who calls.

Source: RFC 9112 over a stream socket; what is asked goes through the same operations as any client's.
Errors: CommandError when no server answers, or it refuses.
"""

from __future__ import annotations

import http.client
import io
import socket
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, cast

import pywbem
import requests
from requests.adapters import BaseAdapter

from xencim.cimom_glue.cli.output import CommandError
from xencim.cimom_glue.wire.message import REHEARSAL_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIMEOUT_S = 30.0
_URL = "http://localhost"


class _Connection(http.client.HTTPConnection):
    """HTTP over the socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of an address."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._path))


class _OverSocket(BaseAdapter):
    """How pywbem's HTTP library reaches the socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def send(self, request: requests.PreparedRequest, **_options: object) -> requests.Response:  # type: ignore[override]  # options of TCP and TLS
        """Send a request and read the whole answer."""
        body = cast("bytes", request.body)  # as pywbem makes it
        with closing(_Connection(self._path)) as connection:
            connection.request("POST", request.path_url, body, dict(request.headers))
            answer = connection.getresponse()
            response = requests.Response()
            response.status_code, response.reason = answer.status, answer.reason
            response.headers.update(answer.getheaders())
            response.raw = io.BytesIO(answer.read())
        response.request, response.url = request, _URL
        return response

    def close(self) -> None:
        """Nothing is held between requests."""


@contextmanager
def rehearsing(connection: pywbem.WBEMConnection) -> Iterator[None]:
    """Have methods checked and not carried out."""
    connection.session.headers[REHEARSAL_HEADER] = "yes"
    try:
        yield
    finally:
        del connection.session.headers[REHEARSAL_HEADER]


@contextmanager
def connected(path: Path | None) -> Iterator[pywbem.WBEMConnection]:
    """Speak with the server whose socket is at a path; what it refuses becomes a CommandError."""
    if path is None:
        raise CommandError("the server has no Unix socket: server.socket is off in the configuration")
    connection = pywbem.WBEMConnection(_URL, default_namespace="root/virt")
    connection.session.mount(_URL, _OverSocket(path))
    try:
        yield connection
    except pywbem.CIMError as error:
        raise CommandError(error.status_description or str(error)) from error
    except pywbem.AuthError as error:
        raise CommandError(
            f"the server at {path} does not know this user",
            hint="server.socket_users in the configuration names those who may use the socket",
        ) from error
    except (OSError, pywbem.Error) as error:
        raise CommandError(
            f"no server answers at {path}: {error}",
            hint="`xencim serve` runs one; --socket or --config names another",
        ) from error
    finally:
        connection.close()
