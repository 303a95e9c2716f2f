"""libvirt connection URIs: which hypervisor they mean, and how they may be shown.

Source: libvirt's documentation, "Connection URIs".
Errors: BackendError (unsupported) for a driver that is not served.
"""

from __future__ import annotations

import re

from xencim.providers.backends.base import BackendError

# From the first colon behind the user to the last @: a password may hold anything.
_PASSWORD = re.compile(r"^([^:/?#]+://[^:/?#@]*):[^?#]*@")
_HOST = re.compile(r"^[^:/?#]+://[^/?#]")

PREFIXES = {"xen": "Xen", "test": "Xen", "qemu": "KVM", "lxc": "LXC"}


def driver(uri: str) -> str:
    """Return the driver's name: the scheme without its transport."""
    return uri.partition(":")[0].partition("+")[0].lower()


def prefix(uri: str) -> str:
    """Return the class name prefix of the hypervisor that a URI means."""
    try:
        return PREFIXES[driver(uri)]
    except KeyError:
        raise BackendError(
            "unsupported",
            f"{without_password(uri)} is of no libvirt driver that is served",
            hint=f"served are {', '.join(f'{name}:' for name in PREFIXES)} with any transport",
        ) from None


def without_password(uri: str) -> str:
    """Return the URI as it may be shown."""
    return _PASSWORD.sub(r"\1@", uri)


def is_local(uri: str) -> bool:
    """Tell whether the URI means this machine: it names no host."""
    return _HOST.match(uri) is None
