"""`xencim register`, `unregister` and `status`.

Errors: RegistrationError, ConfigError, SchemaError.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import Exit, print_json, print_line, tell
from xencim.cimom_glue.cli.registration.arguments import AGAIN, ALL
from xencim.cimom_glue.cli.settings import load_settings
from xencim.cimom_glue.hypervisors import make_backends
from xencim.cimom_glue.registration.errors import RegistrationError
from xencim.cimom_glue.registration.pegasus import Pegasus
from xencim.cimom_glue.registration.record import read_records
from xencim.cimom_glue.registration.registration import Registrar
from xencim.cimom_glue.registration.sfcb import Sfcb
from xencim.cimom_glue.registration.wanted import wanted_of
from xencim.mof.repository import load
from xencim.providers.assembly import IMPLEMENTATION, Placement, place
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.inventory import Inventory
from xencim.providers.catalogue import ASSOCIATIONS, SPECS
from xencim.providers.core.registry import Registry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from xencim.cimom_glue.config import Config
    from xencim.cimom_glue.registration.registration import Cimom, Outcome
    from xencim.providers.core.served import Site

_CIMOMS: dict[str, Callable[[Path], Cimom]] = {"pegasus": Pegasus, "sfcb": Sfcb}


def register(args: argparse.Namespace) -> int:
    """Register, or bring one registration or all of them up to date."""
    config = load_settings(args).config
    if args.cimom == AGAIN:
        _refuse(args, "root", "namespace", "library", "replace")
        return _each(config, lambda cimom: _register(args, config, cimom))
    _check_namespace(config, args.namespace)
    _register(args, config, _CIMOMS[args.cimom](Path(args.root or "/").resolve()))
    return Exit.DONE


def unregister(args: argparse.Namespace) -> int:
    """Undo a registration, or all of them."""
    config = load_settings(args).config
    if args.cimom == ALL:
        _refuse(args, "root")
        return _each(config, lambda cimom: _unregister(args, config, cimom))
    _unregister(args, config, _CIMOMS[args.cimom](Path(args.root or "/").resolve()))
    return Exit.DONE


def status(args: argparse.Namespace) -> int:
    """Tell how each registration stands."""
    config = load_settings(args).config
    told = []
    for record in read_records(config.state_dir):
        cimom = _CIMOMS[record.cimom](Path(record.root))
        try:
            found = _registrar(config, cimom).status()
            differences = list(found.differences) if found else []
        except RegistrationError as error:
            differences = [error.message]
        told.append(
            {
                "cimom": record.cimom,
                "root": record.root,
                "namespace": record.namespace,
                "user": record.user,
                "version": record.version,
                "classes": {name: len(loaded) for name, loaded in record.loaded.items()},
                "not sent": record.lacking,
                "taken over": bool(record.replaced),
                "differences": differences,
            }
        )
    if args.json:
        print_json(told)
    elif not told:
        print_line("nothing is registered with a CIMOM")
    else:
        for one in told:
            _print(one)
    return Exit.FAILED if any(one["differences"] for one in told) else Exit.DONE


def _refuse(args: argparse.Namespace, *names: str) -> None:
    given = next((name for name in names if getattr(args, name)), None)
    if given:
        raise RegistrationError(f"--{given} goes with one CIMOM, not with {args.cimom}")


def _each(config: Config, act: Callable[[Cimom], None]) -> int:
    """Act on each registration on record; one that fails keeps no other from its turn."""
    failed = False
    for record in read_records(config.state_dir):
        try:
            act(_CIMOMS[record.cimom](Path(record.root)))
        except RegistrationError as error:
            failed = True
            tell(f"{record.cimom} in {record.root}: {error.message}")
            if error.hint:
                tell(f"  hint: {error.hint}")
    return Exit.FAILED if failed else Exit.DONE


def _register(args: argparse.Namespace, config: Config, cimom: Cimom) -> None:
    outcome = _registrar(config, cimom).register(
        args.namespace,
        Path(args.library) if args.library else None,
        take_over=args.replace,
        dry=args.dry_run,
    )
    if outcome.files is None:
        _tell_registered(config, cimom, outcome)
    else:
        for name, text in outcome.files.items():
            print_line(f"// {name}\n{text}")


def _unregister(args: argparse.Namespace, config: Config, cimom: Cimom) -> None:
    outcome = _registrar(config, cimom).unregister(dry=args.dry_run)
    for note in outcome.notes:
        print_line(f"would remove {note}" if args.dry_run else note)
    if not outcome.changed:
        print_line(f"nothing is registered with {cimom.name} in {cimom.root}")
    elif not args.dry_run:
        print_line(f"no longer registered with {cimom.name} in {cimom.root}")
        if cimom.after:
            tell(cimom.after)


def _print(one: dict[str, object]) -> None:
    print_line(f"{one['cimom']} in {one['root']}: {one['namespace']}, as {one['user']}, {one['version']}")
    for name in ("differences", "not sent"):
        items = one[name]
        assert isinstance(items, list)  # noqa: S101 - for the type checker
        for item in items:
            print_line(f"  {'differs' if name == 'differences' else name}: {item}")


def _tell_registered(config: Config, cimom: Cimom, outcome: Outcome) -> None:
    for note in outcome.notes:
        print_line(note)
    if not outcome.changed:
        print_line(f"{cimom.name} in {cimom.root} is registered as it should be; nothing was changed")
        return
    for plan in outcome.plans:
        print_line(
            f"{plan.name}: {len(plan.provided)} classes registered, {len(plan.ours)} of ours and "
            f"{len(plan.missing)} of the DMTF's loaded"
        )
        for name in plan.lacking:
            print_line(f"  not sent, for the CIMOM's class has no such property: {name}")
    if cimom.after:
        tell(cimom.after)
    if config.cmpi.socket is None:
        tell("set cmpi.socket in the configuration: the CIMOM reaches the daemon there")
    tell(f"restart the daemon: it learns the CIMOM's user ({outcome.user}) and namespaces when it starts")


def _check_namespace(config: Config, name: str | None) -> None:
    names = {IMPLEMENTATION.lower()}
    names |= {alias.lower() for alias, target in config.namespaces.aliases if target == IMPLEMENTATION}
    if name is not None and name.strip("/").lower() not in names:
        raise RegistrationError(
            f"the daemon does not answer in a namespace {name}",
            hint=f'add "{name}" = "{IMPLEMENTATION}" to namespaces.aliases in the configuration',
        )


def _registrar(config: Config, cimom: Cimom) -> Registrar:
    schema = load(config.schema, config.state_dir).repository
    registry = Registry(schema, SPECS, ASSOCIATIONS, _sites(config))
    return Registrar(cimom, wanted_of(registry), config.state_dir)


def _sites(config: Config) -> tuple[Site, ...]:
    backends = make_backends(config) or [FakeBackend(1)]
    return place([Placement(backend) for backend in backends], Inventory())
