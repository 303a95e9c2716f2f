"""Xen_LogEntry: a line that the hypervisor has written to its console.

Source: DSP1010 2.0, 10.3 (CIM_LogEntry); Xen's option console_timestamps.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xencim.providers.core.asking.samples import Asked
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.logs.rows import ENTRIES, LOG_NAME, log_id

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, LogLine

_LINE = "xc_readconsolering, a line"
_TIME = re.compile(r"\(XEN\) \[(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{3})?)\]")


def _written(line: LogLine, _host: Host) -> datetime | None:
    """Return when it was written, where the hypervisor was told to write that too."""
    match = _TIME.match(line.text)
    try:
        return datetime.fromisoformat(match["time"]).replace(tzinfo=UTC) if match else None
    except ValueError:  # a guest may write what it likes
        return None


def _entry_id(line: LogLine, host: Host) -> str:
    return f"{log_id(host)}/{line.number}"


SPEC = ClassSpec(
    cim_class="LogEntry",
    rows=ENTRIES,
    asks=Asked.LOG,
    profiles=("DSP1010",),
    prefixes=frozenset({"Xen"}),
    keys=(Prop("InstanceID", _entry_id, source="the log's InstanceID and RecordID"),),
    props=(
        Prop("ElementName", lambda line, _host: f"{LOG_NAME} {line.number}", source="as InstanceID"),
        Prop("Caption", Const("A line of the hypervisor's console"), source="constant: what it is"),
        Prop("LogInstanceID", lambda _line, host: log_id(host), source="the log's InstanceID"),
        Prop("LogName", Const(LOG_NAME), source="the log's Name"),
        Prop(
            "RecordID", lambda line, _host: str(line.number), source="lines counted as they were first seen"
        ),
        Prop("RecordFormat", Const(""), source="constant: DSP1010: free text"),
        Prop("RecordData", lambda line, _host: line.text, source=_LINE),
        Prop("CreationTimeStamp", _written, source=f"{_LINE}: its time, with console_timestamps=date"),
        Prop("PerceivedSeverity", Const(0), source="constant: lines do not tell"),
    ),
    unfilled={
        "MessageID": "the hypervisor's messages have no numbers",
        "Message": "RecordData has it",
        "MessageArguments": "the hypervisor's messages have no numbers",
        "OwningEntity": "the hypervisor's messages have no numbers",
        "Locale": "the hypervisor writes English only",
    },
)
