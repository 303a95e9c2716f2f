"""Compiled class declarations: plain frozen data, and lookups over them.

Names keep the case of their MOF; every lookup ignores case. ``ClassDecl`` is resolved: inherited
properties, methods and qualifiers are in it, each with its class of origin.

Source: DSP0004 3.0, section 5.6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xencim.mof.values import Value


@dataclass(frozen=True, slots=True)
class Qualifier:
    """A qualifier value, its flavours already combined with its declaration's."""

    name: str
    type: str
    value: Value
    is_array: bool = False
    propagated: bool = False
    overridable: bool = True
    tosubclass: bool = True
    toinstance: bool = False
    translatable: bool = False


@dataclass(frozen=True, slots=True)
class QualifierDecl:
    """A qualifier type; ``scopes`` are lower case (class, property, …, any)."""

    name: str
    type: str
    value: Value
    is_array: bool = False
    array_size: int | None = None
    scopes: frozenset[str] = frozenset()
    overridable: bool = True
    tosubclass: bool = True
    toinstance: bool = False
    translatable: bool = False


@dataclass(frozen=True, slots=True)
class _Element:
    name: str
    type: str
    is_array: bool = False
    array_size: int | None = None
    reference_class: str | None = None
    qualifiers: tuple[Qualifier, ...] = ()

    def qualifier(self, name: str) -> Value:
        """Return the value of the qualifier called ``name``, None when it is not there."""
        wanted = name.lower()
        return next((q.value for q in self.qualifiers if q.name.lower() == wanted), None)

    @property
    def embedded(self) -> str | None:
        """The class an embedded value must be of; "" for any object; None when it is not embedded."""
        if (required := self.qualifier("EmbeddedInstance")) is not None:
            return str(required)
        return "" if self.qualifier("EmbeddedObject") else None


@dataclass(frozen=True, slots=True)
class PropertyDecl(_Element):
    """A property or, with type "reference", a reference; ``value`` is the declared default."""

    value: Value = None
    class_origin: str = ""
    propagated: bool = False

    @property
    def is_key(self) -> bool:
        """Whether the property is part of its instances' paths."""
        return self.qualifier("Key") is True


@dataclass(frozen=True, slots=True)
class ParameterDecl(_Element):
    """A method's parameter."""

    @property
    def is_in(self) -> bool:
        """Whether the caller gives it (IN is TRUE by default, DSP0004 5.6.3)."""
        return self.qualifier("In") is not False

    @property
    def is_out(self) -> bool:
        """Whether the method returns it."""
        return self.qualifier("Out") is True


@dataclass(frozen=True, slots=True)
class MethodDecl:
    """A method; ``return_type`` is an intrinsic type."""

    name: str
    return_type: str
    parameters: tuple[ParameterDecl, ...] = ()
    qualifiers: tuple[Qualifier, ...] = ()
    class_origin: str = ""
    propagated: bool = False


@dataclass(frozen=True, slots=True)
class ClassDecl:
    """A class with all that it inherits."""

    name: str
    superclass: str | None = None
    properties: tuple[PropertyDecl, ...] = ()
    methods: tuple[MethodDecl, ...] = ()
    qualifiers: tuple[Qualifier, ...] = ()
    keys: tuple[PropertyDecl, ...] = field(init=False, repr=False, compare=False)
    _by_name: dict[str, PropertyDecl] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(p for p in self.properties if p.is_key))
        object.__setattr__(self, "_by_name", {p.name.lower(): p for p in self.properties})

    def find_property(self, name: str) -> PropertyDecl | None:
        """Return the property called ``name``, None when the class has none."""
        return self._by_name.get(name.lower())

    def find_method(self, name: str) -> MethodDecl | None:
        """Return the method called ``name``, None when the class has none."""
        wanted = name.lower()
        return next((m for m in self.methods if m.name.lower() == wanted), None)

    def qualifier(self, name: str) -> Value:
        """Return the value of the class's qualifier called ``name``, None when it is not there."""
        wanted = name.lower()
        return next((q.value for q in self.qualifiers if q.name.lower() == wanted), None)

    @property
    def is_association(self) -> bool:
        """Whether the class is an association."""
        return self.qualifier("Association") is True

    @property
    def is_abstract(self) -> bool:
        """Whether the class can have no instances of its own."""
        return self.qualifier("Abstract") is True


class ClassRepository:
    """The classes and qualifier types of a namespace; immutable once made."""

    def __init__(self, classes: Iterable[ClassDecl], qualifiers: Iterable[QualifierDecl]) -> None:
        self._classes = {c.name.lower(): c for c in classes}
        self._qualifiers = {q.name.lower(): q for q in qualifiers}
        self._children: dict[str, list[str]] = {}
        for decl in self._classes.values():
            self._children.setdefault((decl.superclass or "").lower(), []).append(decl.name)

    @property
    def classes(self) -> Mapping[str, ClassDecl]:
        """Every class by its name in lower case."""
        return self._classes

    @property
    def qualifiers(self) -> Mapping[str, QualifierDecl]:
        """Every qualifier type by its name in lower case."""
        return self._qualifiers

    def find(self, name: str) -> ClassDecl | None:
        """Return the class called ``name``, None when there is none."""
        return self._classes.get(name.lower())

    def lineage(self, name: str) -> tuple[str, ...]:
        """Return the names of the class and its superclasses, itself first; empty when unknown."""
        names = []
        decl = self.find(name)
        while decl is not None:
            names.append(decl.name)
            decl = self.find(decl.superclass) if decl.superclass else None
        return tuple(names)

    def is_a(self, name: str, ancestor: str) -> bool:
        """Tell whether ``name`` is ``ancestor`` or a subclass of it."""
        wanted = ancestor.lower()
        return any(n.lower() == wanted for n in self.lineage(name))

    def subclasses(self, name: str | None, *, deep: bool) -> tuple[str, ...]:
        """Return the names of the subclasses, not the class itself; None stands for the top."""
        found = list(self._children.get((name or "").lower(), ()))
        if deep:
            for child in tuple(found):
                found.extend(self.subclasses(child, deep=True))
        return tuple(found)
