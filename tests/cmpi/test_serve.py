"""`xencim serve` as a real process, called through the provider library, killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cmpi.conftest import Built

NAMES = ("names", "root/virt", "Xen_ComputerSystem")


@contextmanager
def serving(directory: Path, socket: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """Run a server until it is killed or the block ends."""
    (directory / "empty.toml").touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XENCIM_")}
    command = (sys.executable, "-m", "xencim", "serve", "--backend", "fake:2", "--https", "off")
    places = ("--http", "127.0.0.1:0", "--socket", "off", "--cmpi-socket", str(socket), *flags)
    with subprocess.Popen(
        (*command, *places, "--state-dir", str(directory / "state")),
        env={**kept, "XENCIM_CONFIG": str(directory / "empty.toml")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            told: list[str] = []
            while not (told and "ready: fake:2" in told[-1]):
                told.append(process.stderr.readline())
                assert told[-1], told
            yield process
        finally:
            process.kill()


async def test_a_server_that_was_killed_is_served_again_by_the_next(plain: Built, tmp_path: Path) -> None:
    socket = tmp_path / "cmpi.sock"
    for _ in range(2):
        with serving(tmp_path, socket) as process:
            answer = await plain.call(socket, "-t", "4", "-n", "10", *NAMES)
            process.kill()
        assert (answer.code, len(answer.lines), answer.status) == (0, 4, "rc 0 ")
        away = await plain.call(socket, *NAMES)
        assert away.status.startswith("rc 1 xencim's daemon does not answer")


async def test_a_server_that_stops_takes_its_socket_along(plain: Built, tmp_path: Path) -> None:
    socket = tmp_path / "cmpi.sock"
    with serving(tmp_path, socket) as process:
        assert (await plain.call(socket, *NAMES)).status == "rc 0 "
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not socket.exists()
