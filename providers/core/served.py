"""A spec bound to a namespace, a prefix and its MOF class: what the engine and the codecs work with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from xencim.mof.values import KeyValue, Path
from xencim.providers.backends.records import PowerState, VirtualMachine
from xencim.providers.core.asking.sampler import Sampler
from xencim.providers.core.jobs.engine import JobEngine
from xencim.providers.core.kept_room import keeping
from xencim.providers.core.reservations import Reservations, Stage
from xencim.providers.core.spec import ClassName, Const, Context, Prop, Row
from xencim.providers.security.enforcement.guard import guarded
from xencim.providers.security.enforcement.keeper import Security

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xencim.mof.model import ClassDecl, PropertyDecl
    from xencim.mof.values import Value
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.inventory import Inventory, View
    from xencim.providers.core.spec import AssocSpec, ClassSpec, Keys, Link
    from xencim.providers.core.state import State


class Ref(NamedTuple):
    """The value of a reference in an association: an instance, whose path the codec may have kept."""

    served: ServedClass
    row: Row


class AssocRow(NamedTuple):
    """The row of an association's instance."""

    link: BoundLink
    left: Row
    right: Row


@dataclass(frozen=True, slots=True)
class ServedProperty:
    """A property as it is served. ``get`` is called with the row; None: always NULL.

    ``constant``: ``get`` gives the same for every row, whatever it is called with.
    A reference's value is a `Ref`.
    """

    decl: PropertyDecl
    get: Callable[[Any], Any] | None
    constant: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One backend's place: the namespace and prefix its classes are served under."""

    namespace: str
    prefix: str
    backend: Backend
    inventory: Inventory
    server: Inventory  # the server's own records
    interop: str = "interop"
    jobs: JobEngine = field(init=False)
    security: Security = field(init=False)
    reservations: Reservations = field(init=False, default_factory=Reservations)
    sampler: Sampler = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "jobs", JobEngine(self.inventory, self.namespace, self.prefix))
        object.__setattr__(self, "sampler", Sampler(lambda: self.backend))
        object.__setattr__(self, "security", Security(self.inventory, self.backend, self.reservations))
        # Nobody reaches the hypervisor past the policy and what is promised to others.
        kept = keeping(self.backend, self.reservations, self.inventory)
        object.__setattr__(self, "backend", guarded(kept, self.security))
        self.jobs.guard = self._why_not

    async def start_reservations(self, state: State, name: str) -> None:
        """Bring back what was promised; whose machine has arrived meanwhile is promised no more."""
        await self.reservations.start(state, name)
        for one in tuple(self.reservations.open()):
            machine = self.inventory.view.get(VirtualMachine, one.machine)
            if one.stage is Stage.COMMITTED and machine is not None and machine.state is PowerState.RUNNING:
                await self.reservations.advance(one, Stage.FINISHED)

    def _why_not(self, machine: str) -> str | None:
        """Tell why a machine is to be left alone: it is on its way here."""
        arriving = self.reservations.arriving(machine)
        present = self.inventory.view.get(VirtualMachine, machine)
        if arriving is None or (present is not None and present.state is PowerState.RUNNING):
            return None
        return f"{arriving.name} is being moved to this host at the wish of {arriving.principal}"

    def context(self, view: View | None = None) -> Context:
        """Return what specs may read, live or through a snapshot's view."""
        return Context(view or self.inventory.view, self.server.view, self.sampler.samples)

    def class_name(self, cim_class: str) -> str:
        """Return a spec's class name with this site's prefix."""
        return cim_class if cim_class.startswith("CIM_") else f"{self.prefix}_{cim_class}"


class Served:
    """What classes and associations have in common.

    ``properties`` are in the order of the class and hold every one of them; ``keys`` are the keys
    among them.
    """

    spec: ClassSpec | AssocSpec
    site: Site
    namespace: str
    decl: ClassDecl
    properties: tuple[ServedProperty, ...]
    keys: tuple[ServedProperty, ...]
    cacheable: bool

    @property
    def name(self) -> str:
        """The class's name, with prefix."""
        return self.decl.name

    @property
    def host(self) -> str:
        """What stands for HOST in paths: the name of the site's host."""
        return self.site.inventory.view.host.name

    def cache_key(self, row: Row) -> tuple[int, ...]:
        """Identify the records that an instance is made from; the keeper must hold on to ``row``."""
        return tuple(map(id, row))

    def path(self, row: Row) -> Path:
        """Return the path of an instance, complete with namespace and host."""
        keys = tuple((p.decl.name, _key_value(p, row)) for p in self.keys)
        return Path(self.name, keys, self.namespace, self.host)

    def value(self, row: Row, name: str) -> Value:
        """Return one property's value; KeyError when the class has no such property."""
        served = self._by_name[name.lower()]
        value = served.get(row) if served.get else None
        if isinstance(value, Ref):
            return value.served.path(value.row)
        return value

    def __init__(self, site: Site, namespace: str, decl: ClassDecl) -> None:
        self.site = site
        self.namespace = namespace
        self.decl = decl
        self._by_name: dict[str, ServedProperty] = {}

    def _bind(self, properties: Iterable[ServedProperty]) -> None:
        self.properties = tuple(properties)
        self.keys = tuple(p for p in self.properties if p.decl.is_key)
        self._by_name = {p.decl.name.lower(): p for p in self.properties}


class ServedClass(Served):
    """A `ClassSpec` at one site."""

    spec: ClassSpec

    def __init__(self, spec: ClassSpec, site: Site, namespace: str, decl: ClassDecl) -> None:
        super().__init__(site, namespace, decl)
        self.spec = spec
        self.cacheable = not (spec.is_volatile or spec.asks)
        props = {prop.name.lower(): prop for prop in (*spec.keys, *spec.props)}
        self._bind(self._served(p, props.get(p.name.lower())) for p in decl.properties)

    def _served(self, decl: PropertyDecl, prop: Prop | None) -> ServedProperty:
        if prop is None:
            return ServedProperty(decl, None)
        source = prop.get
        if isinstance(source, ClassName):
            source = Const(self.site.class_name(source.of or self.spec.cim_class))
        if isinstance(source, Const):
            value = source.value
            return ServedProperty(decl, lambda _row: value, constant=True)
        getter = partial(source, self.namespace) if prop.is_placed else source
        return ServedProperty(decl, lambda row: getter(*row))

    def rows(self, context: Context) -> Iterable[Row]:
        """Return the rows of all instances."""
        return self.spec.rows.all(context)

    def find(self, context: Context, keys: Keys) -> Row | None:
        """Return the row of the instance with exactly these keys (names in lower case)."""
        row = self.spec.rows.find(context, keys)
        if row is None:
            return None
        for served in self.keys:
            given = keys.get(served.decl.name.lower())
            if given is None or not _same_key(served, given, _key_value(served, row)):
                return None
        return row


class BoundLink:
    """A `Link` at one site: its two ends as they are served."""

    __slots__ = ("left", "link", "right", "site")

    def __init__(self, link: Link, site: Site, left: ServedClass, right: ServedClass) -> None:
        self.link = link
        self.site = site
        self.left = left
        self.right = right


class ServedAssoc(Served):
    """An `AssocSpec` in one namespace, over the sites that its ends are in."""

    spec: AssocSpec
    cacheable = False

    def __init__(
        self, spec: AssocSpec, site: Site, namespace: str, decl: ClassDecl, links: tuple[BoundLink, ...]
    ) -> None:
        super().__init__(site, namespace, decl)
        self.spec = spec
        self.links = links
        self._bind(self._served(p) for p in decl.properties)

    def _served(self, decl: PropertyDecl) -> ServedProperty:
        name = decl.name.lower()
        if name == self.spec.left_role.lower():
            return ServedProperty(decl, self._reference(lambda row: Ref(row.link.left, row.left)))
        if name == self.spec.right_role.lower():
            return ServedProperty(decl, self._reference(lambda row: Ref(row.link.right, row.right)))
        getters = {
            id(bound.link): prop.get
            for bound in self.links
            for prop in bound.link.props
            if prop.name.lower() == name
        }
        return ServedProperty(decl, self._getter(getters)) if getters else ServedProperty(decl, None)

    def _reference(self, get: Callable[[AssocRow], Ref]) -> Callable[[AssocRow], Ref | Path]:
        if self.spec.references_have_host:
            return get

        def get_local(row: AssocRow) -> Path:
            served, end = get(row)
            return replace(served.path(end), host=None)

        return get_local

    @staticmethod
    def _getter(getters: dict[int, Any]) -> Callable[[AssocRow], Any]:
        def get(row: AssocRow) -> Any:  # noqa: ANN401 - a Value; the codec checks it by MOF type
            getter = getters.get(id(row.link.link))
            if getter is None:
                return None
            return getter.value if isinstance(getter, Const) else getter(row.left, row.right)

        return get


def _key_value(served: ServedProperty, row: Row) -> KeyValue:
    value = served.get(row) if served.get else None
    if isinstance(value, Ref):
        return value.served.path(value.row)
    if value is None:
        raise ValueError(f"key {served.decl.name} is NULL")
    return value  # type: ignore[no-any-return]


def _same_key(served: ServedProperty, given: KeyValue, own: KeyValue) -> bool:
    if given == own:
        return True
    # A class's name is compared without case wherever it stands (DSP0004 5.7.1).
    if served.decl.name.lower().endswith("creationclassname"):
        return str(given).lower() == str(own).lower()
    return str(given) == str(own)
