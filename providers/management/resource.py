"""Resource settings as changes of a machine's definitions: modified, added, removed.

All of it is arithmetic on records: a wanted machine comes out, and nothing has happened yet. What is
said of current settings holds for a running machine and for what is stored of it, unless the resource
is not part of what is stored.

Source: DSP1042 1.0, 8.2 (Add-, Modify-, RemoveResourceSettings); docs/architecture.md, "Names".
Errors: CimError INVALID_PARAMETER, naming what is wrong; FAILED for what each machine has one of, as
libvirt-cim; NOT_FOUND.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.given import demand_told, differing, same, told
from xencim.providers.vm.rows import Origin, config_of, origins, setting_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.records import MachineConfig, VirtualMachine
    from xencim.providers.core.spec import ClassSpec, Context, Row
    from xencim.providers.management.given import Given
    from xencim.providers.vm.rows import Parts


@dataclass(frozen=True, slots=True)
class Scene:
    """What a resource is set in."""

    context: Context
    machine: VirtualMachine
    origin: Origin

    @property
    def is_live(self) -> bool:
        """Whether it is what a machine runs with."""
        return self.origin is Origin.CURRENT and self.machine.state.is_active


Setter: TypeAlias = "Callable[[Any, Any, Scene], Any]"


def _as_given(asked: Given, _is_new: bool) -> Given:  # noqa: FBT001 - a fact
    return asked


def _complete(asked: Given, _context: Context, _machine: VirtualMachine) -> Given:
    return asked


def _in_its_place(part: Any, _others: tuple[Any, ...]) -> Any:  # noqa: ANN401 - any record of a part
    return part


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A class of settings that clients may write.

    ``setters`` are carried out in their order, then ``beyond``: what is not in the part itself. ``make``
    begins a new part; None: each machine has exactly one. ``normalised`` brings values into the records'
    units, ``completed`` adds what is made up once for a new one, ``placed`` gives a new one its place among
    the others. What is ``write_only`` is never told, so nothing says whether it was applied. ``impossible``
    is what the standard has and no hypervisor here does, with the reason.
    """

    spec: ClassSpec
    parts: Parts
    field: str  # of MachineConfig
    resource_types: tuple[int, ...]
    setters: Mapping[str, Setter]
    write_only: frozenset[str] = frozenset()
    impossible: Mapping[str, str] | None = None
    beyond: Mapping[str, Callable[[MachineConfig, Any], MachineConfig]] | None = None
    make: Callable[[Given, Scene], Any] | None = None
    normalised: Callable[[Given, bool], Given] = _as_given
    completed: Callable[[Given, Context, VirtualMachine], Given] = _complete
    placed: Callable[[Any, tuple[Any, ...]], Any] = _in_its_place

    def of(self, config: MachineConfig) -> tuple[Any, ...]:
        """Return the parts of a definition."""
        return tuple(self.parts.of(config))

    def into(self, config: MachineConfig, parts: tuple[Any, ...]) -> MachineConfig:
        """Return a definition with other parts."""
        changed: dict[str, Any] = {self.field: parts if self.make else parts[0]}
        return replace(config, **changed)

    def row(self, context: Context, machine: VirtualMachine, ident: str, origin: Origin) -> Row:
        """Return the row of one of a machine's settings; NOT_FOUND where there is none (any more)."""
        for row in self.parts.settings(context, machine, origin):
            if self.parts.ident(row[1]) == ident:
                return row
        raise CimError(Status.NOT_FOUND, f"there is no {setting_id(machine, ident, origin)} to be changed")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A wanted machine, the settings that are meant, and what they are to tell (None: be gone)."""

    machine: VirtualMachine
    setting: str  # the InstanceID
    tells: Mapping[str, Value] | None


def affected(machine: VirtualMachine, origin: Origin) -> tuple[Origin, ...]:
    """Return the definitions that a change of one of them is made in."""
    return origins(machine) if origin is Origin.CURRENT else (origin,)


def _with(machine: VirtualMachine, origin: Origin, config: MachineConfig) -> VirtualMachine:
    if origin is Origin.CURRENT:
        return replace(machine, current=config)
    return replace(machine, stored=config)


def _config(machine: VirtualMachine, origin: Origin) -> MachineConfig:
    config = config_of(machine, origin)
    if config is None:
        raise LookupError(f"{machine.name} has no {origin.name.lower()} definition")
    return config


def modify(resource: Resource, context: Context, machine: VirtualMachine, row: Row, asked: Given) -> Outcome:
    """Return a machine with one of its settings changed as asked."""
    asked = resource.normalised(asked, False)
    secrets = {name: asked.values[name] for name in resource.write_only if name in asked.values}
    wanted = differing(resource.spec, row, asked) | secrets
    return _modified(resource, context, machine, row, asked, wanted=wanted)


def set_first(
    resource: Resource,
    context: Context,
    machine: VirtualMachine,
    asked: Given,
    template: tuple[ClassSpec, Row] | None,
) -> Outcome:
    """Return a machine that is being defined, with settings of what each machine has one of."""
    row = next(iter(resource.parts.settings(context, machine, Origin.CURRENT)))
    asked = _new(resource, asked)
    wanted = differing(resource.spec, row, asked)
    return _modified(resource, context, machine, row, asked, wanted=_excused(resource, wanted, template))


def _modified(
    resource: Resource,
    context: Context,
    machine: VirtualMachine,
    row: Row,
    asked: Given,
    *,
    wanted: Mapping[str, Value],
) -> Outcome:
    for name, reason in (resource.impossible or {}).items():
        if name in wanted:
            hypervisor = context.view.host.hypervisor
            raise asked.refusal(name, f"{hypervisor} {reason}", Status.NOT_SUPPORTED)
    _, part, origin, *_ = row
    ident = new_ident = resource.parts.ident(part)
    for one in affected(machine, origin):
        config = _config(machine, one)
        parts = list(resource.of(config))
        index = next((n for n, item in enumerate(parts) if resource.parts.ident(item) == ident), None)
        if index is None:
            continue
        parts[index] = _set(resource, parts[index], wanted, Scene(context, machine, one))
        _demand_unique(resource, parts, asked)
        config = resource.into(config, tuple(parts))
        for name, change in (resource.beyond or {}).items():
            config = change(config, wanted[name]) if name in wanted else config
        machine = _with(machine, one, config)
        if one is origin:
            new_ident = resource.parts.ident(parts[index])
    after = resource.row(context, machine, new_ident, origin)
    tells = _told_back(resource, wanted)
    demand_told(resource.spec, after, asked, tells)
    return Outcome(machine, setting_id(machine, new_ident, origin), tells)


def _told_back(resource: Resource, wanted: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in wanted.items() if name not in resource.write_only}


def _new(resource: Resource, asked: Given) -> Given:
    """Return what is given for something new; InstanceIDs are the server's to give."""
    return resource.normalised(asked, True).without({"InstanceID"})


def _excused(
    resource: Resource, wanted: Mapping[str, Value], template: tuple[ClassSpec, Row] | None
) -> dict[str, Value]:
    """Leave out what a template tells of itself, and nobody can write."""
    return {
        name: value
        for name, value in wanted.items()
        if name in resource.setters or template is None or not same(value, told(*template, name))
    }


def add(
    resource: Resource,
    context: Context,
    machine: VirtualMachine,
    origin: Origin,
    asked: Given,
    *,
    template: tuple[ClassSpec, Row] | None = None,
) -> Outcome:
    """Return a machine with one more resource."""
    if resource.make is None:
        [resource_type, *_] = resource.resource_types
        raise CimError(
            Status.FAILED,
            f"{asked.what}: Cannot add resources of type {resource_type}: a machine has one of them",
        )
    asked = _new(resource, resource.completed(asked, context, machine))
    wanted = _excused(resource, asked.values, template)
    scene = Scene(context, machine, origin)
    part = _set(resource, resource.make(asked, scene), wanted, scene)
    ident = resource.parts.ident(part)
    for one in affected(machine, origin):
        config = _config(machine, one)
        others = resource.of(config)
        placed = resource.placed(part, others)
        if one is origin:
            ident = resource.parts.ident(placed)
        _demand_unique(resource, (*others, placed), asked)
        machine = _with(machine, one, resource.into(config, (*others, placed)))
    tells = _told_back(resource, wanted)
    demand_told(resource.spec, resource.row(context, machine, ident, origin), asked, tells)
    return Outcome(machine, setting_id(machine, ident, origin), tells)


def remove(resource: Resource, machine: VirtualMachine, row: Row) -> Outcome:
    """Return a machine without one of its resources."""
    _, part, origin, *_ = row
    ident = resource.parts.ident(part)
    if resource.make is None:
        [resource_type, *_] = resource.resource_types
        raise CimError(
            Status.FAILED,
            f"{setting_id(machine, ident, origin)}: Cannot delete resources of type {resource_type}",
        )
    for one in affected(machine, origin):
        config = _config(machine, one)
        left = tuple(item for item in resource.of(config) if resource.parts.ident(item) != ident)
        machine = _with(machine, one, resource.into(config, left))
    return Outcome(machine, setting_id(machine, ident, origin), None)


def _set(resource: Resource, part: Any, wanted: Mapping[str, Value], scene: Scene) -> Any:  # noqa: ANN401 - any record of a part
    for name, setter in resource.setters.items():
        if name in wanted:
            part = setter(part, wanted[name], scene)
    return part


def _demand_unique(resource: Resource, parts: list[Any] | tuple[Any, ...], asked: Given) -> None:
    idents = [resource.parts.ident(part) for part in parts]
    twice = next((ident for ident in idents if idents.count(ident) > 1), None)
    if twice is not None:
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{asked.what}: the machine has a {resource.spec.cim_class} {twice!r} already",
        )
