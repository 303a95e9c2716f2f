"""What the pool configuration service can do.

Source: DSP1041 1.1, section 10 (CIM_ResourcePoolConfigurationCapabilities).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import (
    capabilities_keys,
    methods_supported,
    named,
    synchronous,
)
from xencim.providers.host.services.resource_pool_configuration_service import SPEC as SERVICE

_METHODS = {
    "CreateResourcePool": 2,
    "CreateChildResourcePool": 3,
    "DeleteResourcePool": 4,
    "AddResourcesToResourcePool": 5,
    "RemoveResourcesFromResourcePool": 6,
    "ChangeParentResourcePool": 7,
}

SPEC = ClassSpec(
    cim_class="ResourcePoolConfigurationCapabilities",
    rows=HOST,
    profiles=("DSP1041",),
    keys=capabilities_keys("RPCC"),
    props=(
        *named("Resource pool configuration capabilities"),
        synchronous(SERVICE, _METHODS),
        Prop(
            "AsynchronousMethodsSupported",
            methods_supported(SERVICE.methods, _METHODS),
            source="the same: each answers with a job when it takes long",
        ),
    ),
)
