"""The settings of a machine's resources as they were when a snapshot was taken.

They are told as a machine's own are, by the same classes, and cannot be changed: ``web/vda;snapshot/before``.

Source: DSP1042 1.0, section 7 (a snapshot is a virtual system configuration of its own); DSP1041 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xencim.providers.backends.records import VirtualMachine
from xencim.providers.core.spec import Const, Link, Prop, Rows
from xencim.providers.snapshots import snapshot
from xencim.providers.snapshots.rows import named_snapshots, snapshot_named
from xencim.providers.vm.associations import SETTINGS
from xencim.providers.vm.rows import setting_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import ClassSpec, Context, Keys, Row
    from xencim.providers.vm.rows import Parts


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """One kind of part, as snapshots keep it; a row is that of a setting, with the snapshot as its origin."""

    parts: Parts

    def of(self, context: Context, row: Row) -> Iterator[Row]:
        """Yield the settings of a snapshot's row."""
        return self.parts.settings(context, row[0], row[2])

    def all(self, context: Context) -> Iterator[Row]:
        """Yield the settings of all snapshots."""
        for machine in context.view.all(VirtualMachine).values():
            for one in machine.snapshots:
                yield from self.parts.settings(context, machine, one)

    def find(self, context: Context, keys: Keys) -> Row | None:
        """Return the settings that an InstanceID names."""
        wanted = str(keys.get("instanceid"))
        for setting, name in named_snapshots(wanted):
            machine = context.view.machine_named(setting.rpartition("/")[0].replace(";;", ";"))
            for taken in snapshot_named(context, machine, name) if machine else ():
                for row in self.of(context, taken):
                    if setting_id(row[0], self.parts.ident(row[1]), row[2]) == wanted:
                        return row
        return None


def _spec(settings: ClassSpec, kept: _Kept) -> ClassSpec:
    fixed = Prop("ChangeableType", Const(0), source="constant: a snapshot cannot be changed")
    return replace(
        settings,
        rows=Rows(kinds=(VirtualMachine, *kept.parts.tail_kinds), all=kept.all, find=kept.find),
        props=tuple(fixed if prop.name == fixed.name else prop for prop in settings.props),
    )


def _link(settings: ClassSpec, kept: _Kept) -> Link:
    return Link(
        left=snapshot.SPEC,
        right=settings,
        rights_of=kept.of,
        lefts_of=lambda context, row: snapshot_named(context, row[0], row[2].name),
    )


_KEPT = tuple((_spec(settings, kept), kept) for settings, kept in ((s, _Kept(p)) for s, p in SETTINGS))
SPECS = tuple(settings for settings, _kept in _KEPT)
LINKS = tuple(_link(settings, kept) for settings, kept in _KEPT)
