"""What subscribers left with the server: filters, listeners, and which listener is told what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicationFilter:
    """Which indications a subscriber wants."""

    name: str
    system_class: str
    system_name: str
    owner: str  # who made it
    query: str
    language: str
    namespaces: tuple[str, ...] = ()  # none: every one
    element_name: str | None = None

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicationSubscription:
    """That a destination is told what a filter lets through."""

    filter: str
    owner: str
    started: datetime
    changed: datetime  # when it was last enabled or disabled
    enabled: bool = True
    on_fatal_error: int | None = None
    failure_trigger_s: int | None = None
    duration_s: int | None = None
    repeat_policy: int | None = None
    info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerDestination:
    """Where indications are sent to, and the subscriptions that send there."""

    name: str
    system_class: str
    system_name: str
    owner: str
    url: str
    persistence: int | None = None  # 2 permanent, 3 transient
    element_name: str | None = None
    subscriptions: tuple[IndicationSubscription, ...] = ()

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What becomes of a destination's indications; told when something goes wrong or is well again."""

    destination: str
    waiting: int = 0
    dropped: int = 0
    failing_since: datetime | None = None
    error: str | None = None

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.destination
