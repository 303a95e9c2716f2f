"""What a driver cannot do, told as such: a call that it does not have, or a flag that it does not know.

Source: libvirt's virterror.h; drivers answer VIR_ERR_INVALID_ARG to flags they do not know.
Errors: BackendError (unsupported) that names the hypervisor.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.backends.libvirt.calls.session import Session

_INVALID_ARGUMENT = 8  # VIR_ERR_INVALID_ARG


def is_unknown(session: Session, error: BackendError) -> bool:
    """Tell whether a call failed because the driver does not know one of its flags."""
    cause = error.__cause__
    refused = session.libvirt.libvirtError
    return isinstance(cause, refused) and bool(cause.get_error_code() == _INVALID_ARGUMENT)


@contextmanager
def hypervisor_named(session: Session, hypervisor: str) -> Iterator[None]:
    """Say of what the driver cannot do which hypervisor it is."""
    try:
        yield
    except BackendError as error:
        if error.kind != "unsupported" and not is_unknown(session, error):
            raise
        message = f"{hypervisor} by libvirt: {error.message}"
        raise BackendError("unsupported", message, hint=error.hint) from error
