"""Xen_Processor: one virtual processor.

Source: DSP1044 (CIM_Processor of a virtual processor).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.devices.common import NO_DESCRIPTION, device_keys, device_props
from xencim.providers.vm.rows import VCPUS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.records import Host, Vcpu, VirtualMachine

_OTHER, _UNKNOWN = 1, 2  # Family
_CPU_ENABLED, _CPU_UNKNOWN = 1, 0
_CHARACTERISTICS: Mapping[int | None, tuple[int, ...]] = {64: (2,), 32: (3,)}  # 64-bit, 32-bit capable
_FAMILY_CHARACTERS = 64
_HOST_MODES = {"host-model", "host-passthrough"}
_ARCH_BITS = {
    "x86_64": 64,
    "i686": 32,
    "aarch64": 64,
    "armv7l": 32,
    "ppc64": 64,
    "ppc64le": 64,
    "riscv64": 64,
    "s390x": 64,
}
_VIRTUAL = "a virtual processor has no such thing of its own"
_SPEED = "a virtual processor runs as fast as its host lets it"


def _model(vm: VirtualMachine, _vcpu: Vcpu, host: Host) -> str | None:
    cpu = vm.current.cpu
    model = cpu.model or (host.cpu_model if cpu.mode in _HOST_MODES else None)
    return model[:_FAMILY_CHARACTERS] if model else None


def _bits(vm: VirtualMachine, *_: object) -> int | None:
    return _ARCH_BITS.get(vm.current.arch or "")


def _characteristics(vm: VirtualMachine, *_: object) -> tuple[int, ...] | None:
    return _CHARACTERISTICS.get(_bits(vm))


SPEC = ClassSpec(
    cim_class="Processor",
    rows=VCPUS.device_rows(),
    profiles=("DSP1044", "DSP1057"),
    keys=device_keys(VCPUS, "the vCPU's number"),
    props=(
        *device_props("Virtual processor", lambda vcpu: f"CPU {vcpu.index}", "virDomainGetXMLDesc: vcpu"),
        Prop("Role", Const("Central Processor"), source="constant: machines have no others"),
        Prop(
            "Family",
            lambda *row: _OTHER if _model(*row) else _UNKNOWN,
            source="virDomainGetXMLDesc: cpu/model",
        ),
        Prop(
            "OtherFamilyDescription",
            _model,
            source="virDomainGetXMLDesc: cpu/model; of the host where cpu/@mode says so",
        ),
        Prop(
            "CPUStatus",
            lambda vm, *_: _CPU_ENABLED if vm.state.is_active else _CPU_UNKNOWN,
            source="virDomainGetState",
        ),
        Prop("NumberOfEnabledCores", Const(1), source="constant: each virtual processor is one core"),
        Prop("DataWidth", _bits, source="virDomainGetXMLDesc: os/type/@arch"),
        Prop("AddressWidth", _bits, source="virDomainGetXMLDesc: os/type/@arch"),
        Prop("Characteristics", _characteristics, source="virDomainGetXMLDesc: os/type/@arch"),
    ),
    unfilled={
        **NO_DESCRIPTION,
        "UpgradeMethod": _VIRTUAL,
        "MaxClockSpeed": _SPEED,
        "CurrentClockSpeed": _SPEED,
        "ExternalBusClockSpeed": _VIRTUAL,
        "Stepping": _VIRTUAL,
        "UniqueID": _VIRTUAL,
        "LoadPercentage": "a load is sampled, not kept: metrics tell it",
        "EnabledProcessorCharacteristics": "the hypervisor does not tell what the guest switched on",
    },
)
