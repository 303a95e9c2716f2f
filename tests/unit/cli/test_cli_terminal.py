"""A machine's text console carried to a terminal and back."""

from __future__ import annotations

import os
import socket
import termios
import threading
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.cli.output import CommandError
from xencim.cimom_glue.cli.vm import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHIN_S = 10


@contextmanager
def descriptors(*pairs: tuple[int, int]) -> Iterator[None]:
    try:
        yield
    finally:
        for number in (one for pair in pairs for one in pair):
            os.close(number)


def test_bytes_go_both_ways_until_the_key_that_leaves() -> None:
    guest, slave = os.openpty()
    tty.setraw(slave)
    keys, screen = os.pipe(), os.pipe()
    with descriptors((guest, slave), keys, screen), terminal.opened(f"pty://{os.ttyname(slave)}") as console:
        talking = threading.Thread(target=terminal.talk, args=(console, keys[0], screen[1]))
        talking.start()
        os.write(guest, b"login: ")
        assert os.read(screen[0], 100) == b"login: "
        os.write(keys[1], b"root\n" + terminal.LEAVE + b"not sent")
        talking.join(WITHIN_S)
        assert not talking.is_alive()
        assert os.read(guest, 100) == b"root\n"


def test_it_ends_when_the_console_does(tmp_path: Path) -> None:
    path = str(tmp_path / "console")
    keys, screen = os.pipe(), os.pipe()
    with socket.socket(socket.AF_UNIX) as server, descriptors(keys, screen):
        server.bind(path)
        server.listen()
        with terminal.opened(f"unix://{path}") as console:
            guest, _ = server.accept()
            guest.sendall(b"bye")
            guest.close()
            terminal.talk(console, keys[0], screen[1])
        assert os.read(screen[0], 100) == b"bye"


def test_a_terminal_is_as_it_was_afterwards() -> None:
    master, slave = os.openpty()
    with descriptors((master, slave)):
        before = termios.tcgetattr(slave)
        with terminal.raw(slave):
            assert not termios.tcgetattr(slave)[3] & termios.ICANON
        assert termios.tcgetattr(slave) == before


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("pty:///dev/nothing", "pty:///dev/nothing: No such file or directory"),
        ("udp://127.0.0.1:5", "udp://127.0.0.1:5: it cannot be talked to from here"),
    ],
)
def test_what_cannot_be_opened_is_said(url: str, text: str) -> None:
    with pytest.raises(CommandError, match=text), terminal.opened(url):
        pass
