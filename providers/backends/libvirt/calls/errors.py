"""libvirt's errors as BackendError, by what a caller can do about them.

Source: libvirt's virterror.h (virErrorNumber, virErrorDomain); for errors of the operating system
libvirt gives errno as int1.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls.uris import driver, without_password

if TYPE_CHECKING:
    from libvirt import libvirtError

_RPC_DOMAIN = 7  # VIR_FROM_RPC: the connection to the daemon itself
_SYSTEM_ERROR = 38
_NO_CONNECT = 5
_NO_SUPPORT = 3

_KINDS = {
    _NO_SUPPORT: "unsupported",
    29: "refused",  # OPERATION_DENIED
    39: "lost",  # RPC
    42: "not_found",  # NO_DOMAIN
    43: "not_found",  # NO_NETWORK
    45: "refused",  # AUTH_FAILED
    49: "not_found",  # NO_STORAGE_POOL
    50: "not_found",  # NO_STORAGE_VOL
    55: "invalid_state",  # OPERATION_INVALID
    62: "not_found",  # NO_NWFILTER
    67: "unsupported",  # CONFIG_UNSUPPORTED
    68: "timeout",  # OPERATION_TIMEOUT
    72: "not_found",  # NO_DOMAIN_SNAPSHOT
    74: "unsupported",  # ARGUMENT_UNSUPPORTED
    79: "refused",  # AUTH_CANCELLED
    84: "unsupported",  # OPERATION_UNSUPPORTED
    86: "timeout",  # AGENT_UNRESPONSIVE
    88: "refused",  # ACCESS_DENIED
    94: "refused",  # AUTH_UNAVAILABLE
}

_SERVICES = {
    "qemu": "libvirtd (or virtqemud)",
    "xen": "libvirtd (or virtxend)",
    "lxc": "libvirtd (or virtlxcd)",
}


def backend_error(error: libvirtError) -> BackendError:
    """Return what a failed call means."""
    kind = _KINDS.get(error.get_error_code(), "failed")
    if error.get_error_domain() == _RPC_DOMAIN:
        kind = "lost"
    return BackendError(kind, _text(error))


def is_missing(error: libvirtError) -> bool:
    """Tell whether the driver does not have the function at all."""
    return bool(error.get_error_code() == _NO_SUPPORT)


def connect_error(uri: str, error: libvirtError) -> BackendError:
    """Return what a failed attempt to connect means, and its cure."""
    message = f"{without_password(uri)}: {_text(error)}"
    code, system_error = error.get_error_code(), error.get_int1()
    service = _SERVICES.get(driver(uri), "libvirtd")
    if code == _NO_CONNECT:
        return BackendError("absent", message, hint="this libvirt daemon has no driver for that hypervisor")
    if code == _SYSTEM_ERROR and system_error == errno.ENOENT:
        return BackendError("absent", message, hint=f"install libvirt's daemon and start {service}")
    hint = "the daemon's log tells more"
    if code == _SYSTEM_ERROR and system_error in {errno.EACCES, errno.EPERM}:
        hint = "run the server as root, or make its user a member of the group libvirt"
    elif code == _SYSTEM_ERROR and system_error == errno.ECONNREFUSED:
        hint = f"start {service}: nobody listens there"
    elif _KINDS.get(code) == "refused":
        hint = "let the server's user in by libvirt's access rules (auth_unix_rw, polkit, SASL)"
    return BackendError("refused", message, hint=hint)


def _text(error: libvirtError) -> str:
    return str(error.get_error_message() or error).strip()
