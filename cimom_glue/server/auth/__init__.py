"""Who a client is: accounts, their passwords, and what else is believed."""

from xencim.cimom_glue.server.auth.accounts import Accounts
from xencim.cimom_glue.server.auth.authenticator import Authenticator, AuthSettings
from xencim.cimom_glue.server.auth.pam import PamAccounts, PamError
from xencim.cimom_glue.server.auth.passwords import PasswordFile, PasswordFileError

__all__ = [
    "Accounts",
    "AuthSettings",
    "Authenticator",
    "PamAccounts",
    "PamError",
    "PasswordFile",
    "PasswordFileError",
]
