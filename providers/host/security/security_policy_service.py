"""Xen_SecurityPolicyService: administers the security policy of a host.

What changes anything, and what tells more of the policy than its classes do, needs the *policy* right; what
only decides needs *read*.

Source: DSP1106 (shapes); Xen API 1.0 (XSPolicy, ACMPolicy).
"""

from __future__ import annotations

from functools import partial

from xencim.providers.core.access import Access
from xencim.providers.core.spec import ClassSpec, MethodSpec
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import named, service_keys, service_props
from xencim.providers.security.methods import decisions, flask, policies

_POLICY_CLASS = "ACMPolicy"

_METHODS = (
    MethodSpec("ValidatePolicy", policies.validate_policy, Access.READ),
    MethodSpec("LoadPolicy", partial(policies.load_policy, _POLICY_CLASS), Access.POLICY),
    MethodSpec("ImportBundle", partial(policies.import_bundle, _POLICY_CLASS), Access.POLICY),
    MethodSpec("ResetPolicy", policies.reset_policy, Access.POLICY),
    MethodSpec("RollBackPolicy", policies.roll_back_policy, Access.POLICY),
    MethodSpec("ActivatePolicy", policies.activate_policy, Access.POLICY),
    MethodSpec("DeactivatePolicy", policies.deactivate_policy, Access.POLICY),
    MethodSpec("GetRepresentation", policies.get_representation, Access.POLICY),
    MethodSpec("SetEnforcementMode", policies.set_enforcement_mode, Access.POLICY),
    MethodSpec("SetUnmanagedStartReaction", policies.set_unmanaged_start_reaction, Access.POLICY),
    MethodSpec("GetHistory", policies.get_history, Access.POLICY),
    MethodSpec("PlanUpdate", policies.plan_update, Access.POLICY),
    MethodSpec("ComparePolicies", policies.compare_policies, Access.POLICY),
    MethodSpec("AssignLabel", decisions.assign_label, Access.POLICY),
    MethodSpec("GetLabels", decisions.get_labels, Access.POLICY),
    MethodSpec("ImportResourceLabels", decisions.import_resource_labels, Access.POLICY),
    MethodSpec("DetectDrift", decisions.find_drift, Access.POLICY),
    MethodSpec("SetBoolean", flask.set_boolean, Access.POLICY),
    MethodSpec("LabelDevice", flask.label_device, Access.POLICY),
    MethodSpec("SetHypervisorEnforcement", flask.set_hypervisor_enforcement, Access.POLICY),
    MethodSpec("CheckCanRun", decisions.check_can_run, Access.READ),
    MethodSpec("CheckAccess", decisions.check_access, Access.READ),
    MethodSpec("ExplainDenial", decisions.explain_denial, Access.READ),
)

SPEC = ClassSpec(
    cim_class="SecurityPolicyService",
    rows=HOST,
    profiles=("SecurityPolicy",),
    keys=service_keys("SecurityPolicyService"),
    props=(*named("Security policy"), *service_props(enabled=True)),
    methods=_METHODS,
)
