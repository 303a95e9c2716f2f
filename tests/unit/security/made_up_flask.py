"""A hypervisor's FLASK made up in memory: what it was given, and who runs as what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.flask.names import context_of
from xencim.acm.model import LabelKind
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.xen.flask import FlaskControl
from xencim.providers.backends.xen.flask_text import Boolean, MachineContext, Mode

if TYPE_CHECKING:
    from collections.abc import Mapping


class MadeUpFlask(FlaskControl):
    """Enforces until told otherwise; ``labels`` are those of running machines by name."""

    def __init__(self, labels: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.now = Mode.ENFORCING
        self.labels = dict(labels or {})
        self.loaded: list[bytes] = []
        self.refuses = False
        self.missing: set[str] = set()
        self.values = {"guest_writeconsole": True}

    async def mode(self) -> Mode:
        return self.now

    async def set_enforcing(self, *, enforcing: bool) -> None:
        self.now = Mode.ENFORCING if enforcing else Mode.PERMISSIVE

    async def booleans(self) -> tuple[Boolean, ...]:
        return tuple(Boolean(name, value, value) for name, value in self.values.items())

    async def set_boolean(self, name: str, *, value: bool) -> None:
        if name not in self.values:
            raise BackendError(
                "not_found", f"The policy has no boolean {name}; it has {', '.join(self.values)}"
            )
        self.values[name] = value

    async def load(self, binary: bytes) -> tuple[MachineContext, ...]:
        if self.refuses:
            raise BackendError("refused", "the hypervisor says no")
        self.loaded.append(binary)
        self.forget_devices()
        return await self.machines()

    async def label_device(self, address: str, context: str) -> None:
        if address in self.missing:
            raise BackendError("refused", f"there is no device {address}")
        self._devices[address] = context

    def forget_devices(self) -> None:
        self._devices.clear()

    async def machines(self) -> tuple[MachineContext, ...]:
        return tuple(
            MachineContext(name, number, context_of(label, LabelKind.MACHINE))
            for number, (name, label) in enumerate(self.labels.items(), 1)
        )
