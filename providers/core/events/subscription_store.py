"""Filters, destinations and subscriptions on disk: one row each, its record as JSON.

Source: docs/architecture.md, "State on disk".
Errors: those of sqlite3, which `State` turns into StateError.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import IndicationFilter, IndicationSubscription, ListenerDestination

if TYPE_CHECKING:
    import sqlite3

PART = "subscriptions"
MIGRATIONS = (
    """
    CREATE TABLE indication_filters (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE listener_destinations (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE indication_subscriptions (
        filter TEXT NOT NULL REFERENCES indication_filters (name),
        destination TEXT NOT NULL REFERENCES listener_destinations (name),
        body TEXT NOT NULL,
        PRIMARY KEY (filter, destination)
    ) STRICT;
    """,
)


def load(
    connection: sqlite3.Connection,
) -> tuple[list[IndicationFilter], list[ListenerDestination]]:
    """Return everything, in the order in which it was made."""
    filters = [
        IndicationFilter(**{**body, "namespaces": tuple(body["namespaces"])})
        for body in _bodies(connection, "SELECT body FROM indication_filters ORDER BY rowid")
    ]
    destinations = {
        body["name"]: ListenerDestination(**body)
        for body in _bodies(connection, "SELECT body FROM listener_destinations ORDER BY rowid")
    }
    rows = connection.execute("SELECT destination, body FROM indication_subscriptions ORDER BY rowid")
    for name, body in rows.fetchall():
        destination = destinations[name]
        subscription = _subscription(json.loads(body))
        destinations[name] = replace(destination, subscriptions=(*destination.subscriptions, subscription))
    return filters, list(destinations.values())


def save_filter(connection: sqlite3.Connection, record: IndicationFilter) -> None:
    """Add or replace a filter."""
    connection.execute(
        "INSERT INTO indication_filters VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
        (record.name, json.dumps(asdict(record))),
    )


def delete_filter(connection: sqlite3.Connection, name: str) -> None:
    """Take a filter away."""
    connection.execute("DELETE FROM indication_filters WHERE name = ?", (name,))


def save_destination(connection: sqlite3.Connection, record: ListenerDestination) -> None:
    """Add or replace a destination, and make its subscriptions those that are there."""
    body = asdict(replace(record, subscriptions=()))
    connection.execute(
        "INSERT INTO listener_destinations VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
        (record.name, json.dumps(body)),
    )
    connection.execute("DELETE FROM indication_subscriptions WHERE destination = ?", (record.name,))
    connection.executemany(
        "INSERT INTO indication_subscriptions VALUES (?, ?, ?)",
        [
            (one.filter, record.name, json.dumps(asdict(one), default=datetime.isoformat))
            for one in record.subscriptions
        ],
    )


def delete_destination(connection: sqlite3.Connection, name: str) -> None:
    """Take a destination away."""
    connection.execute("DELETE FROM listener_destinations WHERE name = ?", (name,))


def _bodies(connection: sqlite3.Connection, query: str) -> list[dict[str, Any]]:
    return [{**json.loads(body)} for (body,) in connection.execute(query)]


def _subscription(body: dict[str, Any]) -> IndicationSubscription:
    moments = {name: datetime.fromisoformat(body[name]) for name in ("started", "changed")}
    return IndicationSubscription(**{**body, **moments})
