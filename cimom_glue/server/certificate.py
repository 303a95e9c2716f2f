"""The server's certificate: one made at the first start, and what any of them says.

Source: RFC 5280 (certificates); RFC 9525 (names of servers).
Errors: CertificateError names the file.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_log = logging.getLogger(__name__)

VALID_DAYS = 730
RENEWED_DAYS_BEFORE = 30
_COMMON_NAME_CHARACTERS = 64  # RFC 5280, appendix A.1: ub-common-name


class CertificateError(Exception):
    """A certificate cannot be read."""


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """What a certificate says."""

    subject: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    @property
    def days_left(self) -> int:
        """Full days until it expires; negative when it has."""
        return (self.not_after - datetime.now(UTC)).days


def certificate_info(path: Path) -> CertificateInfo:
    """Read a certificate's subject, names and validity."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateError(f"{path} holds no certificate that can be read: {error}") from error
    return _info(certificate)


def authorities_info(path: Path) -> list[CertificateInfo]:
    """Read the certificates of authorities, as TLS takes them from a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(path)
        return [_info(x509.load_der_x509_certificate(one)) for one in context.get_ca_certs(binary_form=True)]
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise CertificateError(f"{path} holds no certificates that can be read: {error}") from error


def _info(certificate: x509.Certificate) -> CertificateInfo:
    return CertificateInfo(
        certificate.subject.rfc4514_string(),
        _names(certificate),
        _moment(certificate, "not_valid_before"),
        _moment(certificate, "not_valid_after"),
    )


def ensure_certificate(certificate: Path, key: Path, *, names: tuple[str, ...] | None = None) -> None:
    """Make a self-signed certificate unless there is one that lasts."""
    if certificate.exists() and key.exists():
        info = certificate_info(certificate)
        if info.days_left >= RENEWED_DAYS_BEFORE:
            return
        _log.warning("%s ends on %s and is replaced by a new one", certificate, info.not_after.date())
    made, private = _make(names or host_names())
    certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(key, private, 0o600)
    _write(certificate, made, 0o644)
    _log.info("made the certificate %s, valid for %d days", certificate, VALID_DAYS)


def host_names() -> tuple[str, ...]:
    """Return the names that clients on this machine or its network use."""
    return tuple(dict.fromkeys((socket.getfqdn(), socket.gethostname(), "localhost", "127.0.0.1", "::1")))


def _make(names: tuple[str, ...]) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:_COMMON_NAME_CHARACTERS])])
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # a client's clock may be behind
        .not_valid_after(now + timedelta(days=VALID_DAYS))
    )
    for extension, critical in (
        (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.KeyUsage(digital_signature=True, **usage), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return (
        builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in extension.value)


def _moment(certificate: x509.Certificate, which: str) -> datetime:
    # The attributes with a time zone came with cryptography 42, which warns about those without.
    aware: datetime | None = getattr(certificate, f"{which}_utc", None)
    if aware is not None:
        return aware
    naive: datetime = getattr(certificate, which)
    return naive.replace(tzinfo=UTC)


def _write(path: Path, content: bytes, mode: int) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise
