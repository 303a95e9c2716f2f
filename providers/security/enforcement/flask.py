"""The hypervisor's own enforcement, where it has FLASK: it has the policy in force, and tells of labels.

Where it has none, as in Debian's build, the management path enforces alone.
Errors: BackendError of Xen's tools; PolicyError where a policy cannot be compiled.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.acm.decisions import PERMITTED, Decision
from xencim.acm.decisions.decision import refused
from xencim.acm.flask.compiler import assemble, compile_source
from xencim.acm.flask.names import UNLABELLED_DEVICE, context_of, label_of
from xencim.acm.model import (
    UNLABELED,
    Finding,
    FindingKind,
    Header,
    LabelKind,
    Policy,
    PolicyError,
    Version,
    XsErr,
)
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import FlaskState, Labelled, PolicyBoolean, VirtualMachine
from xencim.providers.backends.xen.flask import MayHaveFlask
from xencim.providers.backends.xen.flask_text import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.records import AssignedLabel, MachineConfig
    from xencim.providers.backends.xen.flask import FlaskControl
    from xencim.providers.security.enforcement.keeper import Security

log = logging.getLogger(__name__)

_NOTHING = Policy(Header("none", Version(1, 0)))


class Hypervisor:
    """What the hypervisor of a host enforces of its policy."""

    def __init__(self, security: Security, backend: Backend) -> None:
        self._security = security
        self._backend = backend
        self._telling = asyncio.Lock()
        self.loaded = _NOTHING
        """What the hypervisor was given last; whether it has it is not sure where giving it failed."""

    @property
    def control(self) -> FlaskControl | None:
        """The way to FLASK; None: this kind of host has none."""
        return self._backend.flask if isinstance(self._backend, MayHaveFlask) else None

    async def enforces(self) -> bool:
        """Tell whether there is a FLASK to be given a policy."""
        if self.control is None:
            return False
        try:
            return await self.control.mode() is not Mode.ABSENT
        except BackendError as error:
            if error.kind != "absent":
                raise
            return False

    async def load(self, policy: Policy | None, labels: Iterable[AssignedLabel] | None = None) -> None:
        """Have the hypervisor enforce a policy; None: nothing more is refused.

        Machines keep their labels: then the labels of the policy before stay, and each may do everything.
        Devices lose theirs by it, and are given them anew: those among ``labels``, which objects have then
        (None: which they have now).
        """
        if self.control is None:
            return
        wanted = policy or replace(self.loaded, ste_types=None, conflict_sets=())
        source = await asyncio.to_thread(compile_source, wanted)
        for finding in source.findings:
            log.warning("%s", finding.message)
        binary = await asyncio.to_thread(assemble, source)
        before, self.loaded = self.loaded, wanted
        try:
            await self.control.load(binary)
            await self._label_devices(self._security.labels.all() if labels is None else labels)
        except BackendError as error:
            if error.kind == "refused":
                self.loaded = before
            raise
        finally:
            await self.tell()

    async def _label_devices(self, labels: Iterable[AssignedLabel]) -> None:
        """Give devices their labels; one that cannot be given is logged, and drifts."""
        for label in labels:
            if label.kind is Labelled.DEVICE and label.is_valid:
                try:
                    await self.label_device(label.object, label.label)
                except BackendError as error:
                    log.error("device %s is not labelled %r: %s", label.object, label.label, error)  # noqa: TRY400 - the cause is the text

    async def label_device(self, address: str, label: str | None) -> None:
        """Give a PCI device a label of the policy, None: that of what nobody has labelled."""
        if self.control is None:
            raise BackendError("absent", f"{self._backend.uri} has no FLASK: it is not built with XSM")
        context = context_of(label, LabelKind.RESOURCE) if label else UNLABELLED_DEVICE
        await self.control.label_device(address, context)

    def has_device_label(self, address: str, label: str) -> bool:
        """Tell whether the hypervisor was given a device's label since it was given its policy."""
        if self.control is None:
            return False
        return self.control.devices.get(address) == context_of(label, LabelKind.RESOURCE)

    async def tell(self) -> None:
        """Make the inventory's records what FLASK is now; what cannot be read is not told, and logged."""
        inventory = self._security.inventory
        async with self._telling:  # what was read last is told last
            states: tuple[FlaskState, ...] = ()
            booleans: tuple[PolicyBoolean, ...] = ()
            try:
                if self.control is not None and await self.enforces():
                    is_enforcing = await self.control.mode() is Mode.ENFORCING
                    states = (FlaskState(is_enforcing=is_enforcing),)
                    booleans = tuple(
                        PolicyBoolean(name=read.name, value=read.value, pending=read.pending)
                        for read in await self.control.booleans()
                    )
            except BackendError as error:
                log.error("the state of the hypervisor's FLASK cannot be read: %s", error)  # noqa: TRY400 - the cause is the text
            inventory.replace_all(FlaskState, states)
            inventory.replace_all(PolicyBoolean, booleans)

    async def take_up(self, *, was_changing: bool) -> None:
        """Give a hypervisor that may have started anew the policy in force; a failure is logged."""
        in_force = self._security.in_force
        if in_force is None and not was_changing:
            return
        try:
            if await self.enforces():
                await self.load(in_force.policy if in_force else None)
        except (BackendError, PolicyError) as error:
            log.error("the hypervisor does not enforce the policy in force: %s", error)  # noqa: TRY400 - the cause is the text
        await self.mark_all(self._security.inventory.view.all(VirtualMachine))

    async def marked(self, machine_uuid: str, config: MachineConfig) -> MachineConfig:
        """Return a definition that names the machine's label, by which FLASK, if there is, is to know it.

        A machine without label keeps a context that is none of ours: it is its administrator's.
        """
        ours, named = self._security.label_of(machine_uuid), config.security_context
        wanted = None if ours == UNLABELED else context_of(ours, LabelKind.MACHINE)
        if wanted is None and named is not None and label_of(named) is None:
            return config
        if wanted == named or not await self.enforces():
            return config
        return replace(config, security_context=wanted)

    async def mark(self, machine: VirtualMachine) -> None:
        """Have what is stored of a machine name its label: whoever starts it, it runs as that."""
        stored = machine.stored or machine.current
        if machine.persistent and not machine.is_management_domain:
            wanted = await self.marked(machine.uuid, stored)
            if wanted is not stored:
                await self._backend.reconfigure(machine.uuid, stored=wanted)

    async def mark_all(self, machine_uuids: Iterable[str]) -> None:
        """Have machines marked whose labels may have changed; starting one here tries it again."""
        for uuid in tuple(machine_uuids):
            machine = self._security.inventory.view.get(VirtualMachine, uuid)
            try:
                if machine is not None:
                    await self.mark(machine)
            except BackendError as error:
                log.warning("the label of %r is not in its definition: %s", uuid, error)

    async def running_labels(self) -> Mapping[str, str]:
        """Return the labels that running machines (uuid) have in the hypervisor, if it has FLASK."""
        if self.control is None or not await self.enforces():
            return {}
        view, labels = self._security.inventory.view, {}
        for running in await self.control.machines():
            machine = view.machine_named(running.name)
            if machine is not None and not machine.is_management_domain and not running.is_dying:
                known = label_of(running.context) if running.context else None
                labels[machine.uuid] = known[0] if known else running.context or "none"
        return labels

    async def runs_as_labelled(self, machine: VirtualMachine) -> Decision:
        """Tell whether the hypervisor knows a machine by its label; permitted where it has no FLASK."""
        told = (await self.running_labels()).get(machine.uuid)
        ours = self._security.label_of(machine.uuid)
        return PERMITTED if told in {None, ours} else refused([mislabelled(machine.name, str(told), ours)])


def mislabelled(name: str, told: str, ours: str) -> Finding:
    """Tell of a machine that the hypervisor knows by another label than its own."""
    return Finding(
        FindingKind.DENIAL,
        f"machine {name!r} runs with label {told!r} by its hypervisor, and has label {ours!r}",
        XsErr.BAD_LABEL,
        rule="label",
        labels=(told, ours),
        machines=(name,),
    )
