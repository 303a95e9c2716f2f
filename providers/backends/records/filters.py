"""Network filters: what the packets of machines' interfaces have to pass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a packet must have to be met by a rule: libvirt's name of it, and a value or ``$VARIABLE``."""

    name: str
    value: str
    negated: bool = False

    @property
    def text(self) -> str:
        """The condition in words that a reader understands."""
        return f"{self.name}{'!=' if self.negated else '='}{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRule:
    """What happens to the packets that meet all conditions of a rule."""

    index: int  # among the rules of its filter
    action: str  # accept, drop, reject, return, continue
    direction: str  # as the machine sees it: in, out, inout
    priority: int
    protocol: str | None = None  # mac, arp, ip, ipv6, tcp, tcp-ipv6, …; None: any packet
    conditions: tuple[Condition, ...] = ()
    tracks_connections: bool = True
    comment: str | None = None

    @property
    def is_negated(self) -> bool:
        """Whether every condition is negated."""
        return bool(self.conditions) and all(condition.negated for condition in self.conditions)

    def value(self, name: str) -> str | None:
        """Return what a condition asks for; of those that are negated only when all are."""
        negated = self.is_negated
        return next(
            (one.value for one in self.conditions if one.name == name and one.negated == negated), None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFilter:
    """A named list of rules; it also does what the filters do that it refers to."""

    name: str
    uuid: str
    chain: str = "root"
    priority: int = 0  # of its chain among the others
    rules: tuple[FilterRule, ...] = ()
    references: tuple[str, ...] = ()  # names, each once

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name
