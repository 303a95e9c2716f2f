"""How a machine is moved where the request does not say.

Source: DSP1081 1.0, section 10 (CIM_VirtualSystemMigrationSettingData).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, named
from xencim.providers.migration.wish import DEFAULT_UNIT, LIVE

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host

MIGRATING = frozenset({"Xen", "KVM"})
"""The prefixes whose hypervisors can move machines: a container stays where it is."""

# TransportType's ValueMap. Xen's own migration is a plain TCP stream.
_TRANSPORTS = {"tcp": 5, "xenmigr": 5, "tls": 3, "ssh": 2, "unix": 6}
_NOT_ASKED = "DSP1081: what is not asked for the hypervisor chooses"


def _transport(host: Host) -> int:
    return next((_TRANSPORTS[uri] for uri in host.migration_uris if uri in _TRANSPORTS), 0)


SPEC = ClassSpec(
    cim_class="VirtualSystemMigrationSettingData",
    rows=HOST,
    prefixes=MIGRATING,
    profiles=("DSP1081",),
    keys=capabilities_keys("MigrationSettingData"),
    props=(
        *named("Virtual system migration defaults"),
        Prop("ChangeableType", Const(0), source="constant: defaults cannot be changed"),
        Prop("MigrationType", Const(LIVE), source="constant: machines are moved while they run"),
        Prop("Priority", Const(0), source="constant: DSP1081, priorities are not supported"),
        Prop("Bandwidth", Const(0), source=f"constant: no limit. {_NOT_ASKED}"),
        Prop("BandwidthUnit", Const(DEFAULT_UNIT), source="virDomainMigrateToURI3: MiB a second"),
        Prop(
            "TransportType",
            _transport,
            source="virConnectGetCapabilities: host/migration_features/uri_transports",
        ),
        Prop("WithStorage", Const(value=False), source="constant: both hosts have the disks"),
        Prop("PostCopy", Const(value=False), source="constant: memory is sent before the machine goes"),
        Prop("MaximumDowntime", Const(0), source=f"constant: no limit. {_NOT_ASKED}"),
    ),
    unfilled={"OtherTransportType": "every transport that the hypervisor names has a number of its own"},
)
