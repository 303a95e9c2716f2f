"""Log lines for people or for machines, each with the request it belongs to.

What clients send may stand in a message; control characters in it are escaped, so that one
event is one line.
"""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from json import dumps

request_id: ContextVar[str] = ContextVar("request_id", default="")

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_ESCAPED_BUT_LINES = {code: text for code, text in _ESCAPED.items() if code not in (9, 10)}


def configure(*, json: bool, level: str) -> None:
    """Send all log lines to standard error, as text or as JSON objects, from a level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if json else HumanFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(max(root.level, logging.WARNING))


class HumanFormatter(logging.Formatter):
    """One line per event, tracebacks below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event's line."""
        request = request_id.get()
        where = f"{record.name} [{request}]" if request else record.name
        line = f"{_time(record)} {record.levelname:<7} {where}: {record.getMessage().translate(_ESCAPED)}"
        trace = _trace(self, record)
        return f"{line}\n{trace.translate(_ESCAPED_BUT_LINES)}" if trace else line


class JsonFormatter(logging.Formatter):
    """One JSON object per event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event's object."""
        event = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request": request_id.get() or None,
            "message": record.getMessage(),
            "trace": _trace(self, record),
        }
        return dumps({key: value for key, value in event.items() if value is not None})


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts) or None
