"""The hypervisor's own access control, FLASK: its state, policy, booleans and labels, by Xen's tools.

Whatever is set is read back: some of the tools end well although nothing happened, and libvirt's driver
starts a machine whose label it could not give.
Errors: BackendError: unsupported where the hypervisor has no XSM, else as each says.
"""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.xen import flask_text
from xencim.providers.backends.xen.flask_text import Mode
from xencim.providers.backends.xen.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.xen.flask_text import Boolean, MachineContext

NO_XSM = "This hypervisor was not built with XSM, or FLASK is off: only the management path enforces a policy"
NO_XSM_HINT = (
    "Debian's own build has none: the management path enforces alone; "
    "a build with CONFIG_XSM_FLASK, started with flask=enforcing, enforces too"
)
_DEVICE = re.compile(r"[0-9a-f]{1,4}:[0-9a-f]{1,2}:[0-9a-f]{1,2}\.[0-7]")
_CONTEXT = re.compile(r"\w+:\w+:\w+(?::[\w:.,-]+)?")
_BOOLEAN = re.compile(r"[A-Za-z]\w*")


@runtime_checkable
class MayHaveFlask(Protocol):
    """A backend whose hypervisor can have FLASK; None: this one has not."""

    flask: FlaskControl | None


class FlaskControl:
    """FLASK of the hypervisor that this host runs on."""

    def __init__(self, tools: Tools | None = None) -> None:
        self._tools = tools or Tools()
        self._devices: dict[str, str] = {}

    @property
    def devices(self) -> Mapping[str, str]:
        """What devices were labelled here since the policy was loaded; no tool tells what is in force."""
        return self._devices

    async def mode(self) -> Mode:
        """Return whether the hypervisor enforces, only tells, or has no FLASK."""
        ended = await self._tools.run("xl", "getenforce")
        found = flask_text.mode(ended.out)
        if found is None:
            raise BackendError("failed", f"xl cannot tell the state of FLASK: {ended.said}")
        return found

    async def set_enforcing(self, *, enforcing: bool) -> None:
        """Have the hypervisor enforce its policy, or only tell what it would refuse."""
        await self._required()
        wanted = Mode.ENFORCING if enforcing else Mode.PERMISSIVE
        ended = await self._tools.run("xl", "setenforce", "1" if enforcing else "0")
        found = await self.mode()
        if found is not wanted:
            raise BackendError("failed", f"FLASK is {found.value}, not {wanted.value}: {ended.said}")

    async def load(self, binary: bytes) -> tuple[MachineContext, ...]:
        """Put a policy in force; return the running machines with the contexts that it leaves them.

        The hypervisor takes a policy whole or keeps the one it has. Devices lose what they were labelled.
        """
        await self._required()
        with tempfile.NamedTemporaryFile(prefix="xencim-flask-") as file:
            file.write(binary)
            file.flush()
            ended = await self._tools.run("xl", "loadpolicy", file.name)
        if ended.status:
            hint = "is the policy for this release of Xen? xl dmesg tells what it misses"
            raise BackendError("refused", f"The hypervisor keeps the policy it had: {ended.said}", hint=hint)
        self._devices.clear()
        return await self.machines()

    async def machines(self) -> tuple[MachineContext, ...]:
        """Return the running machines with their contexts."""
        ended = await self._tools.run("xl", "list", "-Z")
        if ended.status:
            raise BackendError("failed", f"xl cannot list the machines: {ended.said}")
        return flask_text.machines(ended.out)

    async def verify(self, name: str, context: str) -> None:
        """Make sure that a machine runs with a context, whoever started it."""
        await self._required()
        running = {machine.name: machine for machine in await self.machines() if not machine.is_dying}
        machine = running.get(name)
        if machine is None:
            raise BackendError("not_found", f"The machine {name} does not run")
        if machine.context != context:
            has = machine.context or "no label"
            hint = "stop it: the hypervisor decides by the label that it has"
            raise BackendError("failed", f"The machine {name} runs with {has}, not with {context}", hint=hint)

    async def booleans(self) -> tuple[Boolean, ...]:
        """Return the booleans of the policy in force."""
        await self._required()
        ended = await self._tools.run("flask-get-bool", "-a")
        if ended.status:
            raise BackendError("failed", f"The policy's booleans cannot be read: {ended.said}")
        return flask_text.booleans(ended.out)

    async def set_boolean(self, name: str, *, value: bool) -> None:
        """Set one of the policy's booleans."""
        known = {boolean.name for boolean in await self.booleans()}
        if not _BOOLEAN.fullmatch(name) or name not in known:
            has = ", ".join(sorted(known)) or "none"
            raise BackendError("not_found", f"The policy has no boolean {name}; it has {has}")
        ended = await self._tools.run("flask-set-bool", name, "1" if value else "0")
        now = {boolean.name: boolean.value for boolean in await self.booleans()}
        if now.get(name) is not value:
            raise BackendError("failed", f"The boolean {name} was not set: {ended.said}")

    async def label_device(self, address: str, context: str) -> None:
        """Give a PCI device, with its memory, ports and interrupt, a context until the next load or boot."""
        if not _DEVICE.fullmatch(address):
            raise BackendError("invalid", f"{address} is no PCI address like 0000:03:00.0")
        if not _CONTEXT.fullmatch(context):
            raise BackendError("invalid", f"{context} is no security context")
        await self._required()
        ended = await self._tools.run("flask-label-pci", address, context)
        if ended.status or ended.err:
            raise BackendError("refused", f"The device {address} was not labelled {context}: {ended.said}")
        self._devices[address] = context

    async def log(self) -> str:
        """Return the hypervisor's log, in which it tells what FLASK refused."""
        ended = await self._tools.run("xl", "dmesg")
        if ended.status:
            raise BackendError("failed", f"The hypervisor's log cannot be read: {ended.said}")
        return ended.out

    async def _required(self) -> None:
        if await self.mode() is Mode.ABSENT:
            raise BackendError("unsupported", NO_XSM, hint=NO_XSM_HINT)
