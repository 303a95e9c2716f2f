"""What a host's driver can do to machines: it takes a machine to ask about.

Errors: BackendError (lost); others are logged.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt import snapshot_reading
from xencim.providers.backends.libvirt.guest_access import guest_access
from xencim.providers.backends.records import VirtualMachine

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.records import Host

log = logging.getLogger(__name__)

ABILITIES_S = 2.0
"""A machine that is being migrated answers late, and a start must not wait for it: the next sweep asks."""


async def with_abilities(host: Host, session: Session, view: View, workers: Workers) -> Host:
    """Return the host with what its driver can do to the machines there are."""
    # One that is off, if there is one: nothing that goes on there holds the answer up.
    asked = min(
        view.all(VirtualMachine).values(),
        key=lambda machine: (machine.is_management_domain, machine.state.is_active),
        default=None,
    )
    if asked is None:
        return host

    def ask(uuid: str) -> Host:
        kinds = snapshot_reading.kinds(session, uuid)
        return replace(host, snapshot_kinds=kinds, guest_access=guest_access(session, uuid))

    what = "what can be done to machines"
    try:
        return await workers.run(what, partial(ask, asked.uuid), deadline_s=ABILITIES_S)
    except BackendError as error:
        if error.kind == "lost":
            raise
        log.warning("%s was not told: %s", what, error)
        return host
