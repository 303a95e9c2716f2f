"""Registering, undoing it, and telling how a registration stands: the same steps for every CIMOM.

What is about to be done is on record before it is done, so that an interrupted registration can be
repeated or undone.

Errors: RegistrationError.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from xencim import __version__
from xencim.cimom_glue.registration.record import (
    Record,
    digest_of,
    read_record,
    remove_record,
    write_record,
)
from xencim.cimom_glue.registration.theirs import plan_namespace, refuse_foreign
from xencim.cimom_glue.registration.tools import LIBRARY, place_library
from xencim.providers.assembly import IMPLEMENTATION, INTEROP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xencim.cimom_glue.registration.theirs import NamespacePlan, TheirNamespace
    from xencim.cimom_glue.registration.wanted import WantedNamespace

_NAMED = 3  # differences of one kind that are named


class Cimom(Protocol):
    """What is asked of a CIMOM. Registered things are namespace, class, and kinds of providers."""

    name: str
    root: Path
    after: str  # what the administrator has to do for a change to be seen
    unusable: frozenset[str]  # names, in lower case, that no property can have

    def check(self) -> None:
        """Raise RegistrationError where it is not ready."""

    def interop(self) -> str:
        """Return its interop namespace."""

    def user(self) -> str:
        """Return the user that providers run as."""

    def library_folders(self) -> list[Path]:
        """Return the folders it loads providers from."""

    def namespace(self, name: str) -> TheirNamespace:
        """Return what it has in a namespace, ours of an earlier registration included."""

    def registered(self) -> set[tuple[str, str, tuple[str, ...]]]:
        """Return all that is registered as ours."""

    def expected(self, plans: Iterable[NamespacePlan]) -> set[tuple[str, str, tuple[str, ...]]]:
        """Return what `registered` is to return."""

    def files(self, plans: Sequence[NamespacePlan], version: str) -> Mapping[str, str]:
        """Return the texts that a registration consists of, each by what it is."""

    def load(self, plans: Sequence[NamespacePlan], version: str) -> None:
        """Register."""

    def unload(self, record: Record) -> list[str]:
        """Undo a registration; return what had to stay, and why."""

    def noted(self, plans: Sequence[NamespacePlan]) -> dict[str, Any]:
        """Return what `take_over` will remove, as it is now."""

    def take_over(self, noted: dict[str, Any]) -> None:
        """Remove what is other providers'."""

    def give_back(self, noted: dict[str, Any]) -> None:
        """Restore what `take_over` removed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or would be."""

    changed: bool
    plans: tuple[NamespacePlan, ...] = ()
    notes: tuple[str, ...] = ()
    files: Mapping[str, str] | None = None
    user: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How a registration stands; ``differences`` from what is served now, each in words."""

    record: Record
    differences: tuple[str, ...]


class Registrar:
    """Keeps one CIMOM's registration in step with what the daemon serves."""

    def __init__(self, cimom: Cimom, wanted: Sequence[WantedNamespace], state_dir: Path) -> None:
        self._cimom = cimom
        self._wanted = wanted
        self._state_dir = state_dir

    def register(self, namespace: str | None, library: Path | None, *, take_over: bool, dry: bool) -> Outcome:
        """Register, or bring an older registration up to date; nothing is done where nothing differs."""
        self._cimom.check()
        record = self._record()
        name = namespace or (record.namespace if record else IMPLEMENTATION)
        plans = self._plans(name, record)
        if not take_over:
            refuse_foreign(plans)
        place, made = place_library(self._cimom.library_folders(), library, dry=dry)
        link = str(made) if made else None
        if dry:
            files = self._cimom.files(plans, __version__)
            changed = record is None or bool(self._differences(record, plans))
            return Outcome(changed, plans, files=files, user=self._cimom.user())
        if record is None or self._differences(record, plans):
            notes, plans, record = self._renew(name, record, _digest(self._cimom, plans), link)
            return Outcome(changed=True, plans=plans, notes=notes, user=record.user)
        if link != record.link:
            record.link = link
            write_record(self._state_dir, record, self._cimom.root)
        return Outcome(changed=False, plans=plans, notes=(f"the library is {place}",), user=record.user)

    def unregister(self, *, dry: bool) -> Outcome:
        """Undo a registration, and give back what it had taken over."""
        self._cimom.check()
        record = self._record()
        if record is None:
            return Outcome(changed=False)
        if dry:
            return Outcome(changed=True, notes=tuple(_undone(record)))
        notes = self._cimom.unload(record)
        if record.replaced:
            self._cimom.give_back(record.replaced)
        if record.link:
            Path(record.link).unlink(missing_ok=True)
        remove_record(self._state_dir, self._cimom.name, self._cimom.root)
        return Outcome(changed=True, notes=tuple(notes))

    def status(self) -> Status | None:
        """Tell how the registration stands, None where there is none."""
        self._cimom.check()
        record = self._record()
        if record is None:
            return None
        plans = self._plans(record.namespace, record)
        return Status(record, tuple(self._differences(record, plans)))

    def _renew(
        self, name: str, old: Record | None, digest: str, link: str | None
    ) -> tuple[tuple[str, ...], tuple[NamespacePlan, ...], Record]:
        notes = self._cimom.unload(old) if old else []
        plans = self._plans(name, None)
        taken = self._cimom.noted(plans) if any(plan.foreign for plan in plans) else {}
        record = Record(
            cimom=self._cimom.name,
            root=str(self._cimom.root),
            version=__version__,
            digest=digest,
            user=self._cimom.user(),
            namespace=name,
            loaded={plan.name: [*self._stayed(plan, old), *plan.missing, *plan.ours] for plan in plans},
            lacking=[f"{one} in {plan.name}" for plan in plans for one in plan.lacking],
            link=link,
            names=self._names(name),
            replaced=joined(old.replaced, taken) if old else taken,
        )
        write_record(self._state_dir, record, self._cimom.root)
        if taken:
            self._cimom.take_over(taken)
            plans = self._plans(name, None)
            refuse_foreign(plans)
        self._cimom.load(plans, __version__)
        record.is_complete = True
        write_record(self._state_dir, record, self._cimom.root)
        return tuple(notes), plans, record

    def _stayed(self, plan: NamespacePlan, old: Record | None) -> list[str]:
        """Return an older registration's classes that could not be removed: they stay ours to remove."""
        names = old.loaded.get(plan.name, []) if old else []
        there = self._cimom.namespace(plan.name).classes if names else {}
        return [name for name in names if name.lower() in there]

    def _record(self) -> Record | None:
        return read_record(self._state_dir, self._cimom.name, self._cimom.root)

    def _names(self, implementation: str) -> dict[str, str]:
        return {IMPLEMENTATION: implementation, INTEROP: self._cimom.interop()}

    def _plans(self, implementation: str, record: Record | None) -> tuple[NamespacePlan, ...]:
        names = self._names(implementation)
        loaded = record.loaded if record else {}
        plans = []
        for wanted in self._wanted:
            name = names.get(wanted.name, wanted.name)
            plans.append(
                plan_namespace(
                    wanted,
                    name,
                    self._cimom.namespace(name),
                    loaded=loaded.get(name, ()),
                    unusable=self._cimom.unusable,
                )
            )
        return tuple(plans)

    def _differences(self, record: Record, plans: Sequence[NamespacePlan]) -> list[str]:
        found = []
        if not record.is_complete:
            found.append("the last registration was interrupted")
        if record.version != __version__:
            found.append(f"it was made by version {record.version}, this is {__version__}")
        expected, registered = self._cimom.expected(plans), self._cimom.registered()
        found += _named("not registered", expected - registered)
        found += _named("registered, but not served", registered - expected)
        for plan in plans:
            there = self._cimom.namespace(plan.name).classes
            gone = [name for name in (*plan.missing, *plan.ours) if name.lower() not in there]
            found += _named(f"not loaded in {plan.name}", gone)
        if record.digest != _digest(self._cimom, plans):
            found.append("classes are not as they are served now, or the CIMOM's own have changed")
        if record.names != self._names(record.namespace):
            found.append("the CIMOM's namespaces are called otherwise")
        if record.user != self._cimom.user():
            found.append(f"the CIMOM now runs as {self._cimom.user()}, not {record.user}")
        if not any((folder / LIBRARY).exists() for folder in self._cimom.library_folders()):
            found.append(f"{LIBRARY} is not where the CIMOM looks for it")
        return found


def joined(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Join what two registrations took over; what was there first stands."""
    result = dict(old)
    for name, value in new.items():
        if name not in old:
            result[name] = value
        elif isinstance(value, list):
            result[name] = [*old[name], *(one for one in value if one not in old[name])]
        elif isinstance(value, dict):
            result[name] = joined(old[name], value)
    return result


def _digest(cimom: Cimom, plans: Iterable[NamespacePlan]) -> str:
    return digest_of(
        *(f"{plan.name}\n{plan.mof}" for plan in plans), *map(str, sorted(cimom.expected(plans)))
    )


def _named(what: str, items: Iterable[object]) -> list[str]:
    names = sorted(" ".join(one[:2][::-1]) if isinstance(one, tuple) else str(one) for one in items)
    if not names:
        return []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"{what}: {', '.join(names[:_NAMED])}{more}"]


def _undone(record: Record) -> list[str]:
    return [f"{len(names)} classes of {namespace}" for namespace, names in record.loaded.items()]
