"""The classes of indications that a site tells, and the properties that may have values in them.

Source: `events` and `alerts`, which fill them; Xen_Indication.mof and Xen_Security.mof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.events.alerts import DENIED, DRIFT, LIFECYCLE
from xencim.providers.events.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.served import Site

CREATED, MODIFIED, DELETED = "Created", "Modified", "Deleted"
_INSTANCE = (
    "IndicationIdentifier",
    "IndicationTime",
    "PerceivedSeverity",
    "SourceInstance",
    "SourceInstanceHost",
    "SourceInstanceModelPath",
)
_ALERT = (
    "AlertType",
    "Description",
    "EventTime",
    "IndicationIdentifier",
    "IndicationTime",
    "Message",
    "OwningEntity",
    "PerceivedSeverity",
    "ProbableCause",
    "ProbableCauseDescription",
    "ProviderName",
    "SystemCreationClassName",
    "SystemName",
)
_OF_INSTANCES = {CREATED: (), MODIFIED: ("ChangedPropertyNames", "PreviousInstance"), DELETED: ()}
_OF_ALERTS = {
    DENIED: ("Action", "DenialNumber", "MessageArguments", "Outcome"),
    DRIFT: ("DriftKind", "MessageArguments", "Reaction"),
    LIFECYCLE: ("FromDigest", "LifecycleEvent", "ToDigest"),
}


def told_classes(site: Site) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each class of indications of a site, with the names of its properties that are told."""
    for subject in dict.fromkeys(source.subject for source in SOURCES):
        for what, own in _OF_INSTANCES.items():
            yield site.class_name(f"{subject}{what}Indication"), (*_INSTANCE, *own)
    for name, own in _OF_ALERTS.items():
        yield site.class_name(name), (*_ALERT, *own)
