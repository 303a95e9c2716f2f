"""Changes of the inventories as indications, held against what was subscribed to.

An instance is told about when one of its properties changed, not when its records did. A renamed machine
is a deletion and a creation to clients. What the first reading of a hypervisor finds is no event; what
a reading after a lost connection finds changed is. A recorder is told everything; where one was recording
when the last server ended, what has changed since is told to it when this one starts.

Source: DSP1054 1.1, section 7; CIM_InstIndication and its subclasses.
Errors: none; an instance that cannot be told is logged and left out.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from xencim.mof.values import Instance, TypedValue
from xencim.providers.backends.records import MachineOperation, VirtualMachine
from xencim.providers.core.events.subscriptions import Feed
from xencim.providers.core.query import parse_query
from xencim.providers.core.served import ServedClass
from xencim.providers.events.alerts import NAMES, alert_of, instance_of
from xencim.providers.events.classes import CREATED, DELETED, MODIFIED
from xencim.providers.events.sources import SOURCES, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from xencim.mof.model import ClassRepository
    from xencim.mof.values import Path, Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Record
    from xencim.providers.core.events.subscriptions import Subscriptions
    from xencim.providers.core.registry import Registry
    from xencim.providers.core.served import Site
    from xencim.providers.core.spec import Row
    from xencim.providers.events.sources import Source

log = logging.getLogger(__name__)

_INFORMATION = 2  # CIM_Indication.PerceivedSeverity


_RECORDED = Feed("", "", parse_query("WQL", "SELECT * FROM CIM_Indication"), frozenset())


class Outgoing(NamedTuple):
    """An indication for one destination, and the filter that let it through."""

    destination: str
    filter: str
    indication: Instance


class Recorded(NamedTuple):
    """A change as a recorder is told of it.

    ``machine``: place and UUID of the machine that changed, if one did; ``now`` is what it is now, None
    where it is gone. ``indications`` belong to ``namespace``.
    """

    namespace: str
    machine: tuple[str, str] | None
    now: Seen | None
    indications: tuple[Instance, ...]


class Recorder(Protocol):
    """Keeps every event while somebody wants it, and every machine as it was when that was told."""

    @property
    def recording(self) -> bool:
        """Whether anything is wanted."""

    def record(self, change: Recorded) -> None:
        """Take a change, in order; returns at once."""

    def take_kept(self) -> Mapping[tuple[str, str], Seen]:
        """Return the machines as an earlier server has told of them, once."""


class _Told(NamedTuple):
    """A source at a site; ``classes`` are its indications' by what happened."""

    source: Source
    served: ServedClass
    repository: ClassRepository
    classes: dict[str, str]


class _Alerting(NamedTuple):
    """Where a site's alerts are told; ``classes`` by their names without prefix."""

    namespace: str
    repository: ClassRepository
    classes: dict[str, str]


class _Side(NamedTuple):
    """An instance on one side of a change."""

    path: Path
    instance: Instance


class Events:
    """Watches all inventories from `start` to `stop`."""

    def __init__(self, registry: Registry, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions
        self._told = {site: tuple(_told(registry, site)) for site in registry.sites}
        self._alerting = {site: _alerting(registry, site) for site in registry.sites}
        self._recorder: Recorder | None = None
        self._feeds: tuple[Feed, ...] = ()
        self._was_recording = False
        self._wanted: dict[str, tuple[Feed, ...]] = {}
        self._ends: list[Callable[[], None]] = []

    def start(self, deliver: Callable[[Sequence[Outgoing]], None], recorder: Recorder | None = None) -> None:
        """Give every indication that somebody wants to ``deliver`` as soon as its event is known."""
        self._recorder = recorder
        if recorder is not None and recorder.recording:
            self._catch_up(recorder)
        for site in self._told:
            self._ends.append(site.inventory.subscribe(partial(self._changed, site, deliver)))

    def machines(self) -> dict[tuple[str, str], Seen]:
        """Return all machines as they are now, by place and UUID."""
        return {
            (_place(site), uuid): Seen(machine, site.inventory.view.get(MachineOperation, uuid))
            for site in self._told
            for uuid, machine in site.inventory.view.all(VirtualMachine).items()
        }

    def stop(self) -> None:
        """Watch no more."""
        for end in self._ends:
            end()
        self._ends.clear()

    def _changed(
        self,
        site: Site,
        deliver: Callable[[Sequence[Outgoing]], None],
        old: Record | None,
        new: Record | None,
    ) -> None:
        recorder = self._recorder if self._recorder is not None and self._recorder.recording else None
        if not self._subscriptions.feeds and recorder is None:
            return
        found = list(self._alerts(site, old, new))
        before, after = _sides(site.inventory.view, old, new)
        found += self._of_machine(site, before, after)
        if recorder is not None:
            _record(recorder, site, (before, after), found)
            found = [one for one in found if one.destination != _RECORDED.destination]
        if found:
            deliver(found)

    def _of_machine(self, site: Site, before: Seen | None, after: Seen | None) -> Iterator[Outgoing]:
        # What is part of something comes after it and goes before it.
        if before is not None or after is not None:
            for told in self._told[site] if after else reversed(self._told[site]):
                yield from self._outgoing(told, before, after)

    def _catch_up(self, recorder: Recorder) -> None:
        """Tell a recorder what has changed since an earlier server told of it."""
        kept, there = recorder.take_kept(), self.machines()
        sites = {_place(site): site for site in self._told}
        for key in dict.fromkeys((*kept, *there)):
            before, after = kept.get(key), there.get(key)
            site = sites.get(key[0])
            if site is not None and before != after:
                found = self._of_machine(site, before, after)
                _record(recorder, site, (before, after), found)

    def _outgoing(self, told: _Told, before: Seen | None, after: Seen | None) -> Iterator[Outgoing]:
        feeds = {
            what: self._feeds_for(told.served.namespace, told.repository, name)
            for what, name in told.classes.items()
        }
        if not any(feeds.values()):
            return
        uuid = (after or before).machine.uuid  # type: ignore[union-attr] # one of them is there
        for what, path, instance, previous in _differences(told, before, after):
            wanted = feeds[what]
            if wanted:
                indication = _indication(told.classes[what], uuid, path, instance, previous)
                yield from _matching(wanted, indication, told.repository)

    def _alerts(self, site: Site, old: Record | None, new: Record | None) -> Iterator[Outgoing]:
        alert = alert_of(old, new)
        if alert is None:
            return
        alerting = self._alerting[site]
        name = alerting.classes[alert.name]
        feeds = self._feeds_for(alerting.namespace, alerting.repository, name)
        if feeds:
            indication = instance_of(alert, name, site.inventory.view.host)
            yield from _matching(feeds, indication, alerting.repository)

    def _feeds_for(self, namespace: str, repository: ClassRepository, class_name: str) -> tuple[Feed, ...]:
        """Return the subscriptions whose query is about a class; remembered until one changes."""
        recording = self._recorder is not None and self._recorder.recording
        if self._feeds is not self._subscriptions.feeds or recording is not self._was_recording:
            self._feeds = self._subscriptions.feeds
            self._was_recording = recording
            self._wanted.clear()
        key = f"{namespace}:{class_name}"
        found = self._wanted.get(key)
        if found is None:
            found = self._wanted[key] = tuple(
                feed
                for feed in (*self._feeds, *((_RECORDED,) if recording else ()))
                if (not feed.namespaces or namespace in feed.namespaces)
                and repository.is_a(class_name, feed.query.class_name)
            )
        return found


def _place(site: Site) -> str:
    """Name a site for as long as its configuration stays."""
    return f"{site.namespace} {site.backend.uri}"


def _record(
    recorder: Recorder, site: Site, sides: tuple[Seen | None, Seen | None], found: Iterable[Outgoing]
) -> None:
    before, after = sides
    one = after or before
    indications = tuple(o.indication for o in found if o.destination == _RECORDED.destination)
    if one is not None or indications:
        machine = (_place(site), one.machine.uuid) if one else None
        recorder.record(Recorded(site.namespace, machine, after, indications))


def _told(registry: Registry, site: Site) -> Iterator[_Told]:
    namespace = registry.namespace(site.namespace)
    for source in SOURCES:
        for served in namespace.of_class(site.class_name(source.spec.cim_class)):
            if isinstance(served, ServedClass) and served.spec is source.spec and served.site is site:
                classes = {
                    what: namespace.demand_class(site.class_name(f"{source.subject}{what}Indication")).name
                    for what in (CREATED, MODIFIED, DELETED)
                }
                yield _Told(source, served, namespace.repository, classes)


def _alerting(registry: Registry, site: Site) -> _Alerting:
    namespace = registry.namespace(site.namespace)
    classes = {name: namespace.demand_class(site.class_name(name)).name for name in NAMES}
    return _Alerting(site.namespace, namespace.repository, classes)


def _matching(feeds: Iterable[Feed], indication: Instance, repository: ClassRepository) -> Iterator[Outgoing]:
    """Yield an indication for each subscription whose query lets it through."""
    source = _QuerySource(indication, repository)
    now = datetime.now(UTC)
    for feed in feeds:
        if (feed.ends is None or feed.ends > now) and feed.query.matches(source):
            yield Outgoing(feed.destination, feed.filter, _selected(indication, feed))


def _sides(view: View, old: Record | None, new: Record | None) -> tuple[Seen | None, Seen | None]:
    """Return a changed machine before and after; neither where no machine changed."""
    one = new or old
    if isinstance(one, VirtualMachine):
        operation = view.get(MachineOperation, one.uuid)
        return (
            Seen(old, operation) if isinstance(old, VirtualMachine) else None,
            Seen(new, operation) if isinstance(new, VirtualMachine) else None,
        )
    if isinstance(one, MachineOperation):
        machine = view.get(VirtualMachine, one.machine)
        if machine is not None:
            return (
                Seen(machine, old if isinstance(old, MachineOperation) else None),
                Seen(machine, new if isinstance(new, MachineOperation) else None),
            )
    return None, None


def _differences(
    told: _Told, before: Seen | None, after: Seen | None
) -> Iterator[tuple[str, Path, Instance, Instance | None]]:
    """Yield what happened, and the instance as it is now or was last."""
    old, new = _instances(told, before), _instances(told, after)
    for key, gone in old.items():
        if key not in new:
            yield DELETED, gone.path, gone.instance, None
    for key, there in new.items():
        previous = old.get(key)
        if previous is None:
            yield CREATED, there.path, there.instance, None
        elif previous.instance != there.instance:
            yield MODIFIED, there.path, there.instance, previous.instance


def _instances(told: _Told, seen: Seen | None) -> dict[object, _Side]:
    if seen is None:
        return {}
    served = told.served
    found: dict[object, _Side] = {}
    for row in told.source.rows(served.site.context(), seen):
        try:
            path = served.path(row)
            found[path.keys] = _Side(path, _instance(served, row))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            log.exception("an instance of %s cannot be told about", served.name)
    return found


def _instance(served: ServedClass, row: Row) -> Instance:
    values = ((p.decl, p.get(row)) for p in served.properties if p.get is not None)
    return Instance(
        served.name,
        {decl.name: TypedValue(decl.type, value) for decl, value in values if value is not None},
    )


def _indication(
    class_name: str, identifier: str, path: Path, instance: Instance, previous: Instance | None
) -> Instance:
    values: dict[str, TypedValue] = {
        "IndicationIdentifier": TypedValue("string", identifier),
        "IndicationTime": TypedValue("datetime", datetime.now(UTC)),
        "PerceivedSeverity": TypedValue("uint16", _INFORMATION),
        "SourceInstance": TypedValue("string", instance),
        "SourceInstanceModelPath": TypedValue("string", str(path)),
        "SourceInstanceHost": TypedValue("string", path.host),
    }
    if previous is not None:
        values["PreviousInstance"] = TypedValue("string", previous)
        values["ChangedPropertyNames"] = TypedValue("string", tuple(_changed_names(instance, previous)))
    return Instance(class_name, values)


def _changed_names(instance: Instance, previous: Instance) -> Iterable[str]:
    names = dict.fromkeys((*instance.properties, *previous.properties))
    return (name for name in names if instance.properties.get(name) != previous.properties.get(name))


def _selected(indication: Instance, feed: Feed) -> Instance:
    if feed.query.properties is None:
        return indication
    wanted = {name.lower() for name in feed.query.properties}
    values = {name: value for name, value in indication.properties.items() if name.lower() in wanted}
    return Instance(indication.class_name, values)


class _QuerySource:
    """An indication as the query languages see it."""

    __slots__ = ("_indication", "_repository", "_values")

    def __init__(self, indication: Instance, repository: ClassRepository) -> None:
        self._indication = indication
        self._repository = repository
        self._values = {name.lower(): typed.value for name, typed in indication.properties.items()}

    def value(self, name: str) -> Value:
        return self._values[name.lower()]

    def is_a(self, class_name: str, embedded: Instance | None = None) -> bool:
        name = (embedded or self._indication).class_name
        return self._repository.is_a(name, class_name)
