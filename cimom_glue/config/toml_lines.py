"""The line of a key in a TOML text, which tomllib does not tell.

A key in a form that this does not follow (an inline table over several lines, say) has no line;
the caller then names the file alone.
"""

from __future__ import annotations

import re

_TABLE = re.compile(r"\s*\[{1,2}([^\[\]]+)\]{1,2}\s*(#.*)?")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)


def _plain(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))


def find_line(text: str, key: str) -> int | None:
    """Return the line on which ``key`` (dotted) is set, or its table begins; None when it is not found."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if (header := _TABLE.fullmatch(line)) is not None:
            table = _plain(header[1])
            if table == key:
                return number
        elif (assignment := _KEY.match(line)) is not None:
            name = _plain(assignment[1])
            if (f"{table}.{name}" if table else name) == key:
                return number
    return None
