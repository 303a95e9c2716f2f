"""HTTPS: the certificate made at the first start, its reload, and clients' certificates."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from xencim.cimom_glue.server import CertificateError, Limits, ServerSettings, certificate_info
from xencim.cimom_glue.server.certificate import ensure_certificate, host_names
from xencim.providers.core.access import Principal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.server.conftest import Starter

HTTPS = (("127.0.0.1", 0),)


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def showing(server: Path, certificate: Path) -> ssl.SSLContext:
    context = trusting(server)
    context.load_cert_chain(certificate)
    return context


class Authority:
    """Signs clients' certificates; its own is at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key = ec.generate_private_key(ec.SECP256R1())
        own = self._build("Authority", self.key, ca=True)
        path.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def sign(self, user: str, folder: Path) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = folder / f"{user}.pem"
        path.write_bytes(private + self._build(user, key, ca=False).public_bytes(serialization.Encoding.PEM))
        return path

    def _build(self, name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )


async def test_the_certificate_made_is_believed_for_its_names(serve: Starter, tmp_path: Path) -> None:
    serving = await serve(https=HTTPS)
    certificate = tmp_path / "server.crt"
    for name in host_names():
        client = await serving.connect(trusting(certificate), name=name)
        assert (await client.ask()).status == 200
    assert (tmp_path / "server.key").stat().st_mode & 0o777 == 0o600
    info = certificate_info(certificate)
    assert set(info.names) == set(host_names())
    assert info.days_left == 729


async def test_the_certificate_made_stays(serve: Starter, tmp_path: Path) -> None:
    await serve(https=HTTPS)
    before = (tmp_path / "server.crt").read_bytes()
    await serve(https=HTTPS)
    assert (tmp_path / "server.crt").read_bytes() == before


async def test_tls_1_1_is_refused(serve: Starter, tmp_path: Path) -> None:
    serving = await serve(https=HTTPS)
    context = trusting(tmp_path / "server.crt")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await serving.connect(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert (await (await serving.connect(context)).ask()).status == 200


async def test_plain_http_on_the_https_port_is_no_reply(serve: Starter) -> None:
    serving = await serve(http=(), https=HTTPS)
    serving.urls = [url.replace("https", "http") for url in serving.urls]
    client = await serving.connect()
    client.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"HTTP" not in await client.reader.read()


async def test_a_reload_takes_the_new_certificate_and_keeps_connections(
    serve: Starter, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "own.crt", tmp_path / "own.key"
    ensure_certificate(certificate, key, names=("localhost",))
    serving = await serve(https=HTTPS, certificate=certificate, key=key)
    old = trusting(certificate)
    client = await serving.connect(old)
    assert (await client.ask()).status == 200
    certificate.unlink()
    ensure_certificate(certificate, key, names=("localhost",))
    serving.server.reload()
    assert (await client.ask()).status == 200
    assert (await (await serving.connect(trusting(certificate))).ask()).status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        await serving.connect(old)


async def test_a_reload_of_a_broken_certificate_keeps_the_old(
    serve: Starter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = tmp_path / "own.crt", tmp_path / "own.key"
    ensure_certificate(certificate, key, names=("localhost",))
    serving = await serve(https=HTTPS, certificate=certificate, key=key)
    trust = trusting(certificate)
    key.write_text("broken")
    serving.server.reload()
    assert str(key) in caplog.text
    assert (await (await serving.connect(trust)).ask()).status == 200


async def test_a_certificate_that_is_not_there_is_named(serve: Starter, tmp_path: Path) -> None:
    missing = tmp_path / "missing.crt"
    with pytest.raises(CertificateError, match=str(missing)):
        await serve(https=HTTPS, certificate=missing, key=missing)


async def test_the_subject_of_a_client_certificate_is_the_user(serve: Starter, tmp_path: Path) -> None:
    ca = Authority(tmp_path / "ca.crt")
    serving = await serve(https=HTTPS, client_ca=ca.path)
    server = tmp_path / "server.crt"
    client = await serving.connect(showing(server, ca.sign("alice", tmp_path)))
    assert (await client.ask(headers=b"")).status == 200
    assert serving.engine.seen[0][1] == Principal("alice", frozenset({"staff"}))
    other = await serving.connect(trusting(server))
    assert (await other.ask(headers=b"")).status == 401
    assert (await other.ask()).status == 200


async def test_client_certificates_can_be_demanded(serve: Starter, tmp_path: Path) -> None:
    ca, stranger = Authority(tmp_path / "ca.crt"), Authority(tmp_path / "other.crt")
    serving = await serve(https=HTTPS, client_ca=ca.path, client_certificates_required=True)
    server = tmp_path / "server.crt"
    for context in (trusting(server), showing(server, stranger.sign("alice", tmp_path))):
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # here the client hears of it at once
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await serving.connect(context)
    client = await serving.connect(showing(server, ca.sign("alice", tmp_path)))
    assert (await client.ask(headers=b"")).status == 200


async def test_a_handshake_without_an_end_counts_as_a_connection_and_ends(serve: Starter) -> None:
    serving = await serve(http=(), https=HTTPS)
    serving.urls = [url.replace("https", "http") for url in serving.urls]
    client = await serving.connect()
    client.writer.write(b"\x16\x03\x01")
    await client.writer.drain()
    assert serving.server.connections <= 1
    await serving.server.stop()
    assert await client.closed()


async def test_ipv6_is_served_beside_ipv4(serve: Starter) -> None:
    serving = await serve(http=(("127.0.0.1", 0), ("::1", 0)))
    assert [url.rsplit(":", 1)[0] for url in serving.urls] == ["http://127.0.0.1", "http://[::1]"]


def test_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="belong together"):
        ServerSettings(state_dir=tmp_path, certificate=tmp_path)
    with pytest.raises(ValueError, match="client_ca"):
        ServerSettings(state_dir=tmp_path, client_certificates_required=True)


async def test_a_stop_does_not_wait_for_an_idle_client_to_say_goodbye(serve: Starter, tmp_path: Path) -> None:
    serving = await serve(https=HTTPS, limits=Limits(linger_seconds=60, stop_seconds=60))
    context = trusting(tmp_path / "server.crt")
    with socket.create_connection(("127.0.0.1", serving.port("https"))) as plain:
        plain.setblocking(False)
        # It has its handshake, and reads no more: it never answers a goodbye.
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        await shaken_hands(client, incoming, outgoing, plain)
        async with asyncio.timeout(10):
            while not serving.server._connections():  # noqa: ASYNC110 - it announces nothing
                await asyncio.sleep(0.005)
        async with asyncio.timeout(10):
            await serving.server.stop()
    assert serving.server.connections == 0


async def shaken_hands(
    client: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, plain: socket.socket
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            await loop.sock_sendall(plain, outgoing.read())
            incoming.write(await loop.sock_recv(plain, 65536))
        else:
            await loop.sock_sendall(plain, outgoing.read())
            return
