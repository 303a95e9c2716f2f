"""The TLS context of the server.

Source: RFC 9325 (TLS 1.2 and later). Errors: CertificateError names the files.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from xencim.cimom_glue.server.certificate import CertificateError, ensure_certificate

if TYPE_CHECKING:
    from xencim.cimom_glue.server.settings import ServerSettings


def tls_context(settings: ServerSettings) -> ssl.SSLContext:
    """Return a context with the certificate as it is on disk now, made when there is none."""
    certificate, key = settings.certificate_paths
    if settings.certificate is None:
        ensure_certificate(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        if settings.client_ca is not None:
            context.load_verify_locations(settings.client_ca)
    except OSError as error:  # ssl.SSLError is one
        used = [f"certificate {certificate}", f"key {key}"]
        if settings.client_ca is not None:
            used.append(f"client CA {settings.client_ca}")
        raise CertificateError(f"{', '.join(used)}: cannot be used: {error}") from error
    if settings.client_ca is not None:
        required = settings.client_certificates_required
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context
