"""What is served where: every spec bound to its sites, namespaces and MOF classes.

A class of the implementation namespace is bound once per site; one of the interop namespace once
per prefix (once in all when its name is a CIM_ one). An association is served in each namespace
that one of its ends is at home in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.mof.repository import with_prefixes
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.served import BoundLink, Served, ServedAssoc, ServedClass
from xencim.providers.core.spec import AssocSpec, ClassSpec, Home

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xencim.mof.model import ClassDecl, ClassRepository
    from xencim.mof.values import Path
    from xencim.providers.core.served import Site

DEFAULT_ALIASES: Mapping[str, str] = {
    "root/interop": "interop",
    "root/pg_interop": "interop",
    "root/cimv2": "root/virt",
}


class Namespace:
    """One namespace: its class model and what has instances in it."""

    def __init__(self, name: str, repository: ClassRepository) -> None:
        self.name = name
        self.repository = repository
        self.served: list[Served] = []
        self.sites: list[Site] = []
        self._by_class: dict[str, list[Served]] = {}
        self._families: dict[str, list[Served]] = {}
        self._by_end: dict[ServedClass, list[tuple[ServedAssoc, BoundLink]]] = {}

    @property
    def host(self) -> str:
        """What stands for HOST in the paths of classes."""
        return self.sites[0].inventory.view.host.name

    def add(self, served: Served) -> None:
        """Serve one more class or association."""
        self.served.append(served)
        self._families.clear()
        self._by_class.setdefault(served.name.lower(), []).append(served)
        if isinstance(served, ServedAssoc):
            for bound in served.links:
                for end in {bound.left, bound.right}:
                    self._by_end.setdefault(end, []).append((served, bound))

    def of_class(self, name: str) -> Sequence[Served]:
        """Return what is served under exactly this class name."""
        return self._by_class.get(name.lower(), ())

    def family(self, name: str) -> Sequence[Served]:
        """Return what is served of the class and its subclasses."""
        found = self._families.get(name)
        if found is None:
            names = (name, *self.repository.subclasses(name, deep=True))
            found = [served for one in names for served in self.of_class(one)]
            decl = self.repository.find(name)
            if decl is not None and decl.name == name:  # clients choose how they write it
                self._families[name] = found
        return found

    def links_of(self, end: ServedClass) -> Sequence[tuple[ServedAssoc, BoundLink]]:
        """Return the associations that the class is an end of, and the links in which it is."""
        return self._by_end.get(end, ())

    def complete(self, path: Path) -> Path:
        """Give the only key of a class its name where the client left it out (DSP0201 5.2.2.3.2)."""
        if len(path.keys) != 1 or path.keys[0][0]:
            return path
        decl = self.repository.find(path.class_name)
        if decl is None or len(decl.keys) != 1:
            return path
        return replace(path, keys=((decl.keys[0].name, path.keys[0][1]),))

    def demand_class(self, name: str, status: Status = Status.INVALID_CLASS) -> ClassDecl:
        """Return the class's declaration; the status when the namespace has no such class."""
        decl = self.repository.find(name)
        if decl is None:
            raise CimError(status, f"namespace {self.name} has no class {name!r}")
        return decl


class Registry:
    """All namespaces. ``sites`` in the order of the configuration; there is at least one."""

    def __init__(
        self,
        schema: ClassRepository,
        classes: Sequence[ClassSpec],
        associations: Sequence[AssocSpec],
        sites: Sequence[Site],
        aliases: Mapping[str, str] = DEFAULT_ALIASES,
    ) -> None:
        self.sites = tuple(sites)
        self.interop = sites[0].interop
        self._aliases = {_normal(alias): target for alias, target in aliases.items()}
        self._schema = schema
        self._repositories: dict[tuple[str, ...], ClassRepository] = {}
        self.namespaces = self._namespaces()
        self._ends: dict[tuple[Site, ClassSpec], ServedClass] = {}
        self._bind_classes(classes)
        self._bind_associations(associations)

    def namespace(self, name: str) -> Namespace:
        """Return the namespace that a client means; INVALID_NAMESPACE names those that exist."""
        wanted = _normal(name)
        found = self.namespaces.get(wanted) or self.namespaces.get(_normal(self._aliases.get(wanted, "")))
        if found is None:
            names = ", ".join(ns.name for ns in self.namespaces.values())
            raise CimError(
                Status.INVALID_NAMESPACE, f"there is no namespace {name!r}", hint=f"there are {names}"
            )
        return found

    def canonical(self, path: Path) -> Path:
        """Return a path with its namespace's own name; one that is elsewhere stays as it is."""
        name = _normal(path.namespace or "")
        found = self.namespaces.get(name) or self.namespaces.get(_normal(self._aliases.get(name, "")))
        return path if found is None else replace(path, namespace=found.name)

    def _namespaces(self) -> dict[str, Namespace]:
        by_name: dict[str, list[Site]] = {self.interop: list(self.sites)}
        for site in self.sites:
            by_name.setdefault(site.namespace, []).append(site)
        found = {}
        for name, sites in by_name.items():
            namespace = Namespace(name, self._repository(sites))
            namespace.sites = sites
            found[_normal(name)] = namespace
        return found

    def _repository(self, sites: Iterable[Site]) -> ClassRepository:
        prefixes = tuple(sorted({site.prefix for site in sites}))
        if prefixes not in self._repositories:
            self._repositories[prefixes] = with_prefixes(self._schema, prefixes)
        return self._repositories[prefixes]

    def _bind_classes(self, specs: Sequence[ClassSpec]) -> None:
        for spec in specs:
            shared: dict[str, ServedClass] = {}
            for site in self.sites:
                if spec.prefixes is not None and site.prefix not in spec.prefixes:
                    continue
                name = site.class_name(spec.cim_class)
                at_interop = spec.home is Home.INTEROP
                served = shared.get(name) if at_interop else None
                if served is None:
                    namespace = self._home(spec.home, site)
                    served = ServedClass(spec, site, namespace.name, _declared(namespace, name))
                    namespace.add(served)
                    shared[name] = served
                self._ends[site, spec] = served

    def _home(self, home: Home, site: Site) -> Namespace:
        name = self.interop if home is Home.INTEROP else site.namespace
        return self.namespaces[_normal(name)]

    def _bind_associations(self, specs: Sequence[AssocSpec]) -> None:
        for spec in specs:
            found: dict[tuple[str, str], dict[tuple[int, ServedClass, ServedClass], BoundLink]] = {}
            first: dict[str, Site] = {}
            for site in self.sites:
                if spec.prefixes is not None and site.prefix not in spec.prefixes:
                    continue
                name = site.class_name(spec.cim_class)
                first.setdefault(name, site)
                for bound in self._bound_links(spec, site):
                    # Two sites of one prefix share a link whose ends are both in interop.
                    key = (id(bound.link), bound.left, bound.right)
                    for home in {bound.left.namespace, bound.right.namespace}:
                        found.setdefault((home, name), {}).setdefault(key, bound)
            for (home, name), links in found.items():
                namespace = self.namespaces[_normal(home)]
                decl = _declared(namespace, name)
                namespace.add(ServedAssoc(spec, first[name], namespace.name, decl, tuple(links.values())))

    def _bound_links(self, spec: AssocSpec, site: Site) -> Iterable[BoundLink]:
        for link in spec.links:
            left, right = self._ends.get((site, link.left)), self._ends.get((site, link.right))
            if left is not None and right is not None:
                yield BoundLink(link, site, left, right)


def _normal(name: str) -> str:
    return name.strip("/").lower()


def _declared(namespace: Namespace, name: str) -> ClassDecl:
    decl = namespace.repository.find(name)
    if decl is None:
        raise LookupError(f"a spec names class {name}, which MOF does not declare")
    return decl
