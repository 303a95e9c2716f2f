"""Xen_EnabledLogicalElementCapabilities: what a machine can be asked to do.

Source: DSP1057 and DSP1052, CIM_EnabledLogicalElementCapabilities.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.rows import CAPABILITIES
from xencim.providers.vm.states import supported_states

_REQUEST_STATE_CHANGE = 3


SPEC = ClassSpec(
    cim_class="EnabledLogicalElementCapabilities",
    rows=CAPABILITIES,
    profiles=("DSP1057", "DSP1052"),
    keys=(Prop("InstanceID", lambda vm, _host: vm.name, source="virDomainGetName"),),
    props=(
        Prop("ElementName", lambda vm, _host: vm.name, source="virDomainGetName"),
        Prop("Caption", Const("State changes of a virtual system"), source="constant: what it is"),
        Prop("RequestedStatesSupported", supported_states, source="the driver's support"),
        Prop(
            "StateAwareness",
            lambda vm, _host: () if vm.is_management_domain else (_REQUEST_STATE_CHANGE,),
            source="constant: RequestedState tells what this server was asked",
        ),
        Prop("ElementNameEditSupported", Const(value=False), source="constant: no method renames"),
    ),
    unfilled={
        "Description": "Caption says all",
        "MaxElementNameLen": "ElementName cannot be changed",
        "ElementNameMask": "ElementName cannot be changed",
    },
)
