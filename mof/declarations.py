"""What MOF texts declare, before inheritance, and the one error of this folder.

Source: DSP0004 2.8, section 7 (MOF).
Errors: SchemaError is raised by everything here that meets MOF it cannot use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.mof.model import ClassDecl, ParameterDecl, PropertyDecl, QualifierDecl


class SchemaError(ValueError):
    """MOF that cannot be used; the text says which file or class and why."""


@dataclass(slots=True)
class Declarations:
    """Qualifier types and classes by their names in lower case, in the order of the texts.

    The classes hold their own elements and qualifiers only. ``supplied`` are the keys of those that
    another schema had to add.
    """

    qualifiers: dict[str, QualifierDecl] = field(default_factory=dict)
    classes: dict[str, ClassDecl] = field(default_factory=dict)
    supplied: tuple[str, ...] = ()

    def supplied_from(self, other: Declarations) -> Declarations:
        """Return these declarations and, of another schema, what is absent here."""
        absent = tuple(name for name in other.classes if name not in self.classes)
        return Declarations(other.qualifiers | self.qualifiers, other.classes | self.classes, absent)


def classes_named_by(decl: ClassDecl) -> Iterator[str]:
    """Yield the classes that a class cannot do without: above it, referred to, or embedded."""
    if decl.superclass:
        yield decl.superclass
    elements: list[PropertyDecl | ParameterDecl] = [*decl.properties]
    for method in decl.methods:
        elements += method.parameters
        yield from (str(q.value) for q in method.qualifiers if q.name == "EmbeddedInstance")
    for element in elements:
        if element.reference_class:
            yield element.reference_class
        if element.embedded:
            yield element.embedded
