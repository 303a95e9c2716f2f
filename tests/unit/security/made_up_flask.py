"""A hypervisor's FLASK made up in memory: what it was given, and who runs as what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.flask.names import context_of
from xencim.acm.model import LabelKind
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.xen.flask import FlaskControl
from xencim.providers.backends.xen.flask_text import MachineContext, Mode

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

    async def mode(self) -> Mode:
        return self.now

    async def load(self, binary: bytes) -> tuple[MachineContext, ...]:
        if self.refuses:
            raise BackendError("refused", "the hypervisor says no")
        self.loaded.append(binary)
        return await self.machines()

    async def machines(self) -> tuple[MachineContext, ...]:
        return tuple(
            MachineContext(name, number, context_of(label, LabelKind.MACHINE))
            for number, (name, label) in enumerate(self.labels.items(), 1)
        )
