"""How a machine is moved where the request does not say.

Source: DSP1081 1.0, section 10 (CIM_VirtualSystemMigrationSettingData).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, named
from xencim.providers.host.services.virtual_system_migration_service import MIGRATING

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host

# TransportType's ValueMap. Xen's own migration is a plain TCP stream.
_TRANSPORTS = {"tcp": 5, "xenmigr": 5, "tls": 3, "ssh": 2, "unix": 6}


def _transport(host: Host) -> int:
    return next((_TRANSPORTS[uri] for uri in host.migration_uris if uri in _TRANSPORTS), 0)


SPEC = ClassSpec(
    cim_class="VirtualSystemMigrationSettingData",
    rows=HOST,
    prefixes=MIGRATING,
    keys=capabilities_keys("MigrationSettingData"),
    props=(
        *named("Virtual system migration defaults"),
        Prop("ChangeableType", Const(0), source="constant: defaults cannot be changed"),
        Prop("MigrationType", Const(2), source="constant: machines are moved while they run"),
        Prop("Priority", Const(0), source="constant: DSP1081, priorities are not supported"),
        Prop("Bandwidth", Const(0), source="constant: DSP1081, bandwidths are not supported"),
        Prop(
            "TransportType",
            _transport,
            source="virConnectGetCapabilities: host/migration_features/uri_transports",
        ),
    ),
    unfilled={
        "BandwidthUnit": "bandwidths are not supported",
        "OtherTransportType": "every transport that the hypervisor names has a number of its own",
    },
)
