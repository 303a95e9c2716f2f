"""The embedded WBEM server: HTTP(S), Unix socket, authentication, limits."""

from xencim.cimom_glue.server.auth import (
    Accounts,
    Authenticator,
    AuthSettings,
    PamAccounts,
    PamError,
    PasswordFile,
    PasswordFileError,
)
from xencim.cimom_glue.server.certificate import (
    CertificateError,
    CertificateInfo,
    authorities_info,
    certificate_info,
)
from xencim.cimom_glue.server.runtime import run, settle
from xencim.cimom_glue.server.server import Server
from xencim.cimom_glue.server.settings import Limits, ServerSettings

__all__ = [
    "Accounts",
    "AuthSettings",
    "Authenticator",
    "CertificateError",
    "CertificateInfo",
    "Limits",
    "PamAccounts",
    "PamError",
    "PasswordFile",
    "PasswordFileError",
    "Server",
    "ServerSettings",
    "authorities_info",
    "certificate_info",
    "run",
    "settle",
]
