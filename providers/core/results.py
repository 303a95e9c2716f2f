"""What operations answer, before a protocol turns it into bytes or frames.

Rows are turned into values by the codec, one by one and only as far as they are sent; a codec
keeps what it encoded (see `Served.cache_key`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.mof.model import ClassDecl, QualifierDecl
    from xencim.mof.values import TypedValue
    from xencim.providers.core.operations import PropertyList
    from xencim.providers.core.served import Served
    from xencim.providers.core.spec import Row


class Shape(NamedTuple):
    """How much of an instance is wanted: property names in lower case, None for all."""

    include_class_origin: bool = False
    properties: frozenset[str] | None = None


class Batch(NamedTuple):
    """Instances of one class. ``whole``: ``rows`` is all there is of it at ``generation``."""

    served: Served
    rows: Iterable[Row]
    whole: bool = False
    generation: int = -1


WHOLE = Shape()


@dataclass(frozen=True, slots=True)
class Instances:
    """Instances (with whatever kind of path the operation's reply has)."""

    batches: Iterable[Batch]
    shape: Shape = WHOLE


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths of instances."""

    batches: Iterable[Batch]


@dataclass(frozen=True, slots=True)
class Page:
    """One step of a pulled enumeration."""

    content: Instances | Paths
    context: str  # empty at the end
    end_of_sequence: bool


@dataclass(frozen=True, slots=True)
class Classes:
    """Class declarations; ``named`` ones carry their path (associations of a class)."""

    classes: tuple[ClassDecl, ...]
    namespace: str
    host: str
    local_only: bool = False
    include_qualifiers: bool = True
    include_class_origin: bool = False
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Names of classes; their paths where the operation's reply has paths."""

    names: tuple[str, ...]
    namespace: str
    host: str


@dataclass(frozen=True, slots=True)
class Qualifiers:
    """Qualifier types."""

    qualifiers: tuple[QualifierDecl, ...]


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """The answer of GetProperty."""

    value: TypedValue
    is_array: bool


@dataclass(frozen=True, slots=True)
class OutParameter:
    """One value that a method gives back."""

    name: str
    type: str
    is_array: bool
    embedded: str | None
    value: object  # a Value


@dataclass(frozen=True, slots=True)
class MethodReturn:
    """The answer of a method."""

    method: str
    return_type: str
    return_value: object  # a Value
    out: tuple[OutParameter, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Done:
    """The answer of an operation that has none."""


Result: TypeAlias = (
    Instances | Paths | Page | Classes | ClassNames | Qualifiers | PropertyValue | MethodReturn | Done
)
