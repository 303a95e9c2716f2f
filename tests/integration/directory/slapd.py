"""A real slapd on loopback, with certificates of an authority of its own, in a temporary folder."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from xencim.acm import directory
from xencim.acm.directory.connection import Settings

SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
SCHEMA = Path(directory.__file__).parent / "openldap-schema.ldif"
BASE = "ou=policies,dc=example,dc=org"
READER, READER_PASSWORD = "cn=reader,dc=example,dc=org", "secret-reader"
ADMIN, PASSWORD = "cn=admin,dc=example,dc=org", "secret-admin"
TRIES = 400
CONFIG = """dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: {folder}/slapd.pid
olcTLSCertificateFile: {folder}/server.crt
olcTLSCertificateKeyFile: {folder}/server.key
olcSecurity: ssf=128

dn: cn=module,cn=config
objectClass: olcModuleList
cn: module
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif

include: file://{schema}

dn: olcDatabase=mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: mdb
olcSuffix: dc=example,dc=org
olcRootDN: {admin}
olcRootPW: {password}
olcDbDirectory: {folder}/data
olcDbNoSync: TRUE
olcAccess: {{0}}to attrs=userPassword by * auth
olcAccess: {{1}}to * by * read
olcLimits: {{0}}dn.exact="{reader}" size.prtotal=500
olcLimits: {{1}}* size.prtotal=unlimited
"""
DATA = f"""dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: {READER}
objectClass: person
cn: reader
sn: reader
userPassword: {READER_PASSWORD}

dn: {BASE}
objectClass: organizationalUnit
ou: policies
"""
Key = ec.EllipticCurvePrivateKey


@dataclass
class Authority:
    """Who makes certificates for servers."""

    folder: Path
    _key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {self.folder.name}")])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        made = self._certificate(self._name, self._key, 1).add_extension(basic, critical=True)
        self.file = self.folder / "authority.crt"
        self.file.write_bytes(self._signed(made))

    def certify(self, folder: Path, host: str = "127.0.0.1", *, days: int = 1) -> None:
        """Leave a server's certificate and key in a folder; days below zero: it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        own = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        names = x509.SubjectAlternativeName([own])
        made = self._certificate(name, key, days).add_extension(names, critical=False)
        (folder / "server.crt").write_bytes(self._signed(made))
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / "server.key").write_bytes(private)

    def _certificate(self, name: x509.Name, key: Key, days: int) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
        )

    def _signed(self, made: x509.CertificateBuilder) -> bytes:
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Slapd:
    """A server that can be stopped and started again with what it holds."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder = folder
        self.authority = authority
        self._process: subprocess.Popen[bytes] | None = None
        with (
            socket.create_server(("127.0.0.1", 0)) as plain,
            socket.create_server(("127.0.0.1", 0)) as secure,
        ):
            self._ports = {"ldap": plain.getsockname()[1], "ldaps": secure.getsockname()[1]}
        for part in ("config", "data"):
            (folder / part).mkdir()
        authority.certify(folder)
        places = {"folder": folder, "schema": SCHEMA, "admin": ADMIN, "password": PASSWORD, "reader": READER}
        self._load("-n0", CONFIG.format(**places))
        self._load("-n1", DATA)

    def settings(self, scheme: str = "ldaps", *, password: str = PASSWORD) -> Settings:
        url = f"{scheme}://127.0.0.1:{self._ports[scheme]}"
        return Settings(url, BASE, str(self.authority.file), ADMIN, password, timeout_s=5)

    def start(self) -> None:
        urls = " ".join(f"{scheme}://127.0.0.1:{port}" for scheme, port in self._ports.items())
        words = [str(SLAPD), "-F", str(self.folder / "config"), "-h", urls, "-d", "0"]
        self._process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        for _ in range(TRIES):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._ports["ldaps"]), 1):
                return
            with suppress(subprocess.TimeoutExpired):
                raise RuntimeError(f"slapd ended with {self._process.wait(0.02)}")
        raise RuntimeError("slapd does not answer")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _load(self, database: str, text: str) -> None:
        words = [str(SLAPD), "-T", "add", "-F", str(self.folder / "config"), database]
        done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
