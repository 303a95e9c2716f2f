"""Where logs and entries have their instances: rows ``(host, lines)`` and ``(line, host)``.

Only a host whose hypervisor keeps what it writes has a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host
from xencim.providers.core.spec import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row

LOG_NAME = "ConsoleLog"


def log_id(host: Host) -> str:
    """Return the log's InstanceID."""
    return f"{host.prefix}:{LOG_NAME}"


def logs(context: Context) -> Iterator[Row]:
    """Yield the row of the host's log, if it has one."""
    host = context.view.host
    if host.has_log:
        yield (host, context.samples.log)


def entries(context: Context) -> Iterator[Row]:
    """Yield the rows of its entries, the oldest first."""
    host = context.view.host
    return ((line, host) for line in (context.samples.log if host.has_log else ()))


def _find_entry(context: Context, keys: Keys) -> Row | None:
    number = str(keys.get("instanceid")).rpartition("/")[2]
    return next((row for row in entries(context) if str(row[0].number) == number), None)


LOGS = Rows(kinds=(Host,), all=logs, find=lambda context, _keys: next(logs(context), None))
ENTRIES = Rows(kinds=(Host,), all=entries, find=_find_entry)
