"""What the migration service can do: nothing where the hypervisor's driver names no way to move machines.

Source: DSP1081 1.0, section 10 (CIM_VirtualSystemMigrationCapabilities).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, named
from xencim.providers.host.services.virtual_system_migration_setting_data import MIGRATING

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.backends.records import Host

_TO_HOST, _TO_SYSTEM, _CHECK_TO_HOST, _CHECK_TO_SYSTEM = 2, 3, 4, 5
_DOMAIN_NAMES = 2  # DestinationHostFormatsSupported
_SOURCE = "virConnectGetCapabilities: host/migration_features"


def _where_possible(*numbers: int) -> Callable[[Host], tuple[int, ...] | None]:
    return lambda host: numbers if host.migration_uris else None


SPEC = ClassSpec(
    cim_class="VirtualSystemMigrationCapabilities",
    rows=HOST,
    prefixes=MIGRATING,
    profiles=("DSP1081",),
    keys=capabilities_keys("MigrationCapabilities"),
    props=(
        *named("Virtual system migration capabilities"),
        Prop(
            "SynchronousMethodsSupported",
            _where_possible(_TO_HOST, _TO_SYSTEM, _CHECK_TO_HOST, _CHECK_TO_SYSTEM),
            source=_SOURCE,
        ),
        Prop("AsynchronousMethodsSupported", _where_possible(_TO_HOST, _TO_SYSTEM), source=_SOURCE),
        Prop(
            "DestinationHostFormatsSupported",
            _where_possible(_DOMAIN_NAMES),
            source=f"{_SOURCE}; destinations are the hosts that the configuration names",
        ),
    ),
)
