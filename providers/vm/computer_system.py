"""Xen_ComputerSystem: a virtual machine; Xen's Domain-0 among them.

RequestedState tells what was last asked through this server: 0 when nothing was, 12 for Domain-0, of
which nothing can be asked.

Source: DSP1057 and DSP1052, CIM_ComputerSystem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import PowerState
from xencim.providers.core.access import Access
from xencim.providers.core.spec import ClassName, ClassSpec, Const, MethodSpec, Prop
from xencim.providers.vm.display import display_url
from xencim.providers.vm.rows import MACHINES
from xencim.providers.vm.state_change import request_state_change
from xencim.providers.vm.states import Requested, available_states, supported_states
from xencim.providers.vm.status import STATUS_PROPS, enabled_state

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, MachineOperation, VirtualMachine

# CIM_ManagedElement.Caption has a MaxLen.
_CAPTION_CHARACTERS = 64
_ENABLED_DEFAULT = {True: 2, False: 3, None: 7}  # enabled, disabled, no default
_RESET_ENABLED, _RESET_NOT_IMPLEMENTED = 4, 5


def _requested_state(vm: VirtualMachine, operation: MachineOperation | None, _host: Host) -> int:
    if vm.is_management_domain:
        return int(Requested.NOT_APPLICABLE)
    return operation.requested_state if operation else int(Requested.UNKNOWN)


def _transitioning_to_state(vm: VirtualMachine, operation: MachineOperation | None, _host: Host) -> int:
    if vm.is_management_domain:
        return int(Requested.NOT_APPLICABLE)
    if operation and operation.in_progress:
        return operation.requested_state
    return int(Requested.SHUT_DOWN if vm.state is PowerState.SHUTTING_DOWN else Requested.NO_CHANGE)


def _reset_capability(vm: VirtualMachine, _operation: MachineOperation | None, host: Host) -> int:
    can = Requested.RESET in supported_states(vm, host)
    return _RESET_ENABLED if can else _RESET_NOT_IMPLEMENTED


def _caption(vm: VirtualMachine, _operation: MachineOperation | None, _host: Host) -> str:
    url = next(filter(None, map(display_url, vm.current.graphics)), None) if vm.state.is_active else None
    caption = f"Virtual System (Console on {url})"
    return caption if url and len(caption) <= _CAPTION_CHARACTERS else "Virtual System"


SPEC = ClassSpec(
    cim_class="ComputerSystem",
    rows=MACHINES,
    profiles=("DSP1057", "DSP1052", "DSP1042"),
    keys=(
        Prop("CreationClassName", ClassName(), source="constant: the class's name"),
        Prop("Name", lambda vm, *_: vm.name, source="virDomainGetName"),
    ),
    props=(
        Prop("ElementName", lambda vm, *_: vm.name, source="virDomainGetName"),
        Prop("UUID", lambda vm, *_: vm.uuid, source="virDomainGetUUIDString"),
        Prop("NameFormat", Const("Other"), source="constant: names are free text"),
        Prop("Caption", _caption, source="virDomainGetXMLDesc: devices/graphics"),
        Prop("Description", lambda vm, *_: vm.current.description, source="virDomainGetXMLDesc: description"),
        Prop(
            "OtherIdentifyingInfo",
            lambda vm, _, host: ("Virtual System", f"{host.prefix} Virtual System", vm.uuid),
            source="virDomainGetUUIDString",
        ),
        Prop("IdentifyingDescriptions", Const(("Type", "Model", "UUID")), source="constant: see DSP1052"),
        Prop("EnabledState", lambda vm, *_: enabled_state(vm), source="virDomainGetState"),
        Prop("RequestedState", _requested_state, source="the last RequestStateChange that did not fail"),
        Prop("TransitioningToState", _transitioning_to_state, source="a RequestStateChange that goes on"),
        Prop(
            "AvailableRequestedStates",
            lambda vm, _, host: available_states(vm, host),
            source="virDomainGetState; the driver's support",
        ),
        Prop("EnabledDefault", lambda vm, *_: _ENABLED_DEFAULT[vm.autostart], source="virDomainGetAutostart"),
        Prop("ResetCapability", _reset_capability, source="the driver's support of virDomainReset"),
        *STATUS_PROPS,
    ),
    methods=(MethodSpec("RequestStateChange", request_state_change, access=Access.OPERATE),),
    unfilled={"Dedicated": "the hypervisor does not know what a machine is used for"},
)
