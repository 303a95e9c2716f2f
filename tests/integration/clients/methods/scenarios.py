"""All that is asked of a host: each scenario begins and ends with an empty one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .machine_steps import lived
from .resource_steps import cancelled, filtered, networked, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .steps import Step

SCENARIOS: tuple[Callable[[Path], tuple[Step, ...]], ...] = (lived, stored, cancelled, networked, filtered)
# Classes and methods, or classes with all of theirs: whose tests with real clients are elsewhere, and why.
_TWO_HOSTS = "it takes two hosts"
_OWN_TESTS = "what a policy decides has tests of its own"
_NOT_OF_A_HOST = "they are the server's own, no hypervisor has them"
ELSEWHERE: Mapping[tuple[str, str], tuple[str, str]] = {
    **{
        ("VirtualSystemMigrationService", name): ("clients/migration/test_migration_guests.py", _TWO_HOSTS)
        for name in (
            "CheckVirtualSystemIsMigratableToHost",
            "CheckVirtualSystemIsMigratableToSystem",
            "MigrateVirtualSystemToHost",
            "MigrateVirtualSystemToSystem",
        )
    },
    **{
        ("VirtualSystemMigrationService", name): (
            "migration/test_incoming_tokens.py",
            "servers ask it of servers",
        )
        for name in (
            "PrepareIncomingMigration",
            "CommitIncomingMigration",
            "FinishIncomingMigration",
            "CancelIncomingMigration",
        )
    },
    ("SecurityPolicyService", ""): ("clients/policy/test_policy_guests.py", _OWN_TESTS),
    ("ResourcePoolConfigurationService", "FindPoolSources"): (
        "clients/changes/test_storage_clients.py",
        "sources are disks of LVM, of iSCSI or of a file server: libvirt's test driver makes some up",
    ),
    **{
        (cls, ""): ("clients/indications/test_indications_pywbem.py", _NOT_OF_A_HOST)
        for cls in ("CIM_IndicationFilter", "CIM_ListenerDestinationCIMXML", "CIM_IndicationSubscription")
    },
}
