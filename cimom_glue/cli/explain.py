"""What the errors of all parts are to whoever typed a command."""

from __future__ import annotations

import errno

from xencim.acm.model import PolicyError
from xencim.cimom_glue.cli.output import CommandError, Exit
from xencim.cimom_glue.config import ConfigError
from xencim.cimom_glue.registration.errors import RegistrationError
from xencim.cimom_glue.server import CertificateError, PasswordFileError
from xencim.mof.declarations import SchemaError
from xencim.providers.backends.base import BackendError
from xencim.providers.core.state import StateError

_OTHER_PLACE = "--state-dir or XENCIM_STATE_DIR names a folder that this user may write"
_OTHER_ADDRESS = "another server has it: give --http, --https or --socket another one, or off"


def explain(error: Exception) -> CommandError | None:
    """Return an error as a command tells it, None for what should not happen."""
    match error:
        case CommandError():
            return error
        case ConfigError():
            return CommandError(error.message, hint=error.hint, code=Exit.USAGE)
        case BackendError():
            return CommandError(error.message, hint=error.hint, code=Exit.HYPERVISOR)
        case RegistrationError():
            return CommandError(error.message, hint=error.hint)
        case PasswordFileError() | StateError():
            hint = _OTHER_PLACE if isinstance(error.__cause__, OSError) else None
            return CommandError(str(error), hint=hint)
        case PolicyError() | CertificateError() | SchemaError():
            return CommandError(str(error))
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            hint = _OTHER_ADDRESS if error.errno == errno.EADDRINUSE else None
            return CommandError(f"{place}{error.strerror or error}", hint=hint)
    return None
