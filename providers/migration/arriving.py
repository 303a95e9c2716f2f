"""What is left to be done with a machine that has arrived, and what is told of it.

Source: DSP1081 1.0, 8.2.
Errors: BackendError of every kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Action

if TYPE_CHECKING:
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.records import Arrival, VirtualMachine


async def settle(backend: Backend, machine: VirtualMachine, arrival: Arrival) -> None:
    """Store a machine's new definition, have it started with its host, and start it, as far as asked."""
    if arrival.definition is not None:
        wanted = await backend.admit(arrival.definition)
        if wanted.uuid != machine.uuid:
            raise BackendError("invalid", f"the definition is of {wanted.name}, not of {machine.name}")
        await backend.reconfigure(machine.uuid, stored=wanted.config)
    if arrival.autostart and machine.persistent:
        await backend.set_autostart(machine.uuid, True)
    if arrival.start and not machine.state.is_active:
        await backend.control(machine.uuid, Action.START, None)
