"""`xencim serve` that demands client certificates: the configuration's way, the subject is the user."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection, RemoteDisconnected
from typing import IO, TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTION = """<?xml version="1.0" encoding="utf-8"?>
<CIM CIMVERSION="2.0" DTDVERSION="2.0"><MESSAGE ID="1" PROTOCOLVERSION="1.0"><SIMPLEREQ>
<IMETHODCALL NAME="EnumerateInstanceNames">
<LOCALNAMESPACEPATH><NAMESPACE NAME="root"/><NAMESPACE NAME="virt"/></LOCALNAMESPACEPATH>
<IPARAMVALUE NAME="ClassName"><CLASSNAME NAME="Xen_ComputerSystem"/></IPARAMVALUE>
</IMETHODCALL></SIMPLEREQ></MESSAGE></CIM>"""
USERS = ("alice", "bob", "mallory")


def make_certificate(folder: Path, user: str) -> None:
    """Make a user's certificate, its own authority, beside its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{user}.key").write_bytes(private)
    (folder / f"{user}.crt").write_bytes(certificate.public_bytes(pem))


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """Serve with certificates demanded of clients, alice's and bob's believed; return the port."""
    for user in USERS:
        make_certificate(folder, user)
    believed = [(folder / f"{user}.crt").read_text() for user in USERS[:2]]
    (folder / "clients.pem").write_text("".join(believed))
    (folder / "xencim.toml").write_text(
        f'[server]\nclient_ca = "{folder}/clients.pem"\n[access]\nread_users = ["alice"]\n'
    )
    command = [sys.executable, "-m", "xencim", "serve", "--config", f"{folder}/xencim.toml"]
    command += ["--state-dir", str(folder), "--backend", "fake:2"]
    command += ["--http", "off", "--https", "127.0.0.1:0", "--socket", "off"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XENCIM_")}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            yield port_of(process.stderr)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def port_of(lines: IO[str]) -> int:
    told = []
    for line in lines:
        told.append(line)
        if ready := re.search(r"ready: .*https://127\.0\.0\.1:(\d+)$", line):
            return int(ready[1])
    pytest.fail(f"the server ended: {told}")


def ask(folder: Path, port: int, user: str | None) -> str:
    context = ssl.create_default_context(cafile=f"{folder}/server.crt")
    if user is not None:
        context.load_cert_chain(f"{folder}/{user}.crt", f"{folder}/{user}.key")
    connection = HTTPSConnection("localhost", port, context=context, timeout=30)
    try:
        connection.request("POST", "/cimom", QUESTION, {"Content-Type": "application/xml"})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_the_subject_of_a_demanded_certificate_is_the_user(tmp_path: Path) -> None:
    with serving(tmp_path) as port:
        assert ask(tmp_path, port, "alice").count("<INSTANCENAME ") == 2
        assert "'bob' has no read access" in ask(tmp_path, port, "bob")
        for stranger in ("mallory", None):
            with pytest.raises((ssl.SSLError, RemoteDisconnected, ConnectionResetError)):
                ask(tmp_path, port, stranger)
