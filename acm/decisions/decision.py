"""The answer to whether something is permitted, with its whole reason.

Source: Xen 4.1, Access Control Module: its decisions and its error numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.acm.model import Finding


_MAX_TOLD = 8  # the data have them all


class Rule(Enum):
    """Which kind of rule refused; a conflict set is named by ``CHINESE_WALL`` and its own name."""

    LABEL = "label"
    SHARING = "sharing"
    AUTHORIZATION = "authorization"
    CHINESE_WALL = "conflict set"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is permitted, and why not."""

    permitted: bool
    findings: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        return self.permitted

    @property
    def reason(self) -> str:
        """The reasons in words, the first few of many; empty where it is permitted."""
        told = [finding.message for finding in self.findings[:_MAX_TOLD]]
        more = len(self.findings) - len(told)
        return "; ".join([*told, *([f"and {more} more reasons"] if more else [])])


PERMITTED = Decision(permitted=True)


def refused(findings: Iterable[Finding]) -> Decision:
    """Return a refusal for these reasons, of which there is one at least."""
    return Decision(permitted=False, findings=tuple(findings))


def all_of(decisions: Iterable[Decision]) -> Decision:
    """Return what several decisions come to: refused where one is, with every reason once."""
    findings = dict.fromkeys(finding for decision in decisions for finding in decision.findings)
    return refused(findings) if findings else PERMITTED
