"""The service that moves machines to other hosts.

Source: DSP1081 1.0, section 10 (CIM_VirtualSystemMigrationService).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, MethodSpec
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import named, service_keys, service_props

_METHODS: tuple[MethodSpec, ...] = ()

MIGRATING = frozenset({"Xen", "KVM"})
"""The prefixes whose hypervisors can move machines: a container stays where it is."""

SPEC = ClassSpec(
    cim_class="VirtualSystemMigrationService",
    rows=HOST,
    prefixes=MIGRATING,
    keys=service_keys("MigrationService"),
    props=(*named("Virtual system migration"), *service_props(enabled=bool(_METHODS))),
    methods=_METHODS,
)
