"""What a machine's definition uses that may have a label: disks, the images under them, networks, VLANs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xencim.acm.decisions import PERMITTED, Decision
from xencim.acm.decisions.decision import all_of, refused
from xencim.acm.model import UNLABELED, Finding, FindingKind, LabelKind, XsErr
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Labelled
from xencim.providers.security.stores.objects import Thing, named, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.acm.decisions import Rules
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import AssignedLabel, MachineConfig, Nic
    from xencim.providers.security.stores.labels import Labels

LOOK_S = 10.0
"""How long a file system may take to tell what is at a path."""


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that a machine uses: in words, and by the names of its objects."""

    what: str
    kind: Labelled
    names: tuple[str, ...]


def uses_of(config: MachineConfig, view: View) -> tuple[Use, ...]:
    """Return what a definition uses."""
    disks = [
        Use(f"disk {disk.target!r} ({names[0]})", Labelled.DISK, names)
        for disk in config.disks
        if (names := names_of(disk, view))
    ]
    return (*disks, *(use for nic in config.nics for use in _uses_of_nic(nic)))


def _uses_of_nic(nic: Nic) -> Iterable[Use]:
    names = [nic.network] if nic.network else []
    names += [f"bridge:{nic.bridge}"] if nic.bridge else []
    if names:
        yield Use(f"interface {nic.mac} ({', '.join(names)})", Labelled.NETWORK, tuple(names))
    for number in nic.vlan_ids:
        yield Use(f"interface {nic.mac} (VLAN {number})", Labelled.VLAN, (str(number),))


async def resolve(names: Iterable[str]) -> dict[str, Thing]:
    """Find out what disks' names name; the file systems are asked on a thread.

    BackendError: timeout.
    """
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        return {}
    try:
        async with asyncio.timeout(LOOK_S):
            things = await asyncio.to_thread(lambda: [named(name) for name in wanted])
    except TimeoutError as error:
        raise BackendError(
            "timeout", f"{', '.join(wanted)}: the file system does not answer, so that no label can be found"
        ) from error
    return dict(zip(wanted, things, strict=True))


def names_to_resolve(uses: Iterable[Use]) -> tuple[str, ...]:
    """Return the names of disks among what is used."""
    return tuple(name for use in uses if use.kind is Labelled.DISK for name in use.names)


def may_use(
    rules: Rules, labels: Labels, label: str, uses: Iterable[Use], things: dict[str, Thing]
) -> Decision:
    """Tell whether a machine of a label may use all that; a disk without a label is unlabeled.

    A network or VLAN without a label is open to everybody.
    """
    known = rules.check_label(label)
    if not known.permitted:
        return known
    decisions = []
    for use in uses:
        for name in use.names:
            if use.kind is Labelled.DISK:
                found = labels.of_disk(things[name])
                decisions += [_may_share(rules, label, other, use.what) for other in found]
                if not found:
                    decision = rules.may_share(label, UNLABELED, LabelKind.RESOURCE)
                    decisions.append(_about(use.what, decision))
            elif (other := labels.get(use.kind, name)) is not None:
                decisions.append(_may_share(rules, label, other, use.what))
    return all_of(decisions)


def _may_share(rules: Rules, label: str, other: AssignedLabel, what: str) -> Decision:
    if other.is_valid:
        return _about(what, rules.may_share(label, other.label, LabelKind.RESOURCE))
    return refused([taken_away(what, other)])


def taken_away(what: str, label: AssignedLabel) -> Finding:
    """Tell of an object whose label an update of the policy took away."""
    return Finding(
        FindingKind.DENIAL,
        f"{what}: its label {label.label!r} was of policy {label.policy!r}, and the policy in force has "
        "it no more: assign another",
        XsErr.BAD_LABEL,
        rule="label",
        labels=(label.label,),
        element=label.object,
    )


def _about(what: str, decision: Decision) -> Decision:
    """Say what a decision is about."""
    if decision.permitted:
        return PERMITTED
    return refused(
        replace(finding, message=f"{what}: {finding.message}", element=what) for finding in decision.findings
    )
