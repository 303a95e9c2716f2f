"""What an update comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from xencim.acm.model import FindingKind

if TYPE_CHECKING:
    from xencim.acm.model import Finding, LabelKind

_HINDERS = frozenset({FindingKind.ERROR, FindingKind.CONFLICT})


class LabelName(NamedTuple):
    """A label by its kind and name."""

    kind: LabelKind
    name: str


class Renaming(NamedTuple):
    """A label that is called otherwise in the new policy."""

    kind: LabelKind
    old: str
    new: str


class Touched(NamedTuple):
    """A machine or resource whose label changes; ``new`` None: the new policy has it no more."""

    key: str
    name: str
    kind: LabelKind
    old: str
    new: str | None


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """What an update does; policies are named by name and version, empty: none.

    ``machines_to_stop``: once these are stopped, nothing that runs stands against the update.
    """

    from_policy: str
    to_policy: str
    renamed: tuple[Renaming, ...] = ()
    deleted: tuple[LabelName, ...] = ()
    added: tuple[LabelName, ...] = ()
    relabelled: tuple[Touched, ...] = ()
    invalidated: tuple[Touched, ...] = ()
    machines_to_stop: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_feasible(self) -> bool:
        """Whether nothing stands against it; warnings do not."""
        return not any(finding.kind in _HINDERS for finding in self.findings)

    @property
    def hindrances(self) -> tuple[Finding, ...]:
        """What stands against it."""
        return tuple(finding for finding in self.findings if finding.kind in _HINDERS)
