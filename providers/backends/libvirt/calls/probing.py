"""Which hypervisor is here, when nobody said which to use.

Errors: BackendError (refused and others) of a hypervisor that is there and does not let us in.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls import binding
from xencim.providers.backends.libvirt.calls.session import CallCounter, Session
from xencim.providers.backends.libvirt.calls.uris import driver
from xencim.providers.backends.libvirt.calls.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

DEFAULT_URIS = ("xen:///system", "qemu:///system", "test:///default")
PROBE_TIMEOUT_S = 30.0
XEN_CAPABILITIES = Path("/proc/xen/capabilities")
"""Says control_d in the domain that manages a Xen host."""


async def probe(candidates: Sequence[str] = DEFAULT_URIS) -> str:
    """Return the first URI that can be opened; only one that is absent is passed over."""
    workers = Workers(1, PROBE_TIMEOUT_S)
    binding.events.acquire()
    try:
        for uri in candidates:
            try:
                await workers.run(uri, partial(_try, uri))
            except BackendError as error:
                if error.kind != "absent":
                    raise
                if driver(uri) == "xen" and _is_xen_host():
                    hint = (
                        "install and start libvirt's daemon with its Xen driver (libvirt-daemon-driver-xen)"
                    )
                    raise BackendError("refused", f"this is a Xen host, but {error}", hint=hint) from error
                log.info("no hypervisor: %s", error)
            else:
                return uri
    finally:
        await workers.run("libvirt's event loop", binding.events.release)
    raise BackendError("absent", f"no hypervisor is here: tried {', '.join(candidates)}")


def _is_xen_host() -> bool:
    try:
        return "control_d" in XEN_CAPABILITIES.read_text()
    except OSError:
        return False


def _try(uri: str) -> None:
    Session(uri, CallCounter()).close()
