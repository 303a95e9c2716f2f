"""What joins the host, its log and the log's entries.

Source: DSP1010 2.0, section 7 (CIM_UseOfLog, CIM_LogManagesRecord).
"""

from __future__ import annotations

from xencim.providers.core.spec import AssocSpec, Const, Link, Prop
from xencim.providers.host import host_system
from xencim.providers.host.rows import the_host
from xencim.providers.logs import log_entry, record_log
from xencim.providers.logs.rows import entries, logs

_XEN = frozenset({"Xen"})

USE_OF_LOG = AssocSpec(
    cim_class="UseOfLog",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1010",),
    prefixes=_XEN,
    links=(
        Link(
            left=record_log.SPEC,
            right=host_system.SPEC,
            rights_of=the_host,
            lefts_of=lambda context, _row: logs(context),
            props=(
                Prop(
                    "RecordedData",
                    Const("What the hypervisor writes to its console"),
                    source="constant: what it is",
                ),
            ),
        ),
    ),
)

LOG_MANAGES_RECORD = AssocSpec(
    cim_class="LogManagesRecord",
    left_role="Log",
    right_role="Record",
    profiles=("DSP1010",),
    prefixes=_XEN,
    links=(
        Link(
            left=record_log.SPEC,
            right=log_entry.SPEC,
            rights_of=lambda context, _row: entries(context),
            lefts_of=lambda context, _row: logs(context),
        ),
    ),
)

ASSOCIATIONS = (USE_OF_LOG, LOG_MANAGES_RECORD)
