"""Inheritance: from classes as their MOF says them to classes with all that they inherit.

An element with the name of an inherited one overrides it: it stands in that one's place, keeps its class
of origin, and takes from it the default value and the qualifiers that it does not give itself.
A qualifier goes down unless its flavour is Restricted; one with DisableOverride keeps its value.
Elements that nobody changes are the same objects in all classes below the first that inherits them.

Source: DSP0004 2.8, sections 5.6.1 (qualifiers, propagation and flavours) and 5.6.3 (Override).
Errors: SchemaError.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.mof.declarations import SchemaError, classes_named_by
from xencim.mof.model import ClassDecl, MethodDecl, ParameterDecl, PropertyDecl, Qualifier

if TYPE_CHECKING:
    from collections.abc import Mapping


def resolve(declared: Mapping[str, ClassDecl]) -> dict[str, ClassDecl]:
    """Give every class what it inherits; keys are names in lower case, superclasses come first."""
    resolver = _Resolver(declared)
    for name in declared:
        resolver.resolve(name)
    return resolver.resolved


def check_references(declared: Mapping[str, ClassDecl]) -> None:
    """Raise SchemaError where a class names one that is not declared."""
    for decl in declared.values():
        for name in classes_named_by(decl):
            if name.lower() not in declared:
                raise SchemaError(f"class {decl.name} names {name}, which is not declared")


class _Resolver:
    def __init__(self, declared: Mapping[str, ClassDecl]) -> None:
        self.resolved: dict[str, ClassDecl] = {}
        self._declared = declared
        # Siblings share what they inherit; by identity, which `resolved` keeps alive.
        self._properties: dict[int, PropertyDecl] = {}
        self._methods: dict[int, MethodDecl] = {}

    def resolve(self, name: str) -> None:
        """Resolve the class called ``name`` (lower case) and those above it."""
        line: list[ClassDecl] = []
        key: str | None = name
        while key is not None and key not in self.resolved:
            decl = self._declared.get(key)
            if decl is None:
                raise SchemaError(
                    f"class {line[-1].name}: its superclass {line[-1].superclass} is not declared"
                )
            if decl in line:
                raise SchemaError(f"class {decl.name} is above itself")
            line.append(decl)
            key = decl.superclass.lower() if decl.superclass else None
        above = self.resolved[key] if key is not None else None
        for decl in reversed(line):
            above = self._derive(decl, above)
            self.resolved[decl.name.lower()] = above

    def _derive(self, decl: ClassDecl, above: ClassDecl | None) -> ClassDecl:
        properties = {p.name.lower(): self._inherit_property(p) for p in above.properties} if above else {}
        for own in decl.properties:
            key = own.name.lower()
            _check_override(own, properties.get(key), decl.name)
            properties[key] = _override_property(own, properties.get(key), decl.name)
        methods = {m.name.lower(): self._inherit_method(m) for m in above.methods} if above else {}
        for method in decl.methods:
            key = method.name.lower()
            _check_override(method, methods.get(key), decl.name)
            methods[key] = _override_method(method, methods.get(key), decl.name)
        return ClassDecl(
            name=decl.name,
            superclass=above.name if above else None,
            properties=tuple(properties.values()),
            methods=tuple(methods.values()),
            qualifiers=_merge(decl.qualifiers, above.qualifiers if above else (), decl.name),
        )

    def _inherit_property(self, element: PropertyDecl) -> PropertyDecl:
        if element.propagated and _is_inherited(element.qualifiers):
            return element
        known = self._properties.get(id(element))
        if known is None:
            known = replace(element, propagated=True, qualifiers=_inherit(element.qualifiers))
            self._properties[id(element)] = known
        return known

    def _inherit_method(self, method: MethodDecl) -> MethodDecl:
        if method.propagated and _is_inherited(method.qualifiers):
            return method
        known = self._methods.get(id(method))
        if known is None:
            known = replace(
                method,
                propagated=True,
                qualifiers=_inherit(method.qualifiers),
                parameters=tuple(replace(p, qualifiers=_inherit(p.qualifiers)) for p in method.parameters),
            )
            self._methods[id(method)] = known
        return known


def _is_inherited(qualifiers: tuple[Qualifier, ...]) -> bool:
    return all(q.propagated for q in qualifiers)


def _inherit(qualifiers: tuple[Qualifier, ...]) -> tuple[Qualifier, ...]:
    return tuple(q if q.propagated else replace(q, propagated=True) for q in qualifiers if q.tosubclass)


def _merge(own: tuple[Qualifier, ...], above: tuple[Qualifier, ...], where: str) -> tuple[Qualifier, ...]:
    """Join an element's own qualifiers with those that come down to it."""
    given = {q.name.lower(): q for q in own}
    for inherited in above:
        mine = given.get(inherited.name.lower())
        if mine and inherited.tosubclass and not inherited.overridable and mine.value != inherited.value:
            raise SchemaError(f"{where}: qualifier {mine.name} is {inherited.value!r} above and must stay so")
    return (*own, *_inherit(tuple(q for q in above if q.name.lower() not in given)))


def _check_override(
    own: PropertyDecl | MethodDecl, inherited: PropertyDecl | MethodDecl | None, owner: str
) -> None:
    named = next((q.value for q in own.qualifiers if q.name == "Override"), None)
    if named is not None and (inherited is None or str(named).lower() != own.name.lower()):
        raise SchemaError(
            f"class {owner}: {own.name} overrides {named}, which it does not inherit by that name"
        )


def _override_property(own: PropertyDecl, inherited: PropertyDecl | None, owner: str) -> PropertyDecl:
    if inherited is None:
        return own
    where = f"class {owner}, property {own.name}"
    if (own.type, own.is_array) != (inherited.type, inherited.is_array):
        raise SchemaError(f"{where}: its type differs from the inherited {_type_text(inherited)}")
    return replace(
        own,
        class_origin=inherited.class_origin,
        value=inherited.value if own.value is None else own.value,
        qualifiers=_merge(own.qualifiers, inherited.qualifiers, where),
    )


def _override_method(own: MethodDecl, inherited: MethodDecl | None, owner: str) -> MethodDecl:
    if inherited is None:
        return own
    where = f"class {owner}, method {own.name}"
    if own.return_type != inherited.return_type:
        raise SchemaError(f"{where}: it returns {own.return_type}, the inherited one {inherited.return_type}")
    above = {p.name.lower(): p for p in inherited.parameters}
    return replace(
        own,
        class_origin=inherited.class_origin,
        qualifiers=_merge(own.qualifiers, inherited.qualifiers, where),
        parameters=tuple(_override_parameter(p, above.get(p.name.lower()), where) for p in own.parameters),
    )


def _override_parameter(own: ParameterDecl, inherited: ParameterDecl | None, where: str) -> ParameterDecl:
    if inherited is None:
        return own
    return replace(own, qualifiers=_merge(own.qualifiers, inherited.qualifiers, f"{where}, {own.name}"))


def _type_text(element: PropertyDecl) -> str:
    return f"{element.type}[]" if element.is_array else element.type
