"""How a class is declared: where its rows come from and what each property is told from.

CIM types, keys, units, ValueMaps and signatures are in MOF only; a spec says how records become
values. A *row* is a tuple of records, one instance's source; everything an instance depends on is
in its row, for an answer is kept as long as its row's records are the same objects.

Names of classes are without prefix ("ComputerSystem" is served as Xen_ComputerSystem or
KVM_ComputerSystem); names that begin with CIM_ are taken as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from xencim.providers.core.access import Access, Principal
from xencim.providers.core.asking.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from xencim.mof.values import KeyValue, Path, Value
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.inventory import Inventory, View
    from xencim.providers.core.asking.sampler import Sampler
    from xencim.providers.core.asking.samples import Asked
    from xencim.providers.core.events.subscriptions import Subscriptions
    from xencim.providers.core.jobs.engine import JobEngine
    from xencim.providers.core.reservations import Reservations
    from xencim.providers.security.enforcement.keeper import Security

Row: TypeAlias = tuple[Any, ...]
Keys: TypeAlias = "Mapping[str, KeyValue]"


class Home(Enum):
    """The namespace in which a class has its instances."""

    IMPLEMENTATION = "root/virt"
    INTEROP = "interop"


@dataclass(frozen=True, slots=True)
class Context:
    """What the functions of a spec may read: one host's records, the server's own, what was asked last."""

    view: View
    server: View
    samples: Samples = field(default_factory=Samples)


@dataclass(frozen=True, slots=True)
class Const:
    """A value that is the same for every instance."""

    value: Value


@dataclass(frozen=True, slots=True)
class ClassName:
    """The name of a class with the prefix it is served under; of the spec's own where None."""

    of: str | None = None


@dataclass(frozen=True, slots=True)
class Prop:
    """A property: ``get`` is called with the row's records, one argument each.

    ``source`` names where the value comes from: the libvirt or Xen call, the profile's clause, or
    "constant: why". An association's ``get`` is called with its two rows, left and right. What
    ``is_placed`` depends on the namespace: its name comes before the records.
    """

    name: str
    get: Callable[..., Value] | Const | ClassName
    source: str
    is_placed: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Where a class's instances come from.

    ``find`` is given an instance's keys, names in lower case, and returns the only row that could
    have them; the engine compares all keys afterwards, so it may look at as few as it needs.
    """

    kinds: tuple[type, ...]
    all: Callable[[Context], Iterable[Row]]
    find: Callable[[Context, Keys], Row | None]


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A call of a method on one instance; parameters are checked and converted by MOF."""

    context: Context
    row: Row
    path: Path
    parameters: Mapping[str, Value]  # names in lower case; absent ones are not there
    principal: Principal
    backend: Backend
    inventory: Inventory
    jobs: JobEngine
    security: Security
    reservations: Reservations
    sampler: Sampler
    is_rehearsal: bool = False  # all is checked, nothing is done


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What a method answers; ``out`` by the parameters' names in MOF."""

    return_value: Value
    out: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """A method that is carried out; those of the class that are not listed answer METHOD_NOT_AVAILABLE."""

    name: str
    call: Callable[[MethodCall], Awaitable[MethodResult]]
    access: Access


@dataclass(frozen=True, slots=True)
class InstanceChange:
    """An instance that a client wants made, changed or deleted; values are checked and converted by MOF.

    ``row`` is that of the instance, None for one that is to be made. ``values`` are by names in lower
    case; of a change, they are those that differ from what is there, and no keys.
    """

    context: Context
    row: Row | None
    values: Mapping[str, Value]
    principal: Principal
    is_admin: bool
    subscriptions: Subscriptions
    backend: Backend
    inventory: Inventory
    jobs: JobEngine


@dataclass(frozen=True, slots=True)
class Writes:
    """How a class's instances are made, changed and deleted by clients; None: they are not.

    ``create`` returns the new instance's keys.
    """

    access: Access
    create: Callable[[InstanceChange], Awaitable[Keys]] | None = None
    modify: Callable[[InstanceChange], Awaitable[None]] | None = None
    delete: Callable[[InstanceChange], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassSpec:
    """A class with instances. Several specs may feed one class (machines' settings and templates)."""

    cim_class: str
    rows: Rows
    keys: tuple[Prop, ...]
    props: tuple[Prop, ...] = ()
    methods: tuple[MethodSpec, ...] = ()
    home: Home = Home.IMPLEMENTATION
    profiles: tuple[str, ...] = ()  # DSP numbers
    prefixes: frozenset[str] | None = None  # None: every backend
    unfilled: Mapping[str, str] = field(default_factory=dict)  # property: why it is NULL
    is_volatile: bool = False  # values change with time alone: nothing that was encoded is kept
    refreshes_storage: bool = False  # asks the backend to re-read pools before it answers
    asks: Asked | None = None  # what is asked before it is read; nothing that was encoded is kept
    writes: Writes | None = None
    read_access: Access = Access.READ


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Link:
    """One pair of classes that an association joins; both functions read inventory indexes."""

    left: ClassSpec
    right: ClassSpec
    rights_of: Callable[[Context, Row], Iterable[Row]]
    lefts_of: Callable[[Context, Row], Iterable[Row]]
    props: tuple[Prop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssocSpec:
    """An association: the names of its two references, and the pairs it joins.

    It is served in each namespace that one of its ends is at home in. ``references_have_host``: whether
    references tell the host, as the paths of instances do.
    """

    cim_class: str
    left_role: str
    right_role: str
    links: tuple[Link, ...]
    profiles: tuple[str, ...] = ()
    prefixes: frozenset[str] | None = None
    unfilled: Mapping[str, str] = field(default_factory=dict)
    writes: Writes | None = None
    references_have_host: bool = True
    read_access: Access = Access.READ
