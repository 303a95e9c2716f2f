"""The policy in force as classes: itself, its labels, types, rules, conflict sets, and who has which label.

Source: DSP1106 (shapes); CIM_SecuritySensitivity; Xen 4.1, ACM.
"""

from xencim.providers.security.classes import (
    access_rule,
    acm_policy,
    run_time_exclusion_rule,
    security_label,
    security_type,
)
from xencim.providers.security.classes.associations import ASSOCIATIONS

__all__ = ("ASSOCIATIONS", "SPECS")

SPECS = (
    acm_policy.SPEC,
    security_label.SPEC,
    security_type.SPEC,
    access_rule.SPEC,
    run_time_exclusion_rule.SPEC,
)
