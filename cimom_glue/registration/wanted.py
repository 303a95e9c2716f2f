"""What a CIMOM is to serve through us: classes with the kinds of providers they need, and their MOF.

Of the interop namespace these are our own classes alone: the CIMOM's object manager, namespaces and
subscriptions are its own.

Source: the specs; DSP1033 for what joins a CIMOM's interop namespace.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from xencim.mof.declarations import classes_named_by
from xencim.providers.core.served import ServedAssoc
from xencim.providers.core.spec import ClassSpec
from xencim.providers.events import told_classes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.mof.model import ClassDecl, QualifierDecl
    from xencim.providers.core.registry import Namespace, Registry
    from xencim.providers.core.served import Served


class Kind(Enum):
    """A kind of provider, by its number in PG_ProviderCapabilities.ProviderType and its word in sfcb."""

    INSTANCE = (2, "instance")
    ASSOCIATION = (3, "association")
    INDICATION = (4, "indication")
    METHOD = (5, "method")


@dataclass(frozen=True, slots=True)
class Provided:
    """A class that we provide in a namespace; ``filled`` are the properties that have values."""

    class_name: str
    kinds: tuple[Kind, ...]
    filled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WantedNamespace:
    """A namespace as the daemon calls it; ``classes`` hold superclasses before their subclasses."""

    name: str
    provided: tuple[Provided, ...]
    classes: tuple[ClassDecl, ...]
    qualifiers: tuple[QualifierDecl, ...]


def wanted_of(registry: Registry) -> tuple[WantedNamespace, ...]:
    """Return what is to be registered of everything that is served."""
    return tuple(_wanted(ns, is_interop=ns.name == registry.interop) for ns in registry.namespaces.values())


def is_dmtf(class_name: str) -> bool:
    """Tell whether a class is the DMTF's."""
    return class_name.lower().startswith("cim_")


def _wanted(namespace: Namespace, *, is_interop: bool) -> WantedNamespace:
    provided: dict[str, Provided] = {}
    for served in sorted(namespace.served, key=lambda one: one.name):
        if is_dmtf(served.name) or (is_interop and not _joins_ours(served)):
            continue
        known = provided.get(served.name)
        found = _provided(served)
        if known is not None:
            kinds = tuple(kind for kind in Kind if kind in known.kinds or kind in found.kinds)
            found = Provided(
                found.class_name, kinds, tuple(sorted(dict.fromkeys((*known.filled, *found.filled))))
            )
        provided[served.name] = found
    for site in () if is_interop else namespace.sites:
        for name, filled in told_classes(site):
            provided[name] = Provided(name, (Kind.INDICATION,), filled)
    roots = list(provided)
    if not is_interop:
        # Classes without instances of their own are embedded in methods' parameters.
        prefixes = tuple(f"{site.prefix}_".lower() for site in namespace.sites)
        ours = namespace.repository.classes.items()
        roots += [decl.name for name, decl in ours if name.startswith(prefixes)]
    return WantedNamespace(
        name=namespace.name,
        provided=tuple(provided.values()),
        classes=tuple(_closure(namespace, roots)),
        qualifiers=tuple(namespace.repository.qualifiers.values()),
    )


def _joins_ours(served: Served) -> bool:
    """Tell whether an association has a link between two classes of ours; any other class counts."""
    if not isinstance(served, ServedAssoc):
        return True
    return any(not is_dmtf(link.left.name) and not is_dmtf(link.right.name) for link in served.links)


def _provided(served: Served) -> Provided:
    kinds = [Kind.INSTANCE]
    if isinstance(served, ServedAssoc):
        kinds.append(Kind.ASSOCIATION)
    if isinstance(served.spec, ClassSpec) and served.spec.methods:
        kinds.append(Kind.METHOD)
    filled = sorted(prop.decl.name for prop in served.properties if prop.get is not None)
    return Provided(served.name, tuple(kinds), tuple(filled))


def _closure(namespace: Namespace, names: Iterable[str]) -> Iterator[ClassDecl]:
    """Yield the classes and all that they name, what is named first where that is possible."""
    seen: set[str] = set()
    todo = [(name, False) for name in sorted(names, reverse=True)]
    while todo:
        name, is_ready = todo.pop()
        decl = namespace.repository.find(name)
        if decl is None or (not is_ready and name.lower() in seen):
            continue
        if is_ready:
            yield decl
            continue
        seen.add(name.lower())
        todo.append((name, True))
        # classes_named_by yields the superclass first; the last one pushed is the first looked at.
        todo += [(other, False) for other in reversed(tuple(classes_named_by(decl)))]
