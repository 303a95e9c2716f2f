"""Classes as MOF text that another server's classes can be the superclasses of.

A resolved class is written with its own elements alone. One that overrides what the CIMOM's superclass
does not have declares it anew.

Source: DSP0004 2.8, sections 5.6.3.34 (Override) and 7.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.mof.writer import class_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from xencim.mof.model import ClassDecl, Qualifier, QualifierDecl


def classes_text(
    classes: Iterable[ClassDecl],
    types: Iterable[QualifierDecl],
    inherits: Callable[[ClassDecl, str], bool],
) -> str:
    """Render classes; ``types`` are all qualifier types.

    ``inherits`` tells whether a class's superclass has an element, as the CIMOM knows that class.
    """
    by_name = {decl.name.lower(): decl for decl in types}
    return "\n".join(class_text(_own_part(decl, by_name, inherits), by_name) for decl in classes)


def _own_part(
    decl: ClassDecl, types: Mapping[str, QualifierDecl], inherits: Callable[[ClassDecl, str], bool]
) -> ClassDecl:
    """Return a class with what its own MOF says and nothing that it inherits."""

    def plain(qualifiers: Iterable[Qualifier]) -> tuple[Qualifier, ...]:
        """Give qualifiers the flavors of their types: OpenPegasus's compiler reads no others."""
        return tuple(_with_flavors(q, types[q.name.lower()]) for q in qualifiers)

    def own(element: str, qualifiers: tuple[Qualifier, ...]) -> tuple[Qualifier, ...]:
        if inherits(decl, element):
            return plain(q for q in qualifiers if not q.propagated)
        return plain(q for q in qualifiers if q.name.lower() != "override")

    return replace(
        decl,
        properties=tuple(
            replace(p, qualifiers=own(p.name, p.qualifiers)) for p in decl.properties if not p.propagated
        ),
        methods=tuple(
            replace(
                m,
                qualifiers=own(m.name, m.qualifiers),
                parameters=tuple(replace(p, qualifiers=plain(p.qualifiers)) for p in m.parameters),
            )
            for m in decl.methods
            if not m.propagated
        ),
        qualifiers=plain(q for q in decl.qualifiers if not q.propagated),
    )


def _with_flavors(qualifier: Qualifier, decl: QualifierDecl) -> Qualifier:
    return replace(
        qualifier,
        overridable=decl.overridable,
        tosubclass=decl.tosubclass,
        toinstance=decl.toinstance,
        translatable=decl.translatable,
    )
