"""Who wants to be told what: filters, destinations and subscriptions, on disk and as records.

A subscription belongs to whoever made it: others change or delete it with admin access only. One whose
duration is over is deleted.

Source: DSP1054 1.1 (indications), sections 7 and 8; CIM_IndicationFilter, CIM_IndicationSubscription.
Errors: CimError of the operations; StateError when nothing can be written.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.records import IndicationFilter, ListenerDestination
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.events import subscription_store as store
from xencim.providers.core.events.delivery_limits import FAILURE_TRIGGER_S
from xencim.providers.core.query import parse_query
from xencim.providers.core.state import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import IndicationSubscription
    from xencim.providers.core.query import Query
    from xencim.providers.core.registry import Namespace, Registry
    from xencim.providers.core.state import State

log = logging.getLogger(__name__)

MAX_DESTINATIONS = 100
"""Each has a connection and a queue of its own."""
MAX_SUBSCRIPTIONS = 1000
"""Each is a query that every event is held against."""
MAX_FILTERS = 1000
IGNORE, DISABLE, REMOVE = 2, 3, 4  # CIM_IndicationSubscription.OnFatalErrorPolicy
PERMANENT, TRANSIENT = 2, 3  # CIM_ListenerDestination.PersistenceType
_TIMER_S = (1.0, 86_400.0)
"""The shortest and the longest wait for what runs out: no loop where the disk is full, no overflow."""


@dataclass(frozen=True, slots=True)
class Feed:
    """An enabled subscription, ready to be held against events."""

    destination: str
    filter: str
    query: Query
    namespaces: frozenset[str]  # none: every one
    ends: datetime | None = None


class Subscriptions:
    """All of them. Operations are carried out one after the other."""

    def __init__(self, state: State, server: Inventory, registry: Registry) -> None:
        self._state = state
        self._server = server
        self._registry = registry
        self._lock = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._expiry: asyncio.Task[None] | None = None
        self.feeds: tuple[Feed, ...] = ()

    async def start(self) -> None:
        """Read what is on disk; what has run out meanwhile is deleted."""
        await self._state.migrate(store.PART, store.MIGRATIONS)
        filters, destinations = await self._state.run(store.load)
        self._server.replace_all(IndicationFilter, filters)
        self._server.replace_all(ListenerDestination, destinations)
        await self._expire()

    async def stop(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()
        if self._expiry is not None:
            self._expiry.cancel()
            await asyncio.gather(self._expiry, return_exceptions=True)

    # Filters -----------------------------------------------------------------------------------

    def check_filter(self, record: IndicationFilter) -> None:
        """Refuse a filter whose query its namespaces do not understand."""
        query = parse_query(record.language, record.query)
        for namespace in self._namespaces(record):
            decl = namespace.demand_class(query.class_name, Status.INVALID_QUERY)
            if not decl.qualifier("Indication"):
                raise CimError(
                    Status.INVALID_QUERY,
                    f"class {decl.name} of the filter's query is no class of indications",
                )
            query.check(decl)

    async def add_filter(self, record: IndicationFilter) -> None:
        """Keep a new filter."""
        self.check_filter(record)
        async with self._lock:
            self._demand_new(IndicationFilter, record.name, MAX_FILTERS)
            await self._state.run(partial(store.save_filter, record=record))
            self._server.put(record)

    async def change_filter(self, record: IndicationFilter) -> None:
        """Replace a filter by one of the same name."""
        self.check_filter(record)
        async with self._lock:
            await self._state.run(partial(store.save_filter, record=record))
            self._changed(record)

    async def delete_filter(self, name: str) -> None:
        """Delete a filter that no subscription uses."""
        async with self._lock:
            if any(one.filter == name for _, one in self._all()):
                raise CimError(Status.FAILED, f"filter {name!r} has subscriptions: delete them first")
            await self._state.run(partial(store.delete_filter, name=name))
            self._server.remove(IndicationFilter, name)

    # Destinations ------------------------------------------------------------------------------

    async def add_destination(self, record: ListenerDestination) -> None:
        """Keep a new destination."""
        async with self._lock:
            self._demand_new(ListenerDestination, record.name, MAX_DESTINATIONS)
            await self._save(record)

    async def change_destination(
        self, name: str, change: Callable[[ListenerDestination], ListenerDestination]
    ) -> None:
        """Replace a destination by what ``change`` makes of it; nothing happens when it is gone."""
        async with self._lock:
            record = self._server.view.get(ListenerDestination, name)
            if record is not None and (changed := change(record)) != record:
                await self._save(changed)

    async def delete_destination(self, name: str) -> None:
        """Delete a destination that no subscription uses."""
        async with self._lock:
            record = self._server.view.get(ListenerDestination, name)
            if record is not None and record.subscriptions:
                raise CimError(Status.FAILED, f"destination {name!r} has subscriptions: delete them first")
            await self._state.run(partial(store.delete_destination, name=name))
            self._server.remove(ListenerDestination, name)

    async def _save(self, record: ListenerDestination) -> None:
        await self._state.run(partial(store.save_destination, record=record))
        self._changed(record)

    # Subscriptions -----------------------------------------------------------------------------

    async def add_subscription(self, destination: str, subscription: IndicationSubscription) -> None:
        """Keep a new subscription of a destination that is there."""

        def add(record: ListenerDestination) -> ListenerDestination:
            if any(one.filter == subscription.filter for one in record.subscriptions):
                raise CimError(
                    Status.ALREADY_EXISTS,
                    f"destination {destination!r} is already subscribed to filter {subscription.filter!r}",
                )
            if sum(1 for _ in self._all()) >= MAX_SUBSCRIPTIONS:
                raise CimError(Status.FAILED, f"there are {MAX_SUBSCRIPTIONS} subscriptions already")
            if self._server.view.get(IndicationFilter, subscription.filter) is None:
                raise CimError(Status.NOT_FOUND, f"filter {subscription.filter!r} is gone")
            return replace(record, subscriptions=(*record.subscriptions, subscription))

        await self.change_destination(destination, add)

    async def change_subscription(
        self,
        destination: str,
        name: str,
        change: Callable[[IndicationSubscription], IndicationSubscription | None],
    ) -> None:
        """Replace the subscription to a filter by what ``change`` makes of it; None deletes it."""

        def apply(record: ListenerDestination) -> ListenerDestination:
            changed = (change(one) if one.filter == name else one for one in record.subscriptions)
            return replace(record, subscriptions=tuple(one for one in changed if one is not None))

        await self.change_destination(destination, apply)

    async def unreachable(self, destination: str, failing_s: float) -> bool:
        """Carry out what subscriptions say of a listener that fails for so long; tell whether any is left."""
        now = datetime.now(UTC)

        def apply(record: ListenerDestination) -> ListenerDestination:
            left = (_after_failure(record, one, failing_s, now) for one in record.subscriptions)
            return replace(record, subscriptions=tuple(one for one in left if one is not None))

        await self.change_destination(destination, apply)
        record = self._server.view.get(ListenerDestination, destination)
        return record is not None and any(one.enabled for one in record.subscriptions)

    # Inside ------------------------------------------------------------------------------------

    def _all(self) -> Iterable[tuple[ListenerDestination, IndicationSubscription]]:
        for destination in self._server.view.all(ListenerDestination).values():
            for subscription in destination.subscriptions:
                yield destination, subscription

    def _namespaces(self, record: IndicationFilter) -> Iterable[Namespace]:
        if record.namespaces:
            return [self._registry.namespace(name) for name in record.namespaces]
        return self._registry.namespaces.values()

    def _demand_new(self, kind: type[IndicationFilter | ListenerDestination], name: str, most: int) -> None:
        present = self._server.view.all(kind)
        if name in present:
            raise CimError(Status.ALREADY_EXISTS, f"there is already one with Name {name!r}")
        if len(present) >= most:
            raise CimError(Status.FAILED, f"there are {most} of them already, which is the most")

    def _changed(self, record: IndicationFilter | ListenerDestination) -> None:
        self._server.put(record)
        self._make_feeds()

    def _make_feeds(self) -> None:
        feeds = (self._feed(destination, one) for destination, one in self._all() if one.enabled)
        self.feeds = tuple(feed for feed in feeds if feed is not None)
        self._set_timer()

    def _feed(self, destination: ListenerDestination, subscription: IndicationSubscription) -> Feed | None:
        record = self._server.view.all(IndicationFilter)[subscription.filter]
        try:
            query = parse_query(record.language, record.query)
            namespaces = frozenset(self._registry.namespace(name).name for name in record.namespaces)
        except CimError as error:
            log.warning("filter %s lets nothing through: %s", record.name, error.description)
            return None
        return Feed(destination.name, record.name, query, namespaces, ends_at(subscription))

    # What runs out -----------------------------------------------------------------------------

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ends = [end for _, one in self._all() if (end := ends_at(one)) is not None]
        if ends:
            left_s = (min(ends) - datetime.now(UTC)).total_seconds()
            loop = asyncio.get_running_loop()
            least_s, most_s = _TIMER_S
            self._timer = loop.call_later(min(max(left_s, least_s), most_s), self._run_out)

    def _run_out(self) -> None:
        self._expiry = asyncio.get_running_loop().create_task(self._expire())

    async def _expire(self) -> None:
        now = datetime.now(UTC)

        def unexpired(record: ListenerDestination) -> ListenerDestination:
            left = (one for one in record.subscriptions if not ((end := ends_at(one)) and end <= now))
            return replace(record, subscriptions=tuple(left))

        try:
            for name in tuple(self._server.view.all(ListenerDestination)):
                await self.change_destination(name, unexpired)
        except StateError as error:
            log.error("subscriptions that ran out stay on disk: %s", error)  # noqa: TRY400 - the text says it
        self._make_feeds()


def _after_failure(
    destination: ListenerDestination, subscription: IndicationSubscription, failing_s: float, now: datetime
) -> IndicationSubscription | None:
    policy = subscription.on_fatal_error
    if policy is None and destination.persistence == TRANSIENT:
        policy = REMOVE
    trigger_s = subscription.failure_trigger_s
    if failing_s < (FAILURE_TRIGGER_S if trigger_s is None else trigger_s):
        return subscription
    if policy == REMOVE:
        return None
    if policy == DISABLE and subscription.enabled:
        return replace(subscription, enabled=False, changed=now)
    return subscription


def ends_at(subscription: IndicationSubscription) -> datetime | None:
    """Return when a subscription runs out, None for one that does not."""
    if subscription.duration_s is None:
        return None
    try:
        return subscription.started + timedelta(seconds=subscription.duration_s)
    except OverflowError:
        return None
