"""Which hypervisor is here, when nobody said which to use.

Errors: BackendError (refused and others) of a hypervisor that is there and does not let us in.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt import binding
from xencim.providers.backends.libvirt.session import CallCounter, Session
from xencim.providers.backends.libvirt.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

DEFAULT_URIS = ("xen:///system", "qemu:///system", "test:///default")
PROBE_TIMEOUT_S = 30.0


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
                log.info("no hypervisor: %s", error)
            else:
                return uri
    finally:
        await workers.run("libvirt's event loop", binding.events.release)
    raise BackendError("absent", f"no hypervisor is here: tried {', '.join(candidates)}")


def _try(uri: str) -> None:
    Session(uri, CallCounter()).close()
