"""What can go wrong between library and daemon: each call ends in time and says what was the matter."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.cmpi import server
from xencim.cimom_glue.cmpi.frames import HEADER, Item, Kind, frame, text, u16
from xencim.cimom_glue.server.peer import Peer, Transport
from xencim.providers.core.operations import InvokeMethod, Operation
from xencim.providers.core.results import Done, Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.cmpi.conftest import Built, Daemon

    from xencim.providers.core.access import Principal
    from xencim.providers.core.results import Result

NAMES = ("names", "root/virt", "T_Class")
INVOKE = ("invoke", "root/virt", "T_Class", "Do", "-", "Name=x")
VERSIONS = (
    "rc 1 xencim's daemon and its provider library are of different versions: install both from one release"
)
PATH = bytes((Item.PATH,)) + text("root/virt") + text("T_Class") + u16(0)
DONE = frame(Kind.DONE)


class Script:
    """A daemon that answers the calls of each connection from a list, then ends the connection."""

    def __init__(self, *connections: tuple[bytes, ...]) -> None:
        self._connections = list(connections)
        self.calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = self._connections.pop(0) if self._connections else ()
        try:
            for answer in answers:
                length, *_ = HEADER.unpack(await reader.readexactly(HEADER.size))
                await reader.readexactly(length)
                self.calls += 1
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    path: Path, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]
) -> AsyncIterator[Path]:
    """Listen as a daemon does, with one that is none."""
    listener = await asyncio.start_unix_server(serve, str(path))  # type: ignore[arg-type]
    try:
        yield path
    finally:
        listener.close()


class Idle:
    """An engine that has nothing to tell."""

    async def execute(self, _operation: Operation, _principal: Principal) -> Result:
        return Paths(())


async def test_without_a_daemon_a_call_fails_at_once_and_says_what_to_do(
    plain: Built, tmp_path: Path
) -> None:
    missing = tmp_path / "cmpi.sock"
    began = time.monotonic()
    answer = await plain.call(missing, *NAMES)
    assert time.monotonic() - began < 5
    assert answer.status == (
        f"rc 1 xencim's daemon does not answer at {missing} (No such file or directory): start it, for"
        " example with `systemctl start xencim`, with cmpi.socket set to this path"
    )


async def test_a_daemon_that_was_killed_leaves_a_socket_that_nobody_answers(
    plain: Built, tmp_path: Path
) -> None:
    path = tmp_path / "cmpi.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    answer = await plain.call(path, *NAMES)
    assert answer.status.startswith(f"rc 1 xencim's daemon does not answer at {path} (Connection refused)")


async def test_a_daemon_that_takes_no_connection_is_told_within_a_second(
    plain: Built, tmp_path: Path
) -> None:
    path = tmp_path / "cmpi.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))
        began = time.monotonic()
        answer = await plain.call(path, *NAMES)
        assert 0.8 < time.monotonic() - began < 5
    assert "(Resource temporarily unavailable)" in answer.status


async def test_a_daemon_that_hangs_is_given_up_at_the_deadline(plain: Built, tmp_path: Path) -> None:
    path = tmp_path / "cmpi.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        began = time.monotonic()
        answer = await plain.call(path, *NAMES, timeout_s=1)
        assert 0.9 < time.monotonic() - began < 5
    assert answer.status == "rc 1 xencim's daemon has not answered in time"


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (b"", ["rc 1 xencim's daemon ended before it had answered"]),
        (DONE[:5], ["rc 1 xencim's daemon ended before it had answered"]),
        (
            frame(Kind.ITEMS, PATH),
            ["path root/virt:T_Class{}", "rc 1 xencim's daemon ended before it had answered"],
        ),
        (
            frame(Kind.ITEMS, PATH + PATH)[:-1],
            ["rc 1 xencim's daemon ended before it had answered"],
        ),
        (
            frame(Kind.ITEMS, PATH + PATH[:-1]) + DONE,
            ["path root/virt:T_Class{}", "rc 1 the answer of xencim's daemon is malformed"],
        ),
        (frame(Kind.ITEMS, b"\x09") + DONE, ["rc 1 the answer of xencim's daemon is malformed"]),
        (frame(Kind.REQUEST), ["rc 1 the answer of xencim's daemon is malformed"]),
        (frame(Kind.ERROR, b"\0\0\0\0"), ["rc 1 the answer of xencim's daemon is malformed"]),
        (HEADER.pack(2**31, 2, Kind.ITEMS, 0), ["rc 1 the answer of xencim's daemon is malformed"]),
        (
            HEADER.pack(0, 9, Kind.DONE, 0),
            [VERSIONS],
        ),
    ],
    ids=[
        "none",
        "cut header",
        "cut answer",
        "cut frame",
        "cut item",
        "item",
        "kind",
        "error",
        "size",
        "version",
    ],
)
async def test_a_wrong_answer_is_told_and_the_next_call_works(
    sanitized: Built, tmp_path: Path, answer: bytes, lines: list[str]
) -> None:
    path = tmp_path / "cmpi.sock"
    script = Script((answer,), (frame(Kind.ITEMS, PATH) + DONE,))
    async with listening(path, script.serve):
        first = await sanitized.call(path, *NAMES)
        second = await sanitized.call(path, *NAMES)
    assert (first.code, first.errors, first.lines) == (0, "", lines)
    assert second.lines == ["path root/virt:T_Class{}", "done", "rc 0 "]


async def test_after_a_restart_the_next_call_of_the_same_process_works(plain: Built, tmp_path: Path) -> None:
    path = tmp_path / "cmpi.sock"
    # The connection ends between two calls, and then when the next one has been sent.
    script = Script((DONE,), (DONE, b""), (DONE,))
    async with listening(path, script.serve):
        answer = await plain.call(path, "-n", "3", *NAMES)
    assert (answer.code, answer.errors, answer.lines) == (0, "", ["done", "rc 0 "])
    assert script.calls == 4


async def test_a_change_is_never_made_twice(plain: Built, tmp_path: Path) -> None:
    path = tmp_path / "cmpi.sock"
    script = Script((b"",), (DONE,))
    async with listening(path, script.serve):
        answer = await plain.call(path, *INVOKE)
    assert answer.status == (
        "rc 1 xencim's daemon ended before it had answered: whether the change was made is not known"
    )
    assert script.calls == 1


async def test_a_change_goes_on_when_the_library_has_gone(plain: Built, daemon: Daemon) -> None:
    class Slow:
        def __init__(self) -> None:
            self.begun = asyncio.Event()
            self.release = asyncio.Event()
            self.ended: list[Operation] = []

        async def execute(self, operation: Operation, _principal: Principal) -> Result:
            self.begun.set()
            await self.release.wait()
            self.ended.append(operation)
            return Done()

    engine = Slow()
    async with daemon(engine) as path:
        answer = await plain.call(path, *INVOKE, timeout_s=1)
        assert engine.begun.is_set()
        assert answer.status == "rc 1 xencim's daemon has not answered in time"
        engine.release.set()
    assert [type(operation) for operation in engine.ended] == [InvokeMethod]


async def test_an_unlisted_peer_is_refused(
    plain: Built, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stranger(_connection: object, transport: Transport) -> Peer:
        return Peer(transport, "uid 54321", local=True, uid=54321)

    monkeypatch.setattr(server, "peer_of", stranger)
    async with daemon(Idle()) as path:
        answer = await plain.call(path, *NAMES)
        again = await plain.call(path, *NAMES)
    assert answer.lines == ["rc 2 uid 54321 may not speak for users: list its name in cmpi.users"]
    assert again == answer
    assert caplog.text.count("uid 54321 is refused") == 1


async def test_strangers_cannot_keep_out_those_who_are_listed(
    plain: Built, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = iter([54321] * 20)

    def peer(_connection: object, transport: Transport) -> Peer:
        uid = next(uids, 0)
        return Peer(transport, f"uid {uid}", local=True, uid=uid)

    monkeypatch.setattr(server, "peer_of", peer)
    async with daemon(Idle()) as path:
        assert path.stat().st_mode & 0o777 == 0o600
        strangers = [await asyncio.open_unix_connection(str(path)) for _ in range(20)]
        # The last ones are turned away at once, the first wait for what the stranger has to ask.
        assert await strangers[19][0].read() == b""
        answer = await plain.call(path, *NAMES)
        for _, writer in strangers:
            writer.close()
            await writer.wait_closed()
    assert answer.lines == ["done", "rc 0 "]


async def test_a_request_that_is_none_is_answered_and_logged(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    async with daemon(Idle()) as path:
        for sent, expected in (
            (frame(Kind.REQUEST, b"\0\0\0\0"), "the request is malformed: the frame is cut off"),
            (HEADER.pack(0, 7, 1, 0), "the daemon speaks version 2 of the protocol, not 7"),
        ):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(sent)
            answer = await reader.read()
            assert expected.encode() in answer
            writer.close()
            await writer.wait_closed()
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(HEADER.pack(2**31, 2, 1, 0))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert "a frame of 2147483648 bytes is too large" in caplog.text


async def test_the_daemon_answers_others_while_one_does_not_read(plain: Built, daemon: Daemon) -> None:
    async with daemon(Idle()) as path:
        stuck = await asyncio.open_unix_connection(str(path))
        stuck[1].write(frame(Kind.REQUEST, b"\0" * 100)[:20])
        answer = await plain.call(path, *NAMES)
        stuck[1].close()
        await stuck[1].wait_closed()
    assert answer.lines == ["done", "rc 0 "]
