"""`xencim subscription`: who is told of events, what became of it, and whether a listener takes indications.

The list is read from the state file, so it needs no running server.

Errors: CommandError for a state file that is not there or a listener that does not take the test.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_line, print_table
from xencim.cimom_glue.cli.settings import load_settings
from xencim.cimom_glue.indications import Sender, Undelivered, export_request, listener_tls, queue
from xencim.mof.values import Instance, TypedValue
from xencim.providers.core.events import subscription_store
from xencim.providers.core.state import FILE_NAME

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from xencim.providers.backends.records import IndicationFilter, ListenerDestination

_OTHER, _INFORMATION, _UNKNOWN = 1, 2, 0  # AlertType, PerceivedSeverity, ProbableCause


def list(args: argparse.Namespace) -> int:  # noqa: A001 - the command's name
    """List the subscriptions and what became of their indications."""
    filters, destinations, counts = _read(load_settings(args).config.state_dir / FILE_NAME)
    queries = {record.name: record for record in filters}
    if args.json:
        print_json([_as_json(one, queries, counts) for one in destinations])
        return Exit.DONE
    heads = ("DESTINATION", "URL", "WAITING", "DELIVERED", "DROPPED", "STATE", "FILTER", "QUERY")
    print_table(heads, (row for one in destinations for row in _rows(one, queries, counts)))
    return Exit.DONE


def test(args: argparse.Namespace) -> int:
    """Send a test indication to a destination, at once and past the queue."""
    config = load_settings(args).config
    url = args.destination
    if "://" not in url:
        _, destinations, _ = _read(config.state_dir / FILE_NAME)
        url = next((one.url for one in destinations if one.name == args.destination), None)
        if url is None:
            raise CommandError(
                f"there is no destination {args.destination!r}",
                hint="`xencim subscription list` shows those that are there; a URL will do as well",
            )
    tls = listener_tls(config.indications.ca, verify=config.indications.verify)
    try:
        sender = Sender(url, tls)
        asyncio.run(_send(sender))
    except (Undelivered, ValueError) as error:
        raise CommandError(f"{url} did not take the indication: {error}") from error
    print_line(f"{url} took the indication")
    return Exit.DONE


async def _send(sender: Sender) -> None:
    values = {
        "IndicationIdentifier": TypedValue("string", str(uuid4())),
        "IndicationTime": TypedValue("datetime", datetime.now(UTC)),
        "Description": TypedValue("string", "A test by `xencim subscription test`: nothing happened."),
        "AlertType": TypedValue("uint16", _OTHER),
        "OtherAlertType": TypedValue("string", "Test"),
        "PerceivedSeverity": TypedValue("uint16", _INFORMATION),
        "ProbableCause": TypedValue("uint16", _UNKNOWN),
    }
    try:
        await sender.send(export_request(Instance("CIM_AlertIndication", values), "test"))
    finally:
        sender.close()


def _read(
    path: Path,
) -> tuple[tuple[IndicationFilter, ...], tuple[ListenerDestination, ...], dict[str, tuple[int, int, int]]]:
    """Return everything that is kept, and by destination how many wait, were delivered and dropped."""
    if not path.exists():
        raise CommandError(f"{path} is not there", hint="a server that was started makes it")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            filters, destinations = subscription_store.load(connection)
            progress = queue.load(connection)
    except sqlite3.Error as error:
        raise CommandError(f"{path}: {error}") from error
    counts = {one.destination: (waiting, one.delivered, one.dropped) for one, waiting, _ in progress}
    return tuple(filters), tuple(destinations), counts


def _rows(
    destination: ListenerDestination,
    filters: dict[str, IndicationFilter],
    counts: dict[str, tuple[int, int, int]],
) -> Iterator[tuple[str, ...]]:
    numbers = map(str, counts.get(destination.name, (0, 0, 0)))
    head = (destination.name, destination.url, *numbers)
    if not destination.subscriptions:
        yield (*head, "none", "", "")
    for one in destination.subscriptions:
        yield (*head, "enabled" if one.enabled else "disabled", one.filter, filters[one.filter].query)


def _as_json(
    destination: ListenerDestination,
    filters: dict[str, IndicationFilter],
    counts: dict[str, tuple[int, int, int]],
) -> dict[str, object]:
    waiting, delivered, dropped = counts.get(destination.name, (0, 0, 0))
    return {
        "destination": destination.name,
        "url": destination.url,
        "owner": destination.owner,
        "waiting": waiting,
        "delivered": delivered,
        "dropped": dropped,
        "subscriptions": [
            {
                "filter": one.filter,
                "query": filters[one.filter].query,
                "language": filters[one.filter].language,
                "namespaces": [*filters[one.filter].namespaces],
                "enabled": one.enabled,
                "owner": one.owner,
                "started": one.started.isoformat(),
                "duration_s": one.duration_s,
            }
            for one in destination.subscriptions
        ],
    }
