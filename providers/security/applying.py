"""Policies put in force, taken out of force, brought back; modes.

A policy is checked whole, planned on the host as it is, and put in force with the labels that it changes in
one transaction, only if the one in force is the one that the caller expects. Machines that run stand against
it only where it is enforced: otherwise a host on which machines run would never get its first.

Source: Xen 4.1: XSPolicy.set_xspolicy, reset_xspolicy, setenforce.
Errors: PolicyError, whose findings have Xen's error numbers; StateError.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.acm.decisions import Rules
from xencim.acm.language import read_policy
from xencim.acm.model import UNLABELED, FindingKind, LabelKind, PolicyError, XsErr
from xencim.acm.planning import HostMachine, HostResource, HostState, plan_update
from xencim.providers.backends.records import Labelled, VirtualMachine
from xencim.providers.security.enforcement.keeper import InForce
from xencim.providers.security.enforcement.uses import names_to_resolve, resolve, uses_of
from xencim.providers.security.labelling import refusal
from xencim.providers.security.stores.store import Change, Document, check_expected, digest_of
from xencim.providers.security.telling import tell_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.acm.model import Policy
    from xencim.acm.planning import UpdatePlan
    from xencim.providers.backends.records import AssignedLabel, Mode, Reaction
    from xencim.providers.security.enforcement.keeper import Security
    from xencim.providers.security.enforcement.uses import Use
    from xencim.providers.security.stores.objects import Thing

log = logging.getLogger(__name__)


async def apply(
    security: Security,
    untrusted: bytes,
    *,
    principal: str,
    expected: str | None = None,
    signer: str | None = None,
    dry_run: bool = False,
) -> UpdatePlan:
    """Put a policy in force and return what that did; a dry run only plans.

    ``expected``: the digest of the policy that is believed in force (`NO_POLICY`: none); None: whatever is.
    ``signer``: who signed the document, as far as the caller has checked.
    """
    policy = await asyncio.to_thread(read_policy, untrusted)
    async with security.changing:
        present = security.in_force
        check_expected(present.digest if present else None, expected)
        plan = await _plan(security, present.policy if present else None, policy)
        if dry_run:
            return plan
        if not plan.is_feasible:
            raise PolicyError(plan.hindrances)
        document = Document(untrusted, signer)
        await _put_in_force(security, policy, document, plan, principal=principal, action="applied")
        return plan


async def roll_back(security: Security, digest: str, *, principal: str, expected: str | None = None) -> None:
    """Bring back a policy that was in force once; the version chain is not asked, what runs is.

    PolicyError: there was none of that digest, or running machines stand against it.
    """
    document = await security.store.document(digest)
    if document is None:
        raise refusal(f"no policy of digest {digest} was ever in force here", XsErr.POLICY_NOT_LOADED)
    policy = await asyncio.to_thread(read_policy, document.xml)
    async with security.changing:
        check_expected(security.in_force.digest if security.in_force else None, expected)
        plan = await _plan(security, None, policy)
        if not plan.is_feasible:
            raise PolicyError(plan.hindrances)
        await _put_in_force(security, policy, document, plan, principal=principal, action="rolled back")


async def _plan(security: Security, present: Policy | None, policy: Policy) -> UpdatePlan:
    """Plan an update; where nothing is refused, what runs does not hinder it, and is only told of."""
    plan = plan_update(present, policy, await host_state(security))
    await security.hypervisor.tell()  # whether it enforces may have been changed past this server
    if security.refuses:
        return plan
    told = tuple(
        replace(finding, kind=FindingKind.WARNING) if finding.kind is FindingKind.CONFLICT else finding
        for finding in plan.findings
    )
    return replace(plan, findings=told)


async def reset(security: Security, *, principal: str, expected: str | None = None) -> None:
    """Take the policy out of force: nothing is refused any more, labels stay as they are."""
    async with security.changing:
        present = security.in_force
        check_expected(present.digest if present else None, expected)
        change = Change(None, (), principal, "reset", "no policy is in force", expected)
        await _commit(security, change, None)
        security.put_in_force(None)


async def set_mode(security: Security, mode: Mode, *, principal: str, reason: str = "") -> None:
    """Enforce, only tell of what would be refused, or look at nothing."""
    async with security.changing:
        await security.store.set_mode(mode, principal, reason)
        log.warning(
            "the security policy is %s: %s wanted it (%s)", mode.value, principal, reason or "no reason"
        )
        security.mode = mode
        tell_policy(security)


async def set_reaction(security: Security, reaction: Reaction, *, principal: str, reason: str = "") -> None:
    """Say what is done to machines that were started past this server although the policy refuses them."""
    async with security.changing:
        await security.store.set_reaction(reaction, principal, reason)
        security.reaction = reaction
        tell_policy(security)


async def host_state(security: Security) -> HostState:
    """Return the host as a plan sees it: labels, and of running machines what they use."""
    view, labels = security.inventory.view, security.labels
    running = {
        machine.uuid: uses_of(machine.current, view)
        for machine in view.all(VirtualMachine).values()
        if machine.state.is_active
    }
    things = await resolve(names_to_resolve(use for uses in running.values() for use in uses))
    order = {key: place for place, key in enumerate(security.running.machines if security.running else ())}
    machines = [
        HostMachine(
            key=machine.uuid,
            name=machine.name,
            label=security.label_of(machine.uuid),
            is_running=machine.uuid in running,
            uses=_labels_used(security, running.get(machine.uuid, ()), things),
        )
        for machine in view.all(VirtualMachine).values()
        if not machine.is_management_domain
    ]
    known = {machine.key for machine in machines}
    machines += [
        HostMachine(label.object, label.object, label.label)
        for label in labels.all()
        if label.kind in {Labelled.MACHINE, Labelled.HOST} and label.object not in known
    ]
    resources = tuple(
        HostResource(label.key, label.label)
        for label in labels.all()
        if label.kind not in {Labelled.MACHINE, Labelled.HOST}
    )
    machines.sort(key=lambda machine: order.get(machine.key, len(order)))
    return HostState(tuple(machines), resources)


def _labels_used(
    security: Security, uses: tuple[Use, ...], things: Mapping[str, Thing]
) -> tuple[tuple[str, str], ...]:
    used = []
    for use in uses:
        for name in use.names:
            if use.kind is Labelled.DISK:
                found = security.labels.of_disk(things[name])
                used += [(use.what, label.label) for label in found] or [(use.what, UNLABELED)]
            elif (label := security.labels.get(use.kind, name)) is not None:
                used.append((use.what, label.label))
    return tuple(used)


async def _put_in_force(
    security: Security,
    policy: Policy,
    document: Document,
    plan: UpdatePlan,
    *,
    principal: str,
    action: str,
) -> None:
    changed = _relabelled(security, policy, plan)
    detail = f"from {plan.from_policy or 'no policy'} to {plan.to_policy}"
    present = security.in_force
    change = Change(document, changed, principal, action, detail, present.digest if present else "")
    await _commit(security, change, policy)
    digest = digest_of(document.xml)
    kept = await security.store.document(digest) or document  # it may have come signed before
    security.labels.put(changed)
    security.put_in_force(InForce(policy, Rules(policy), kept.xml, digest, change.at, principal, kept.signer))
    await security.hypervisor.mark_all(label.object for label in changed if label.kind is Labelled.MACHINE)


async def _commit(security: Security, change: Change, policy: Policy | None) -> None:
    """Have the hypervisor enforce it, if it does, and then write it; what fails is undone."""
    hypervisor = security.hypervisor
    if not await hypervisor.enforces():
        await security.store.apply(change)
        return
    before = security.in_force.policy if security.in_force else None
    loaded_before = hypervisor.loaded
    await security.store.begin(f"{change.action} {change.detail}")
    try:
        labels = {label.key: label for label in (*security.labels.all(), *change.labels)}
        await hypervisor.load(policy, labels.values())
        await security.store.apply(change)
    except BaseException as error:
        try:
            if hypervisor.loaded is not loaded_before:
                await hypervisor.load(before)
        finally:
            await security.store.give_up(change.principal, f"{change.detail}: {error}", change.document)
        raise


def _relabelled(security: Security, policy: Policy, plan: UpdatePlan) -> tuple[AssignedLabel, ...]:
    """Return the labels of objects as they are under the new policy."""
    new_names: dict[tuple[LabelKind, str], str | None] = {
        (thing.kind, thing.key): thing.new for thing in (*plan.relabelled, *plan.invalidated)
    }
    changed = []
    for label in security.labels.all():
        is_machine = label.kind in {Labelled.MACHINE, Labelled.HOST}
        key = (LabelKind.MACHINE, label.object) if is_machine else (LabelKind.RESOURCE, label.key)
        name = new_names.get(key, label.label)
        if name is None or (plan.from_policy and not label.is_valid):
            changed.append(replace(label, is_valid=False))
        else:
            changed.append(replace(label, label=name, policy=policy.name, is_valid=True))
    return tuple(changed)
