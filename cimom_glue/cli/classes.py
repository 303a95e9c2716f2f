"""`xencim classes`: what is served, from which records, by which profile; no hypervisor is asked.

Without a back-end configured, what a Xen host is served with is listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import Exit, print_json, print_table
from xencim.cimom_glue.cli.settings import load_settings
from xencim.cimom_glue.hypervisors import make_backends
from xencim.mof.repository import load
from xencim.providers.assembly import Placement, place
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.inventory import Inventory
from xencim.providers.catalogue import ASSOCIATIONS, SPECS
from xencim.providers.core.registry import Registry
from xencim.providers.core.spec import ClassSpec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from xencim.providers.core.served import Served


def run(args: argparse.Namespace) -> int:
    """List the classes."""
    config = load_settings(args).config
    backends = make_backends(config) or [FakeBackend(1)]
    sites = place([Placement(backend) for backend in backends], Inventory())
    schema = load(config.schema, config.state_dir).repository
    registry = Registry(schema, SPECS, ASSOCIATIONS, sites)
    rows = [
        describe(namespace.name, served)
        for namespace in registry.namespaces.values()
        for served in sorted(namespace.served, key=lambda one: one.name)
    ]
    if args.json:
        print_json(rows)
    else:
        heads = ("NAMESPACE", "CLASS", "SUPERCLASS", "PROFILES", "FROM")
        print_table(heads, [tuple(map(_text, row.values())) for row in rows])
    return Exit.DONE


def describe(namespace: str, served: Served) -> dict[str, str | list[str] | None]:
    """Return what there is to say of a class."""
    return {
        "namespace": namespace,
        "class": served.name,
        "superclass": served.decl.superclass,
        "profiles": list(served.spec.profiles),
        "from": list(dict.fromkeys(_sources(served))),
    }


def _sources(served: Served) -> Iterator[str]:
    spec = served.spec
    if isinstance(spec, ClassSpec):
        yield from (kind.__name__ for kind in spec.rows.kinds)
        return
    for link in spec.links:
        yield f"{link.left.cim_class}-{link.right.cim_class}"


def _text(value: str | list[str] | None) -> str:
    return " ".join(value) if isinstance(value, list) else value or "-"
