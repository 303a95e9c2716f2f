"""`xencim doctor`: everything a working server needs, looked at once; a line each, and how to mend it.

It may run beside a server: addresses that a xencim answers on count as good.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim import __version__
from xencim.cimom_glue import logs
from xencim.cimom_glue.cli.doctor.classes import DOCTORS_POLICY, check_classes
from xencim.cimom_glue.cli.doctor.directory import check_directory
from xencim.cimom_glue.cli.doctor.server import (
    check_accounts,
    check_addresses,
    check_certificate,
    check_client_authorities,
)
from xencim.cimom_glue.cli.output import Exit, print_json, print_line
from xencim.cimom_glue.cli.settings import load_settings
from xencim.cimom_glue.hypervisors import make_backends, with_backends
from xencim.mof.repository import Schema, SchemaError, load
from xencim.providers.assembly import Placement, assemble
from xencim.providers.backends.base import BackendError, Check

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator

    from xencim.cimom_glue.config import Config


def run(args: argparse.Namespace) -> int:
    """Look at everything, print what was found, and fail when something is wrong."""
    loaded = load_settings(args)
    # What is wrong becomes a line of doctor's own; the log would say it twice.
    logs.configure(json=False, level="error")
    checks = [Check("configuration", ok=True, detail=str(loaded.file or "no file, defaults"))]
    checks += asyncio.run(_all_checks(loaded.config))
    if args.json:
        print_json(
            {
                "version": __version__,
                "ok": all(check.ok for check in checks),
                "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail, "hint": c.hint} for c in checks],
            }
        )
    else:
        _print_ticks(checks)
    return Exit.DONE if all(check.ok for check in checks) else Exit.FAILED


def _print_ticks(checks: list[Check]) -> None:
    for check in checks:
        print_line(f"{'✔' if check.ok else '✘'} {check.name}: {check.detail}")
        if check.hint:
            print_line(f"    {check.hint}")
    wrong = sum(not check.ok for check in checks)
    print_line(f"{len(checks)} checks, {wrong or 'nothing'} wrong")


async def _all_checks(config: Config) -> list[Check]:
    checks = [
        check_certificate(config),
        *check_client_authorities(config),
        *await check_addresses(config),
        check_accounts(config),
    ]
    checks.append(await asyncio.to_thread(check_directory, config))
    schema, check = _check_schema(config)
    checks.append(check)
    if schema is not None:
        checks += [check async for check in _check_hypervisors(config, schema)]
    return checks


def _check_schema(config: Config) -> tuple[Schema | None, Check]:
    try:
        schema = load(config.schema, config.state_dir)
    except (SchemaError, OSError) as error:
        return None, Check("schema", ok=False, detail=str(error))
    place = config.schema or "the part that comes along"
    detail = f"{schema.version}, {len(schema.repository.classes)} classes, {place}"
    taken = ", ".join(schema.taken_from_ours)
    hint = f"absent there and taken from ours: {taken}" if taken else None
    return schema, Check("schema", ok=True, detail=detail, hint=hint)


async def _check_hypervisors(config: Config, schema: Schema) -> AsyncIterator[Check]:
    try:
        config = await with_backends(config)
        backends = make_backends(config)
        world = await assemble(
            schema.repository,
            [Placement(backend) for backend in backends],
            DOCTORS_POLICY,
            version=__version__,
            aliases=dict(config.namespaces.aliases),
        )
    except BackendError as error:
        yield Check("hypervisor", ok=False, detail=error.message, hint=error.hint)
        return
    try:
        for site in world.sites:
            # With one hypervisor there is no doubt whose checks these are.
            whose = f"{site.backend.uri} " if len(world.sites) > 1 else ""
            for check in site.backend.checks():
                yield replace(check, name=f"{whose}{check.name}")
            host = site.inventory.view.host.name
            yield Check(f"{whose}namespace", ok=True, detail=f"{site.namespace} holds host {host}")
        for check in await check_classes(world.engine):
            yield check
    finally:
        await world.stop()
