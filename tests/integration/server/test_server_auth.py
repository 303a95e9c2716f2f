"""Who is let in by HTTP, and who is not."""

from __future__ import annotations

import asyncio
import base64
import os
import pwd
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.server import AuthSettings
from xencim.cimom_glue.server.peer import Peer, Transport
from xencim.providers.core import operations
from xencim.providers.core.access import Principal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.server.conftest import Starter


ALL_OPERATIONS = sorted(
    name
    for name, one in vars(operations).items()
    if isinstance(one, type) and issubclass(one, operations.Operation) and not name.startswith("_")
)


def header(text: str) -> bytes:
    return b"authorization: Basic " + base64.b64encode(text.encode()) + b"\r\n"


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients seem to come from another machine."""

    def peer_of(_connection: object, transport: Transport) -> Peer:
        return Peer(transport, "192.0.2.1", local=False)

    monkeypatch.setattr("xencim.cimom_glue.server.listener.peer_of", peer_of)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        header("alice:wrong"),
        header("nobody:wonderland"),
        header("alice"),
        header("alice:wonder\0land"),
        b"authorization: Basic !!!\r\n",
        b"authorization: Bearer x\r\n",
        b"authorization:\r\n",
    ],
)
async def test_without_credentials_it_is_401(serve: Starter, wrong: bytes) -> None:
    serving = await serve()
    reply = await (await serving.connect()).ask(headers=wrong)
    assert (reply.status, reply.headers["www-authenticate"]) == (401, 'basic realm="xencim"')
    assert serving.engine.seen == []


@pytest.mark.parametrize("operation", ALL_OPERATIONS)
async def test_each_operation_without_credentials_is_401(serve: Starter, body: bytes, operation: str) -> None:
    serving = await serve()
    client = await serving.connect()
    sent = body.replace(b"EnumerateInstanceNames", operation.encode())
    client.writer.write(
        b"POST /cimom HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(sent), sent)
    )
    assert (await client.reply()).status == 401
    assert serving.engine.seen == []


async def test_a_body_that_is_no_cim_xml_is_401_first(serve: Starter) -> None:
    client = await (await serve()).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
    assert (await client.reply()).status == 401


async def test_verified_credentials_are_kept_for_a_minute(serve: Starter) -> None:
    now = 1000.0
    serving = await serve(clock=lambda: now)
    for _ in range(3):
        assert (await (await serving.connect()).ask()).status == 200
    assert serving.accounts.asked == ["alice"]
    now += 60.0
    assert (await (await serving.connect()).ask()).status == 200
    assert serving.accounts.asked == ["alice", "alice"]


async def test_credentials_are_verified_once_for_many_connections(serve: Starter) -> None:
    serving = await serve()
    clients = [await serving.connect() for _ in range(15)]
    assert {reply.status for reply in await asyncio.gather(*(c.ask() for c in clients))} == {200}
    assert serving.accounts.asked == ["alice"]


async def test_changed_accounts_hold_within_a_second(serve: Starter) -> None:
    now = 1000.0
    serving = await serve(clock=lambda: now)
    client = await serving.connect()
    assert (await client.ask()).status == 200
    serving.accounts.users.clear()
    serving.accounts.generation += 1
    now += 1.0
    assert (await client.ask()).status == 401


async def test_a_reload_forgets_verified_credentials(serve: Starter) -> None:
    serving = await serve()
    client = await serving.connect()
    assert (await client.ask()).status == 200
    serving.accounts.users.clear()
    serving.server.reload()
    assert (await client.ask()).status == 401


async def test_an_address_that_fails_too_often_waits(serve: Starter) -> None:
    now = 1000.0
    serving = await serve(clock=lambda: now)
    client = await serving.connect()
    assert (await client.ask()).status == 200
    for number in range(10):
        assert (await client.ask(headers=header(f"u{number}:x"))).status == 401
    reply = await client.ask(headers=header("u10:x"))
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")
    assert len(serving.accounts.asked) == 11
    assert (await client.ask()).status == 200  # verified before
    now += 6.0
    assert (await client.ask(headers=header("u11:x"))).status == 401
    assert (await client.ask(headers=header("u12:x"))).status == 429


async def test_attempts_side_by_side_do_not_slip_through(serve: Starter) -> None:
    serving = await serve(clock=lambda: 1000.0)
    clients = [await serving.connect() for _ in range(30)]
    asked = (client.ask(headers=header(f"alice:{number}")) for number, client in enumerate(clients))
    statuses = [reply.status for reply in await asyncio.gather(*asked)]
    assert (statuses.count(401), statuses.count(429)) == (10, 20)


@pytest.mark.usefixtures("far_away")
async def test_a_password_over_plain_http_from_elsewhere_is_403(serve: Starter) -> None:
    serving = await serve()
    client = await serving.connect()
    for headers in (header("alice:wonderland"), b""):
        reply = await client.ask(headers=headers)
        assert reply.status == 403
        assert b"use HTTPS" in reply.body
    assert serving.accounts.asked == []


@pytest.mark.usefixtures("far_away")
async def test_a_password_over_plain_http_can_be_permitted(serve: Starter) -> None:
    client = await (await serve(auth=AuthSettings(allow_plain_passwords=True))).connect()
    assert (await client.ask()).status == 200
    assert (await client.ask(headers=b"")).status == 401


async def test_anonymous_clients_are_let_in_where_configured(serve: Starter) -> None:
    serving = await serve(auth=AuthSettings(anonymous_read=True))
    client = await serving.connect()
    assert (await client.ask(headers=b"")).status == 200
    assert serving.engine.seen[0][1] == Principal("anonymous", anonymous=True)
    assert (await client.ask(headers=header("alice:wrong"))).status == 401


@pytest.mark.usefixtures("far_away")
async def test_anonymous_clients_from_elsewhere_are_not(serve: Starter) -> None:
    settings = AuthSettings(anonymous_read=True, allow_plain_passwords=True)
    client = await (await serve(auth=settings)).connect()
    assert (await client.ask(headers=b"")).status == 401


async def test_the_unix_socket_tells_the_user(serve: Starter, tmp_path: Path) -> None:
    path = tmp_path / "run" / "xencim.sock"
    serving = await serve(http=(), socket=path)
    assert serving.urls == [f"unix:{path}"]
    assert (await (await serving.connect_unix(path)).ask(headers=b"")).status == 200
    assert serving.engine.seen[0][1].name == pwd.getpwuid(os.geteuid()).pw_name
    assert serving.accounts.asked == []


async def test_an_unlisted_user_of_the_unix_socket_needs_a_password(
    serve: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def peer_of(_connection: object, transport: Transport) -> Peer:
        return Peer(transport, "uid 1", local=True, uid=1)

    monkeypatch.setattr("xencim.cimom_glue.server.listener.peer_of", peer_of)
    path = tmp_path / "s"
    serving = await serve(http=(), socket=path)
    client = await serving.connect_unix(path)
    assert (await client.ask(headers=b"")).status == 401
    assert (await client.ask()).status == 200
    listed = await serve(
        http=(), socket=tmp_path / "t", auth=AuthSettings(socket_users=frozenset({"daemon"}))
    )
    client = await listed.connect_unix(tmp_path / "t")
    assert (await client.ask(headers=b"")).status == 200
    assert listed.engine.seen[0][1] == Principal("daemon", frozenset({"daemon"}))


async def test_a_socket_left_behind_is_replaced_and_a_living_one_is_not(
    serve: Starter, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    serving = await serve(http=(), socket=path)
    with pytest.raises(OSError, match=f"cannot listen on the Unix socket {path}: Address already in use"):
        await serve(http=(), socket=path)
    path.rename(tmp_path / "aside")
    await serving.server.stop()
    (tmp_path / "aside").rename(path)
    await serve(http=(), socket=path)


async def test_an_address_in_use_is_named(serve: Starter) -> None:
    port = (await serve()).port()
    with pytest.raises(OSError, match=f"cannot listen on http://127.0.0.1:{port}: Address already in use"):
        await serve(http=(("127.0.0.1", port),))


async def test_credentials_reach_no_log(serve: Starter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    serving = await serve()
    client = await serving.connect()
    await client.ask()
    await client.ask(headers=header("mallory:open-sesame\r\n"))
    assert "mallory" in caplog.text
    for secret in ("wonderland", "open-sesame", base64.b64encode(b"alice:wonderland").decode()):
        assert secret not in caplog.text
