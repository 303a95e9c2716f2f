"""The prefix of our classes: ``Xen_`` in the MOF, and whatever a namespace serves them under.

A prefix is applied to names that are compared as names: of the class, its superclass and classes of
origin, reference classes, EmbeddedInstance and Propagated. Text is left alone.

Source: DSP0004 2.8, section 5.6.3 (EmbeddedInstance, Propagated).
Errors: none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.mof.model import ClassDecl, ClassRepository, MethodDecl, ParameterDecl, PropertyDecl, Qualifier

if TYPE_CHECKING:
    from collections.abc import Iterable

_OURS = "Xen_"
_NAMING_QUALIFIERS = frozenset({"embeddedinstance", "propagated"})


def is_ours(class_name: str) -> bool:
    """Tell whether a class as the MOF names it is one of ours."""
    return class_name.lower().startswith(_OURS.lower())


def prefixed(class_name: str, prefix: str) -> str:
    """Return the name under which a class is served; a DMTF class keeps its own."""
    return f"{prefix}_{class_name[len(_OURS) :]}" if is_ours(class_name) else class_name


def with_prefixes(repository: ClassRepository, prefixes: Iterable[str]) -> ClassRepository:
    """Return the classes with ours once for each prefix ("Xen", "KVM", …)."""
    wanted = list(dict.fromkeys(prefixes))
    if [f"{prefix}_" for prefix in wanted] == [_OURS]:
        return repository
    dmtf = [decl for decl in repository.classes.values() if not is_ours(decl.name)]
    ours = [decl for decl in repository.classes.values() if is_ours(decl.name)]
    served = [_rename(decl, prefix) for prefix in wanted for decl in ours]
    return ClassRepository([*dmtf, *served], repository.qualifiers.values())


def _rename(decl: ClassDecl, prefix: str) -> ClassDecl:
    return decl if f"{prefix}_" == _OURS else _Renamer(prefix).rename(decl)


class _Renamer:
    """Applies one prefix; elements and qualifiers without one of our names stay the same objects."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def rename(self, decl: ClassDecl) -> ClassDecl:
        """Return the class under its served name."""
        return ClassDecl(
            name=self._name(decl.name),
            superclass=self._name(decl.superclass) if decl.superclass else None,
            properties=tuple(self._property(p) for p in decl.properties),
            methods=tuple(self._method(m) for m in decl.methods),
            qualifiers=self._qualifiers(decl.qualifiers),
        )

    def _name(self, name: str) -> str:
        return prefixed(name, self._prefix)

    def _property(self, old: PropertyDecl) -> PropertyDecl:
        if not (is_ours(old.class_origin) or _names_ours(old)):
            return old
        return replace(
            old,
            reference_class=self._name(old.reference_class) if old.reference_class else None,
            qualifiers=self._qualifiers(old.qualifiers),
            class_origin=self._name(old.class_origin),
        )

    def _method(self, old: MethodDecl) -> MethodDecl:
        if not (is_ours(old.class_origin) or _names_ours(old) or any(map(_names_ours, old.parameters))):
            return old
        return replace(
            old,
            parameters=tuple(self._parameter(p) for p in old.parameters),
            qualifiers=self._qualifiers(old.qualifiers),
            class_origin=self._name(old.class_origin),
        )

    def _parameter(self, old: ParameterDecl) -> ParameterDecl:
        if not _names_ours(old):
            return old
        return replace(
            old,
            reference_class=self._name(old.reference_class) if old.reference_class else None,
            qualifiers=self._qualifiers(old.qualifiers),
        )

    def _qualifiers(self, old: tuple[Qualifier, ...]) -> tuple[Qualifier, ...]:
        return tuple(replace(q, value=self._name(str(q.value))) if _is_name(q) else q for q in old)


def _is_name(qualifier: Qualifier) -> bool:
    """Tell whether the qualifier's value begins with the name of one of our classes."""
    return qualifier.name.lower() in _NAMING_QUALIFIERS and is_ours(str(qualifier.value))


def _names_ours(element: PropertyDecl | ParameterDecl | MethodDecl) -> bool:
    reference = None if isinstance(element, MethodDecl) else element.reference_class
    return (reference is not None and is_ours(reference)) or any(_is_name(q) for q in element.qualifiers)
