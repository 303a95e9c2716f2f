"""What a CIMOM has, and what of a wanted namespace it lacks: the plan of a registration.

Source: docs/operations/cimoms.md.
Errors: RegistrationError where classes are another provider's, naming them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from xencim.cimom_glue.registration.errors import RegistrationError
from xencim.cimom_glue.registration.own import classes_text
from xencim.cimom_glue.registration.wanted import is_dmtf
from xencim.mof.writer import qualifier_decl_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from xencim.cimom_glue.registration.wanted import Provided, WantedNamespace
    from xencim.mof.model import ClassDecl, MethodDecl, PropertyDecl

_NAMED = 5  # names in an error's text


@dataclass(frozen=True, slots=True)
class TheirClass:
    """A class as the CIMOM has it; ``elements`` are its own properties and methods, in lower case.

    Those of a class of which the CIMOM tells only the name are None.
    """

    name: str
    superclass: str | None
    elements: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class TheirNamespace:
    """A namespace of the CIMOM; keys are in lower case. ``owners``: which provider has which class."""

    classes: Mapping[str, TheirClass] = field(default_factory=dict)
    qualifiers: frozenset[str] = frozenset()
    owners: Mapping[str, str] = field(default_factory=dict)

    def has(self, class_name: str, element: str) -> bool:
        """Tell whether a class has an element, its own or inherited."""
        name: str | None = class_name
        while name and (found := self.classes.get(name.lower())) is not None:
            if found.elements is None or element.lower() in found.elements:
                return True
            name = found.superclass
        return False


@dataclass(frozen=True, slots=True)
class Foreign:
    """A class of ours by name that is somebody else's; ``owner`` is a module or library, or none."""

    class_name: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class NamespacePlan:
    """What is loaded and registered in a namespace of the CIMOM.

    ``missing`` are the DMTF classes to load, ``ours`` our own, both in the order to load them; ``mof`` is
    their text, ``qualifiers`` that of the qualifier types that are not there. ``lacking`` names
    properties that we fill and the CIMOM's older classes do not have.
    """

    name: str
    provided: tuple[Provided, ...]
    missing: tuple[str, ...]
    ours: tuple[str, ...]
    qualifiers: str
    mof: str
    lacking: tuple[str, ...]
    foreign: tuple[Foreign, ...]


def plan_namespace(
    wanted: WantedNamespace,
    name: str,
    theirs: TheirNamespace,
    *,
    loaded: Collection[str] = (),
    unusable: frozenset[str] = frozenset(),
) -> NamespacePlan:
    """Hold what is wanted against what there is.

    ``loaded`` are the classes of an earlier registration: they count as absent, for they are loaded anew.
    ``unusable`` are names in lower case that no property can have in this CIMOM.
    """
    before = {one.lower() for one in loaded}
    kept = {key: decl for key, decl in theirs.classes.items() if key not in before}
    there = TheirNamespace(kept, theirs.qualifiers, theirs.owners)
    classes = [_without(decl, unusable) for decl in wanted.classes]
    missing = [d for d in classes if is_dmtf(d.name) and d.name.lower() not in kept]
    ours = [d for d in classes if not is_dmtf(d.name)]
    loads = [d for d in classes if d in missing or d in ours]
    new = {d.name.lower(): d for d in loads}
    has = _Elements(new, there)
    text = classes_text(
        loads,
        wanted.qualifiers,
        lambda decl, element: decl.superclass is not None and has(decl.superclass, element),
    )
    types = [q for q in wanted.qualifiers if q.name.lower() not in theirs.qualifiers]
    lacking = [
        f"{provided.class_name}.{prop}"
        for provided in wanted.provided
        for prop in provided.filled
        if not has(provided.class_name, prop)
    ]
    return NamespacePlan(
        name=name,
        provided=wanted.provided,
        missing=tuple(d.name for d in missing),
        ours=tuple(d.name for d in ours),
        qualifiers="\n".join(map(qualifier_decl_text, types)),
        mof=text,
        lacking=tuple(lacking),
        foreign=tuple(_foreign(ours, there)),
    )


def _without(decl: ClassDecl, unusable: frozenset[str]) -> ClassDecl:
    if not any(p.name.lower() in unusable for p in decl.properties):
        return decl
    return replace(decl, properties=tuple(p for p in decl.properties if p.name.lower() not in unusable))


class _Elements:
    """Whether a class has an element, once ours are loaded above and below the CIMOM's own."""

    def __init__(self, new: Mapping[str, ClassDecl], theirs: TheirNamespace) -> None:
        self._new = new
        self._theirs = theirs

    def __call__(self, class_name: str, element: str) -> bool:
        wanted = element.lower()
        name: str | None = class_name
        while name is not None and (decl := self._new.get(name.lower())) is not None:
            own: tuple[PropertyDecl | MethodDecl, ...] = (*decl.properties, *decl.methods)
            if any(not one.propagated and one.name.lower() == wanted for one in own):
                return True
            name = decl.superclass
        return name is not None and self._theirs.has(name, element)


def _foreign(ours: list[ClassDecl], theirs: TheirNamespace) -> Iterator[Foreign]:
    for decl in ours:
        key = decl.name.lower()
        if key in theirs.classes or key in theirs.owners:
            yield Foreign(decl.name, theirs.owners.get(key))


def refuse_foreign(plans: Collection[NamespacePlan]) -> None:
    """Raise RegistrationError when classes are somebody else's."""
    for plan in plans:
        if not plan.foreign:
            continue
        owners = dict.fromkeys(one.owner or "no provider" for one in plan.foreign)
        names = [one.class_name for one in plan.foreign]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise RegistrationError(
            f"namespace {plan.name} has {len(names)} of these classes already, of "
            f"{', '.join(owners)}: {', '.join(names[:_NAMED])}{more}",
            hint="--replace takes them over, and xencim unregister gives them back; or choose another "
            "--namespace",
        )
