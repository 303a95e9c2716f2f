"""The service that moves machines to other hosts, and takes those that come from there.

All of its methods need the *admin* right: what they do concerns two hosts.

Source: DSP1081 1.0, section 10 (CIM_VirtualSystemMigrationService).
"""

from __future__ import annotations

from functools import partial

from xencim.providers.core.access import Access
from xencim.providers.core.spec import ClassSpec, MethodSpec
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import named, service_keys, service_props
from xencim.providers.host.services.virtual_system_migration_setting_data import MIGRATING
from xencim.providers.host.services.virtual_system_migration_setting_data import SPEC as DEFAULTS
from xencim.providers.migration import incoming, methods

_CHECKS = ("CheckVirtualSystemIsMigratableToHost", "CheckVirtualSystemIsMigratableToSystem")
_MOVES = ("MigrateVirtualSystemToHost", "MigrateVirtualSystemToSystem")
_METHODS = (
    *(MethodSpec(name, partial(methods.check, name, DEFAULTS), Access.ADMIN) for name in _CHECKS),
    *(MethodSpec(name, partial(methods.migrate, name, DEFAULTS), Access.ADMIN) for name in _MOVES),
    MethodSpec("PrepareIncomingMigration", incoming.prepare, Access.ADMIN),
    MethodSpec("CommitIncomingMigration", incoming.commit, Access.ADMIN),
    MethodSpec("FinishIncomingMigration", incoming.finish, Access.ADMIN),
    MethodSpec("CancelIncomingMigration", incoming.cancel, Access.ADMIN),
)

SPEC = ClassSpec(
    cim_class="VirtualSystemMigrationService",
    rows=HOST,
    prefixes=MIGRATING,
    profiles=("DSP1081",),
    keys=service_keys("MigrationService"),
    props=(
        *named("Virtual system migration"),
        *service_props(enabled=lambda host: bool(host.migration_uris)),
    ),
    methods=_METHODS,
)
