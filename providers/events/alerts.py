"""What happens to the security policy, as alerts: refusals, another policy or mode, what is not as it has it.

Source: CIM_AlertIndication (AlertType 8, "Security Alert"); the indications in Xen_Security.mof.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from xencim.mof.values import Instance, TypedValue
from xencim.providers.backends.records import Denial, Drift, DriftKind, Mode, SecurityPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.records import Host, Record

DENIED, LIFECYCLE, DRIFT = "AccessDeniedIndication", "PolicyLifecycleIndication", "PolicyDriftIndication"
NAMES = (DENIED, LIFECYCLE, DRIFT)
_SECURITY_ALERT = 8
_INFORMATION, _WARNING, _MAJOR = 2, 3, 5  # PerceivedSeverity
_OTHER, _UNAUTHORIZED_ACCESS = 1, 65  # ProbableCause
_OUTCOMES = {"refused": 1, "permitted": 2}
_REACTIONS = {"alert": 1, "paused": 2, "destroyed": 3}
_LOADED, _RESET, _MODE, _REACTION = 1, 2, 3, 4


class Alert(NamedTuple):
    """An alert: its class without prefix, and what is its own among its properties."""

    name: str
    identifier: str
    severity: int
    message: str
    values: Mapping[str, tuple[str, Value]]


def alert_of(old: Record | None, new: Record | None) -> Alert | None:
    """Return what a changed record is to tell."""
    if isinstance(new, Denial):
        return _past(new) if new.outcome in _REACTIONS else _denied(new)
    if isinstance(new, SecurityPolicy) or isinstance(old, SecurityPolicy):
        return _lifecycle(
            old if isinstance(old, SecurityPolicy) else None, new if isinstance(new, SecurityPolicy) else None
        )
    if old is None and isinstance(new, Drift) and new.is_news:
        values: dict[str, tuple[str, Value]] = {
            "DriftKind": ("uint16", int(new.kind)),
            "MessageArguments": ("string", (new.reason.as_json(),)),
        }
        return Alert(DRIFT, new.key, _WARNING, new.reason.message, values)
    return None


def instance_of(alert: Alert, class_name: str, host: Host) -> Instance:
    """Return an alert as an indication."""
    now = datetime.now(UTC)
    told: dict[str, tuple[str, Value]] = {
        "IndicationIdentifier": ("string", alert.identifier),
        "IndicationTime": ("datetime", now),
        "EventTime": ("datetime", now),
        "AlertType": ("uint16", _SECURITY_ALERT),
        "PerceivedSeverity": ("uint16", alert.severity),
        "ProbableCause": ("uint16", _UNAUTHORIZED_ACCESS if alert.name == DENIED else _OTHER),
        "ProbableCauseDescription": ("string", alert.message),
        "Description": ("string", alert.message),
        "Message": ("string", alert.message),
        "OwningEntity": ("string", "xencim"),
        "ProviderName": ("string", "xencim"),
        "SystemCreationClassName": ("string", f"{host.prefix}_HostSystem"),
        "SystemName": ("string", host.name),
        **alert.values,
    }
    return Instance(
        class_name, {k: TypedValue(t, value) for k, (t, value) in told.items() if value is not None}
    )


def _denied(denial: Denial) -> Alert:
    severity = _MAJOR if denial.outcome == "refused" else _WARNING
    values: dict[str, tuple[str, Value]] = {
        "Action": ("string", denial.action),
        "Outcome": ("uint16", _OUTCOMES[denial.outcome]),
        "DenialNumber": ("string", denial.key),
        **_reasons(denial),
    }
    return Alert(DENIED, denial.key, severity, _text(denial), values)


def _past(denial: Denial) -> Alert:
    values: dict[str, tuple[str, Value]] = {
        "DriftKind": ("uint16", int(DriftKind.UNMANAGED_START)),
        "Reaction": ("uint16", _REACTIONS[denial.outcome]),
        **_reasons(denial),
    }
    return Alert(DRIFT, denial.key, _MAJOR, _text(denial), values)


def _text(denial: Denial) -> str:
    reasons = "; ".join(reason.message for reason in denial.reasons)
    return f"{denial.action}: {denial.outcome}: {reasons}"


def _reasons(denial: Denial) -> dict[str, tuple[str, Value]]:
    return {"MessageArguments": ("string", tuple(reason.as_json() for reason in denial.reasons) or None)}


def _lifecycle(old: SecurityPolicy | None, new: SecurityPolicy | None) -> Alert | None:
    before, after = old.digest if old else None, new.digest if new else None
    if new is None:
        what, message = _RESET, "no security policy is in force any more"
    elif before != after:
        what, message = _LOADED, f"policy {new.name} {new.version} is in force: {new.principal} put it there"
    elif old is not None and old.mode is not new.mode:
        what, message = _MODE, f"policy {new.name} {new.version}: the mode is {new.mode.value}"
    elif old is not None and old.reaction is not new.reaction:
        what = _REACTION
        message = (
            f"policy {new.name} {new.version}: to machines started past the server: {new.reaction.value}"
        )
    else:
        return None
    weakened = new is None or new.mode is not Mode.ENFORCING
    values: dict[str, tuple[str, Value]] = {
        "LifecycleEvent": ("uint16", what),
        "FromDigest": ("string", before),
        "ToDigest": ("string", after),
    }
    return Alert(LIFECYCLE, after or before or "", _WARNING if weakened else _INFORMATION, message, values)
