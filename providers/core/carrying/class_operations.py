"""Operations on classes and qualifier types, and associations between classes.

Source: DSP0200 1.4, 5.3.2.1 and following; the association operations on class paths, 5.3.2.14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core import operations as op
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Classes, ClassNames, Qualifiers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.mof.model import ClassDecl
    from xencim.providers.core.carrying.reading import Traversal
    from xencim.providers.core.registry import Namespace
    from xencim.providers.core.results import Result


def answer(namespace: Namespace, request: op.Operation) -> Result | None:
    """Carry out an operation on classes or qualifier types; None for one that is neither."""
    match request:
        case op.GetClass():
            return get_class(namespace, request)
        case op.EnumerateClasses():
            return enumerate_classes(namespace, request)
        case op.EnumerateClassNames():
            return enumerate_class_names(namespace, request)
        case op.GetQualifier():
            return get_qualifier(namespace, request)
        case op.EnumerateQualifiers():
            return enumerate_qualifiers(namespace)
    return None


def get_class(namespace: Namespace, request: op.GetClass) -> Classes:
    """Answer GetClass."""
    decl = namespace.repository.find(request.class_name)
    if decl is None:
        raise CimError(Status.NOT_FOUND, f"namespace {namespace.name} has no class {request.class_name!r}")
    return Classes(
        (decl,),
        namespace.name,
        namespace.host,
        local_only=request.local_only,
        include_qualifiers=request.include_qualifiers,
        include_class_origin=request.include_class_origin,
        property_list=request.property_list,
    )


def enumerate_classes(namespace: Namespace, request: op.EnumerateClasses) -> Classes:
    """Answer EnumerateClasses."""
    names = _subclasses(namespace, request.class_name, deep=request.deep_inheritance)
    return Classes(
        tuple(namespace.demand_class(name) for name in names),
        namespace.name,
        namespace.host,
        local_only=request.local_only,
        include_qualifiers=request.include_qualifiers,
        include_class_origin=request.include_class_origin,
    )


def enumerate_class_names(namespace: Namespace, request: op.EnumerateClassNames) -> ClassNames:
    """Answer EnumerateClassNames."""
    names = _subclasses(namespace, request.class_name, deep=request.deep_inheritance)
    return ClassNames(names, namespace.name, namespace.host)


def _subclasses(namespace: Namespace, name: str | None, *, deep: bool) -> tuple[str, ...]:
    if name:
        namespace.demand_class(name)
    return namespace.repository.subclasses(name or None, deep=deep)


def get_qualifier(namespace: Namespace, request: op.GetQualifier) -> Qualifiers:
    """Answer GetQualifier."""
    found = namespace.repository.qualifiers.get(request.qualifier_name.lower())
    if found is None:
        raise CimError(
            Status.NOT_FOUND, f"namespace {namespace.name} has no qualifier type {request.qualifier_name!r}"
        )
    return Qualifiers((found,))


def enumerate_qualifiers(namespace: Namespace) -> Qualifiers:
    """Answer EnumerateQualifiers."""
    return Qualifiers(tuple(namespace.repository.qualifiers.values()))


def referring_classes(namespace: Namespace, source: str, wanted: Traversal) -> tuple[ClassDecl, ...]:
    """Return the association classes with a reference that the source class fits."""
    namespace.demand_class(source, Status.INVALID_PARAMETER)
    found = {
        decl.name: decl
        for decl, role in _fitting(namespace, source, wanted.result_class)
        if wanted.role is None or wanted.role.lower() == role.lower()
    }
    return tuple(found.values())


def associated_classes(namespace: Namespace, source: str, wanted: Traversal) -> tuple[ClassDecl, ...]:
    """Return the classes that the source class can be associated with."""
    namespace.demand_class(source, Status.INVALID_PARAMETER)
    found: dict[str, ClassDecl] = {}
    for assoc, role in _fitting(namespace, source, wanted.assoc_class):
        if wanted.role is not None and wanted.role.lower() != role.lower():
            continue
        for other in assoc.properties:
            if other.reference_class is None or other.name == role:
                continue
            if wanted.result_role is not None and wanted.result_role.lower() != other.name.lower():
                continue
            if wanted.result_class and not namespace.repository.is_a(
                other.reference_class, wanted.result_class
            ):
                continue
            decl = namespace.demand_class(other.reference_class)
            found[decl.name] = decl
    return tuple(found.values())


def _fitting(namespace: Namespace, source: str, assoc_class: str | None) -> Iterator[tuple[ClassDecl, str]]:
    repository = namespace.repository
    for decl in repository.classes.values():
        if not decl.is_association or (assoc_class and not repository.is_a(decl.name, assoc_class)):
            continue
        for reference in decl.properties:
            if reference.reference_class and repository.is_a(source, reference.reference_class):
                yield decl, reference.name
