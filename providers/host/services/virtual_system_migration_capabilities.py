"""What the migration service can do.

Source: DSP1081 1.0, section 10 (CIM_VirtualSystemMigrationCapabilities).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, named, synchronous
from xencim.providers.host.services.virtual_system_migration_service import MIGRATING
from xencim.providers.host.services.virtual_system_migration_service import SPEC as SERVICE

_METHODS = {
    "MigrateVirtualSystemToHost": 2,
    "MigrateVirtualSystemToSystem": 3,
    "CheckVirtualSystemIsMigratableToHost": 4,
    "CheckVirtualSystemIsMigratableToSystem": 5,
}

SPEC = ClassSpec(
    cim_class="VirtualSystemMigrationCapabilities",
    rows=HOST,
    prefixes=MIGRATING,
    keys=capabilities_keys("MigrationCapabilities"),
    props=(
        *named("Virtual system migration capabilities"),
        synchronous(SERVICE, _METHODS),
    ),
    unfilled={
        "AsynchronousMethodsSupported": "no method of the service starts a job",
        "DestinationHostFormatsSupported": "no method of the service takes a destination",
    },
)
