"""The security of one host: the policy in force, who runs with which label, and what is decided.

What runs is followed by the inventory's changes; what is about to run counts from the moment it is permitted,
so that two machines in conflict that are started at once cannot both be.

Source: Xen 4.1, Access Control Module (what is decided when).
Errors: DeniedError; StateError.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xencim.acm.decisions import PERMITTED, Decision, Rules, RunningSet
from xencim.acm.decisions.decision import all_of, refused
from xencim.acm.language import read_policy
from xencim.acm.model import UNLABELED, PolicyError
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    Denial,
    FlaskState,
    Labelled,
    Mode,
    Reaction,
    VirtualMachine,
)
from xencim.providers.core.acting import ACTING
from xencim.providers.core.state import StateError
from xencim.providers.security.enforcement.drifting import DriftWatch
from xencim.providers.security.enforcement.flask import Hypervisor
from xencim.providers.security.enforcement.refusals import DeniedError, reasons_of
from xencim.providers.security.enforcement.uses import (
    may_use,
    names_to_resolve,
    resolve,
    taken_away,
    uses_of,
)
from xencim.providers.security.enforcement.watching import Watch
from xencim.providers.security.stores.labels import HOST_OBJECT, Labels
from xencim.providers.security.stores.objects import is_renumbered
from xencim.providers.security.stores.store import SecurityStore
from xencim.providers.security.telling import tell_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.acm.model import Policy
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import MachineConfig
    from xencim.providers.core.reservations import Reservations
    from xencim.providers.core.state import State
    from xencim.providers.security.enforcement.uses import Use
    from xencim.providers.security.stores.store import Kept

log = logging.getLogger(__name__)

KEPT_DENIALS = 100
"""How many refusals are told; the oldest go first."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A policy in force: as values, ready for decisions, and as it was given."""

    policy: Policy
    rules: Rules
    xml: bytes
    digest: str
    activated: datetime
    principal: str
    signer: str | None = None


class Security:
    """One host's policy and labels. The inventory tells of both by records; only this changes them."""

    store: SecurityStore

    def __init__(self, inventory: Inventory, backend: Backend, reservations: Reservations) -> None:
        self.inventory = inventory
        self.hypervisor = Hypervisor(self, backend)
        self._reservations = reservations
        self._watch = Watch(self, backend)
        self.drift = DriftWatch(self)
        self.labels = Labels(inventory)
        self.in_force: InForce | None = None
        self.mode = Mode.ENFORCING
        self.reaction = Reaction.ALERT
        self.running: RunningSet | None = None
        self.changing = asyncio.Lock()
        """Held while the policy or a label changes: one at a time."""
        self._expected: dict[str, int] = {}
        self._denials: deque[str] = deque()
        self._writing: set[asyncio.Task[None]] = set()
        self._count = 0
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def is_on(self) -> bool:
        """Whether anything is looked at: there is a policy, and it is not switched off."""
        return self.in_force is not None and self.mode is not Mode.OFF

    @property
    def refuses(self) -> bool:
        """Whether anything is refused under a policy: in this mode, or by the hypervisor itself."""
        flask = self.inventory.view.get(FlaskState, "flask")
        return self.mode is Mode.ENFORCING or (flask is not None and flask.is_enforcing)

    async def start(self, state: State, site: str) -> None:
        """Bring back what is kept, and follow the machines."""
        self.store = SecurityStore(state, site)
        kept, labels = await self.store.load()
        if kept.pending is not None:
            log.warning(
                "an earlier server ended while it changed the policy (%s): it is undone", kept.pending
            )
            await self.store.give_up("xencim", f"the server ended in the middle: {kept.pending}", None)
        self.mode, self.reaction = kept.mode, kept.reaction
        self.labels.put(labels)
        await self._renew_identities()
        self.put_in_force(_in_force(kept))
        await self.hypervisor.take_up(was_changing=kept.pending is not None)
        await self.hypervisor.tell()
        self._unsubscribe = self.inventory.subscribe(self._changed)
        await self.drift.start()

    async def stop(self) -> None:
        """Follow nothing any more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        await self.drift.stop()
        await self._watch.stop()
        await asyncio.gather(*self._writing)

    async def settled(self) -> None:
        """Return when all machines that were started have been looked at, and refusals are on disk."""
        await self._watch.settled()
        await asyncio.gather(*self._writing)

    async def _renew_identities(self) -> None:
        """Know disks again after the host has numbered its devices anew."""
        disks = [label for label in self.labels.all() if label.kind is Labelled.DISK and label.identity]
        try:
            things = await resolve(label.object for label in disks)
        except BackendError as error:
            log.warning("labelled disks could not be looked at: %s", error)
            return
        renewed = [
            replace(label, identity=things[label.object].identity)
            for label in disks
            if is_renumbered(label.identity, things[label.object].identity)
        ]
        await self.store.put_labels(renewed, None)
        self.labels.put(renewed)

    # What is in force ---------------------------------------------------------------------------

    def put_in_force(self, in_force: InForce | None) -> None:
        """Decide by a policy from now on (None: by none), and tell of it."""
        self.in_force = in_force
        if in_force is None:
            self.running = None
        else:
            host = self.labels.get(Labelled.HOST, HOST_OBJECT)
            rules = Rules(in_force.policy, host.label if host and host.is_valid else None)
            self.in_force = replace(in_force, rules=rules)
            self.running = RunningSet(rules)
            for machine in self.inventory.view.all(VirtualMachine).values():
                self._sync(machine)
        tell_policy(self)

    def label_of(self, machine_uuid: str) -> str:
        """Return a machine's label, `UNLABELED` where it has none."""
        label = self.labels.get(Labelled.MACHINE, machine_uuid)
        return label.label if label else UNLABELED

    def relabelled(self, machine_uuid: str) -> None:
        """Count a running machine by the label that it has now."""
        machine = self.inventory.view.get(VirtualMachine, machine_uuid)
        if machine is not None and self.running is not None:
            self._sync(machine)

    # What is decided ----------------------------------------------------------------------------

    async def may_use(self, machine_uuid: str, uses: Iterable[Use]) -> Decision:
        """Tell whether a machine may use all that; permitted where nothing is in force."""
        valid = self.label_is_valid(machine_uuid)
        return await self.may_label_use(self.label_of(machine_uuid), uses) if valid.permitted else valid

    async def may_label_use(self, label: str, uses: Iterable[Use]) -> Decision:
        """Tell whether a machine of a label may use all that; permitted where nothing is in force."""
        wanted = tuple(uses)
        things = await resolve(names_to_resolve(wanted))
        if self.in_force is None:
            return PERMITTED
        return may_use(self.in_force.rules, self.labels, label, wanted, things)

    def may_start(self, machine_uuid: str) -> Decision:
        """Tell whether a machine may start, or go on, beside those that run now."""
        valid = self.label_is_valid(machine_uuid)
        return self.may_label_start(self.label_of(machine_uuid), machine_uuid) if valid.permitted else valid

    def may_label_start(self, label: str, machine_uuid: str) -> Decision:
        """Tell whether a machine may run with a label beside those that run, or are promised to come."""
        running = self.running
        if running is None:
            return PERMITTED
        promised = [
            one
            for one in self._reservations.open()
            if one.arrives_running and one.machine != machine_uuid and one.machine not in running.machines
        ]
        for one in promised:
            running.start(one.machine, self.label_of(one.machine), one.name)
        try:
            return running.may_start(label, ignoring=machine_uuid)
        finally:
            for one in promised:
                running.stop(one.machine)

    def label_is_valid(self, machine_uuid: str) -> Decision:
        """Tell whether an update of the policy has left a machine its label."""
        label = self.labels.get(Labelled.MACHINE, machine_uuid)
        if label is None or label.is_valid or self.in_force is None:
            return PERMITTED
        return refused([taken_away("the machine", label)])

    def demand(self, what: str, machine: tuple[str, str], decision: Decision) -> None:
        """Refuse what is not permitted; permissive, only tell of it."""
        if decision.permitted or self.in_force is None or not self.is_on:
            return
        is_refused = self.mode is Mode.ENFORCING
        self.record(machine, what, "refused" if is_refused else "permitted", decision)
        if is_refused:
            raise DeniedError(what, self.in_force.policy, decision)

    @contextmanager
    def starting(self, what: str, machine: tuple[str, str], used: Decision) -> Iterator[None]:
        """Let a machine start, or refuse it; meanwhile it counts as running.

        ``used`` is what was decided of all that it uses (`may_use`).
        """
        uuid, name = machine
        self.demand(what, machine, all_of((self.may_start(uuid), used)))
        self._expected[uuid] = self._expected.get(uuid, 0) + 1
        if self.running is not None and uuid not in self.running.machines:
            self.running.start(uuid, self.label_of(uuid), name)
        try:
            yield
        finally:
            self._expected[uuid] -= 1
            if not self._expected[uuid]:
                del self._expected[uuid]
            self._sync(self.inventory.view.get(VirtualMachine, uuid), uuid)

    async def decide(self, machine: VirtualMachine, config: MachineConfig | None = None) -> Decision:
        """Tell all that speaks against a machine that runs, or is to run with a definition."""
        used = await self.may_use(machine.uuid, uses_of(config or machine.current, self.inventory.view))
        return all_of((self.may_start(machine.uuid), used))

    async def foresee_start(self, machine: VirtualMachine, config: MachineConfig) -> None:
        """Refuse what `starting` would refuse; nobody is told of it, and nothing counts as running."""
        decision = await self.decide(machine, config)
        is_refused = self.is_on and self.mode is Mode.ENFORCING and not decision.permitted
        if is_refused and self.in_force is not None:
            raise DeniedError(f"start of {machine.name!r}", self.in_force.policy, decision)

    def record(self, machine: tuple[str, str], action: str, outcome: str, decision: Decision) -> None:
        """Tell of a refusal: in the log, as a record, and in the history."""
        uuid, name = machine
        log.warning("%s: %s: %s", action, outcome, decision.reason)
        if outcome != "refused":
            self.drift.told(uuid, decision.findings)
        self._count += 1
        denial = Denial(
            number=self._count,
            at=datetime.now(UTC),
            machine=uuid,
            machine_name=name,
            action=action,
            outcome=outcome,
            reasons=reasons_of(decision.findings),
            principal=ACTING.get(),
        )
        self.inventory.put(denial)
        writing = asyncio.create_task(self._write(denial, decision.reason))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        self._denials.append(denial.key)
        while len(self._denials) > KEPT_DENIALS:
            self.inventory.remove(Denial, self._denials.popleft())

    async def _write(self, denial: Denial, reason: str) -> None:
        try:
            await self.store.remember_denial(denial, reason)
        except StateError as error:
            log.error("a refusal is not in the history: %s", error)  # noqa: TRY400 - the cause is the text

    # What runs ----------------------------------------------------------------------------------

    def _changed(self, old: object, new: object) -> None:
        self.drift.changed(old, new)
        if self.running is None:
            return
        if isinstance(new, VirtualMachine):
            was_active = isinstance(old, VirtualMachine) and old.state.is_active
            self._sync(new)
            was_asked_for = new.uuid in self._expected
            is_looked_at = not was_asked_for or self.hypervisor.control is not None
            if new.state.is_active and not was_active and is_looked_at and self.is_on:
                self._watch.look(new, was_asked_for=was_asked_for)
        elif isinstance(old, VirtualMachine):
            self._sync(None, old.uuid)

    def _sync(self, machine: VirtualMachine | None, uuid: str = "") -> None:
        """Count a machine as it is."""
        running = self.running
        if running is None:
            return
        if machine is None or not machine.state.is_active:
            key = machine.uuid if machine else uuid
            if key not in self._expected:
                running.stop(key)
        elif not machine.is_management_domain:
            known, label = running.machines.get(machine.uuid), self.label_of(machine.uuid)
            if known is None or known.label != label:
                running.start(machine.uuid, label, machine.name)


def _in_force(kept: Kept) -> InForce | None:
    """Read the policy that is kept; one that this version cannot read is not in force, and said so."""
    if kept.xml is None or kept.digest is None:
        return None
    try:
        policy = read_policy(kept.xml)
    except PolicyError:
        log.exception("the policy that was in force cannot be read: nothing is enforced")
        return None
    activated = kept.activated or datetime.now(UTC)
    return InForce(policy, Rules(policy), kept.xml, kept.digest, activated, kept.principal or "", kept.signer)
