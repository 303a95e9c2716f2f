"""The service that creates and removes pools.

Source: DSP1041 1.1, section 10 (CIM_ResourcePoolConfigurationService).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, MethodSpec
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import named, service_keys, service_props

_METHODS: tuple[MethodSpec, ...] = ()

SPEC = ClassSpec(
    cim_class="ResourcePoolConfigurationService",
    rows=HOST,
    profiles=("DSP1041",),
    keys=service_keys("RPCS"),
    props=(*named("Resource pool configuration"), *service_props(enabled=bool(_METHODS))),
    methods=_METHODS,
)
