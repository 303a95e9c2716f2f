"""A directory followed: what is published there and trusted is in force on the hosts of this server.

Policy and labels are looked at every so often, and what is otherwise is made so again. A directory that is
away or hostile changes nothing; what cannot be put in force is told, once, and tried again.

Source: docs/operations/policy-directory.md.
Errors: none; they are told in the log and by `Directory.problems`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from xencim.acm.model import PolicyError
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Labelled, Network
from xencim.providers.core.state import StateError
from xencim.providers.security.applying import apply
from xencim.providers.security.labelling import Target, assign, target_named, thing_of
from xencim.providers.security.stores.store import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.acm.directory.follower import Follower, Good
    from xencim.acm.directory.publication import Content
    from xencim.providers.security.enforcement.keeper import Security

log = logging.getLogger(__name__)


class Directory:
    """Has one publication followed on some hosts; ``name`` is what the directory is called in the history."""

    def __init__(self, name: str, follower: Follower, hosts: Iterable[Security], interval_s: float) -> None:
        self._principal = f"directory {name}"
        self._follower = follower
        self._hosts = tuple(hosts)
        self._interval_s = interval_s
        self._told: str | None = None
        self._task: asyncio.Task[None] | None = None
        self.problems: tuple[str, ...] = ()

    def start(self) -> None:
        """Look now, and again and again."""
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Look no more; what was in force stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _follow(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("%s could not be followed", self._principal)
            await asyncio.sleep(self._interval_s)

    async def look(self) -> None:
        """Look once, and make everything as it is published."""
        problems = []
        try:
            outcome = await asyncio.to_thread(self._follower.check)
            problems += [finding.message for finding in outcome.findings]
            good = outcome.good
        except PolicyError as error:  # of the trusted keys
            problems.append(str(error))
            good = self._follower.good
        if good is not None:
            for host in self._hosts:
                problems += await self._bring(host, good)
        self.problems = tuple(problems)
        self._tell(good)

    def _tell(self, good: Good | None) -> None:
        """Log how it stands, when it stands otherwise than before."""
        what = f"{good.content.name} {good.content.serial}, signed by {good.signer!r}" if good else "nothing"
        told = "\n".join((what, *self.problems))
        if told == self._told:
            return
        self._told = told
        log.info("%s: %s is followed", self._principal, what)
        for problem in self.problems:
            log.warning("%s: %s", self._principal, problem)

    async def _bring(self, host: Security, good: Good) -> list[str]:
        """Make a host as it is published, and return what could not be done."""
        content = good.content
        try:
            if host.in_force is None or host.in_force.digest != digest_of(content.document):
                await apply(host, content.document, principal=self._principal, signer=good.signer)
        except (PolicyError, BackendError, StateError) as error:
            return [f"{content.name} {content.serial} cannot be put in force: {error}"]
        problems, named = [], set()
        for target, label in _targets(host, content):
            try:
                thing = await thing_of(host, target)
                named.add((target.kind, thing.object))
                present = host.labels.get(target.kind, thing.object)
                if present is None or (present.label, present.is_valid) != (label, True):
                    await assign(host, target, label, principal=self._principal)
            except (PolicyError, BackendError, StateError) as error:
                problems.append(f"{target.kind.value} {target.name!r} cannot have label {label!r}: {error}")
        return [*problems, *await self._forget(host, named)]

    async def _forget(self, host: Security, named: set[tuple[Labelled, str]]) -> list[str]:
        """Take away the labels that were published once and are no more."""
        problems = []
        for label in host.labels.all():
            if label.principal != self._principal or (label.kind, label.object) in named:
                continue
            try:
                await assign(host, Target(label.kind, label.object), None, principal=self._principal)
            except (PolicyError, BackendError, StateError) as error:
                problems.append(f"{label.key} cannot lose label {label.label!r}: {error}")
        return problems


def _targets(host: Security, content: Content) -> Iterator[tuple[Target, str]]:
    """Yield what of a publication is on a host, with its label: one publication may be for many hosts."""
    view = host.inventory.view
    for assignment in content.assignments:
        target = target_named(view, assignment.element)
        is_network = target is not None and target.kind is Labelled.NETWORK
        if target is None or (
            is_network and not target.name.startswith("bridge:") and view.get(Network, target.name) is None
        ):
            continue
        yield target, assignment.label
