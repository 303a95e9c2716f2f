"""What the errors of all parts are to whoever typed a command."""

from __future__ import annotations

from xencim.cimom_glue.cli.output import CommandError, Exit
from xencim.cimom_glue.config import ConfigError
from xencim.cimom_glue.server import CertificateError, PasswordFileError
from xencim.mof.declarations import SchemaError
from xencim.providers.backends.base import BackendError
from xencim.providers.core.state import StateError


def explain(error: Exception) -> CommandError | None:
    """Return an error as a command tells it, None for what should not happen."""
    match error:
        case CommandError():
            return error
        case ConfigError():
            return CommandError(error.message, hint=error.hint, code=Exit.USAGE)
        case BackendError():
            return CommandError(error.message, hint=error.hint, code=Exit.HYPERVISOR)
        case CertificateError() | PasswordFileError() | SchemaError() | StateError():
            return CommandError(str(error))
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return CommandError(f"{place}{error.strerror or error}")
    return None
