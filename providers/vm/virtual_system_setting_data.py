"""Xen_VirtualSystemSettingData: a machine's definition, current or stored.

Source: DSP1057 and DSP1042, CIM_VirtualSystemSettingData.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Prop
from xencim.providers.vm.platform_props import PLATFORM_PROPS
from xencim.providers.vm.rows import SYSTEM_SETTINGS, system_setting_id
from xencim.providers.vm.settings.common import changeable_type
from xencim.providers.vm.system_type import system_type

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, MachineConfig, VirtualMachine
    from xencim.providers.core.spec import Row
from xencim.providers.vm.rows import Origin

_STARTUP = {True: 4, False: 2}  # always, none
_RECOVERY = {
    "destroy": 2,
    "preserve": 2,
    "coredump-destroy": 2,
    "restart": 3,
    "rename-restart": 3,
    "coredump-restart": 3,
}


def _id(vm: VirtualMachine, _config: MachineConfig, origin: Origin, host: Host) -> str:
    return system_setting_id(vm, host, origin)


def _caption(_vm: VirtualMachine, config: MachineConfig, *_: Row) -> str:
    return (config.title or "Virtual System")[:64]  # MaxLen of Caption


def _startup(vm: VirtualMachine, *_: Row) -> int | None:
    return None if vm.autostart is None else _STARTUP[vm.autostart]


SPEC = ClassSpec(
    cim_class="VirtualSystemSettingData",
    rows=SYSTEM_SETTINGS,
    profiles=("DSP1057", "DSP1042"),
    keys=(Prop("InstanceID", _id, source="virDomainGetName, after the prefix"),),
    props=(
        Prop("ElementName", lambda vm, *_: vm.name, source="virDomainGetName"),
        Prop("VirtualSystemIdentifier", lambda vm, *_: vm.name, source="virDomainGetName"),
        Prop(
            "VirtualSystemType",
            lambda _vm, config, _origin, host: system_type(host, config.domain_type),
            source="virConnectGetType; virDomainGetXMLDesc: @type",
        ),
        Prop("UUID", lambda vm, *_: vm.uuid, source="virDomainGetUUIDString"),
        Prop("Caption", _caption, source="virDomainGetXMLDesc: title"),
        Prop(
            "Description",
            lambda _vm, config, *_: config.description or None,
            source="virDomainGetXMLDesc: description",
        ),
        Prop(
            "Notes",
            lambda _vm, config, *_: (config.description,) if config.description else None,
            source="virDomainGetXMLDesc: description",
        ),
        Prop(
            "IsTemplate",
            lambda _vm, config, *_: config.is_template,
            source="virDomainGetXMLDesc: metadata, an element of our own",
        ),
        Prop("ChangeableType", lambda vm, *_: changeable_type(vm), source="virDomainIsPersistent"),
        Prop("AutomaticStartupAction", _startup, source="virDomainGetAutostart"),
        Prop(
            "AutoStart",
            lambda vm, *_: None if vm.autostart is None else int(vm.autostart),
            source="virDomainGetAutostart",
        ),
        Prop(
            "AutomaticRecoveryAction",
            lambda _vm, config, *_: _RECOVERY.get(config.on_crash or ""),
            source="virDomainGetXMLDesc: on_crash",
        ),
        *PLATFORM_PROPS,
    ),
)
