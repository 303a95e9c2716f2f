"""`xencim vm console --attach`: this terminal is the machine's text console, until Ctrl-].

It is reached where AccessInfo says that it is, so on the host itself, by who may open it there.

Source: CIM_TextRedirectionSAP.AccessInfo (DSP1024).
Errors: CommandError where it cannot be opened.
"""

from __future__ import annotations

import os
import select
import socket
import termios
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xencim.cimom_glue.cli.output import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAVE = b"\x1d"
"""Ctrl-], as virsh and xl have it."""
_PIECE_BYTES = 4096


@contextmanager
def opened(url: str) -> Iterator[int]:
    """Open a console, and let go of it again."""
    where = urlsplit(url)
    try:
        if where.scheme == "pty":
            console = os.open(where.path, os.O_RDWR | os.O_NOCTTY)
        elif where.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(where.path)
                console = connection.detach()
        elif where.scheme == "tcp":
            console = socket.create_connection((where.hostname or "", where.port or 0)).detach()
        else:
            raise CommandError(f"{url}: it cannot be talked to from here", hint="only pty, unix and tcp can")
    except OSError as error:
        raise CommandError(f"{url}: {error.strerror or error}") from error
    try:
        yield console
    finally:
        os.close(console)


@contextmanager
def raw(terminal: int) -> Iterator[None]:
    """Have a terminal hand over each key as it is pressed; what is none stays as it is."""
    if not os.isatty(terminal):
        yield
        return
    before = termios.tcgetattr(terminal)
    tty.setraw(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def talk(console: int, keys: int, screen: int) -> None:
    """Carry bytes both ways until Ctrl-] comes, the console ends, or there are no more keys."""
    while True:
        ready, _, _ = select.select([console, keys], [], [])
        if console in ready:
            piece = _read(console)
            if not piece:
                return
            _write(screen, piece)
        if keys in ready:
            piece, leave, _ = _read(keys).partition(LEAVE)
            _write(console, piece)
            if leave or not piece:
                return


def _read(source: int) -> bytes:
    try:
        return os.read(source, _PIECE_BYTES)
    except OSError:  # how a terminal tells that nobody is at its other end
        return b""


def _write(target: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(target, left) :]
