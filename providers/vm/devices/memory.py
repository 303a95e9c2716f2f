"""Xen_Memory: a machine's memory as a whole; what it has now and what it could have.

Source: DSP1045 (CIM_Memory of virtual memory).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.devices.common import NO_DESCRIPTION, device_keys, device_props
from xencim.providers.vm.rows import MEMORY

_BLOCK_BYTES = 4096
_BLOCK_KIB = _BLOCK_BYTES // 1024
_READ_WRITE = 3
_HOLES = "a guest's memory has holes that the hypervisor does not tell"


SPEC = ClassSpec(
    cim_class="Memory",
    rows=MEMORY.device_rows(),
    profiles=("DSP1045", "DSP1057"),
    keys=device_keys(MEMORY, "a constant"),
    props=(
        *device_props("Virtual memory", lambda _memory: "Memory", "constant: there is one of it"),
        Prop("Volatile", Const(value=True), source="constant: it is memory"),
        Prop("Access", Const(_READ_WRITE), source="constant: it is memory"),
        Prop("SequentialAccess", Const(value=False), source="constant: it is memory"),
        Prop("Primordial", Const(value=False), source="constant: it is taken from a pool"),
        Prop("Purpose", Const("System memory"), source="constant: what it is"),
        Prop("BlockSize", Const(_BLOCK_BYTES), source="constant: the size of a page"),
        Prop(
            "NumberOfBlocks",
            lambda _vm, memory, _host: memory.maximum_kib // _BLOCK_KIB,
            source="virDomainGetXMLDesc: memory",
        ),
        Prop(
            "ConsumableBlocks",
            lambda _vm, memory, _host: memory.current_kib // _BLOCK_KIB,
            source="virDomainGetXMLDesc: currentMemory",
        ),
    ),
    unfilled={
        **NO_DESCRIPTION,
        "StartingAddress": _HOLES,
        "EndingAddress": _HOLES,
        "DataOrganization": "memory is not organized as storage is",
    },
)
