"""What decides by the security policy on a host, and the service that administers it."""

from xencim.providers.host.security import (
    acm_security_module,
    flask_security_module,
    policy_boolean,
    security_policy_capabilities,
    security_policy_service,
)

SPECS = (
    acm_security_module.SPEC,
    flask_security_module.SPEC,
    policy_boolean.SPEC,
    security_policy_service.SPEC,
    security_policy_capabilities.SPEC,
)
