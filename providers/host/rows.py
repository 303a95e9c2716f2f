"""Where the classes of the host itself have their instances: one row, ``(host,)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host
from xencim.providers.core.spec import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.core.spec import Context, Row


def host_row(context: Context) -> Row:
    """Return the host's row."""
    return (context.view.host,)


def the_host(context: Context, _row: Row) -> Iterable[Row]:
    """Return the host as the other end of an association, whatever the first is."""
    return (host_row(context),)


HOST = Rows(
    kinds=(Host,),
    all=lambda context: (host_row(context),),
    find=lambda context, _keys: host_row(context),
)
