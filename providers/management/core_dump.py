"""CreateCoreDump: a machine's memory written into a pool as a new volume.

It needs the *admin* right: whatever the guest kept in its memory is in the volume. The work is told how far
it is by the hypervisor and can be cancelled, where the hypervisor lets it: QEMU does not let go of a dump of
memory only.

Source: Xen_VirtualSystemManagementService in our MOF; virDomainCoreDumpWithFormat.
Errors: CimError; what the hypervisor cannot do or not in the machine's state is a return value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import AfterDump, DumpFormat, DumpWish, PoolState, Volume
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.engine import JobRequest
from xencim.providers.core.jobs.progress import followed
from xencim.providers.management.asked import named_machine
from xencim.providers.management.working import demand_manageable, machine_path, refusals
from xencim.providers.storage.parameters import pool_parameter
from xencim.providers.storage.settings import checked_name
from xencim.providers.storage.work import volume_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import Enum
    from typing import TypeVar

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.jobs.recovery import Reconciler
    from xencim.providers.core.spec import MethodCall, MethodResult

    Choice = TypeVar("Choice", bound=Enum)

METHOD = "CreateCoreDump"

# The ValueMaps of Format and Afterwards.
_FORMATS = {
    2: DumpFormat.RAW,
    3: DumpFormat.KDUMP_ZLIB,
    4: DumpFormat.KDUMP_LZO,
    5: DumpFormat.KDUMP_SNAPPY,
    6: DumpFormat.WINDOWS,
}
_AFTERWARDS = {2: AfterDump.GOES_ON, 3: AfterDump.OFF, 4: AfterDump.RESET}


async def create_core_dump(call: MethodCall) -> MethodResult:
    """Write a machine's memory into a new volume of a pool."""
    machine = named_machine(call, METHOD, "TargetSystem")
    demand_manageable(machine)
    wanted, volume = _wish(call), _volume(call)

    async def work(progress: Progress) -> Mapping[str, Value]:
        with refusals(METHOD):
            dumped = call.backend.dump_core(machine.uuid, volume, wanted)
            await followed(dumped, progress, call.backend, machine.uuid)
        path = volume_path(call, volume)
        progress.affects(path)
        return {"Volume": path}

    async def cancel() -> None:
        await call.backend.abort(machine.uuid)

    return await call.jobs.run(
        JobRequest(
            name=METHOD,
            owner=call.path,
            affected=(machine_path(call, machine.name),),
            queue=machine.uuid,
            principal=call.principal.name,
            work=work,
            kind=METHOD,
            facts={"machine": machine.uuid, "volume": volume.key},
            cancel=cancel,
        )
    )


def _wish(call: MethodCall) -> DumpWish:
    wanted = DumpWish(
        memory_only=call.parameters.get("memoryonly") is not False,
        format=_chosen(call, "Format", _FORMATS, DumpFormat.RAW),
        live=call.parameters.get("live") is True,
        afterwards=_chosen(call, "Afterwards", _AFTERWARDS, AfterDump.GOES_ON),
    )
    if wanted.format is not DumpFormat.RAW and not wanted.memory_only:
        raise _refusal("Format", f"{wanted.format.value} holds memory only: MemoryOnly must not be false")
    if wanted.live and wanted.afterwards is AfterDump.OFF:
        raise _refusal("Live", "a machine that is switched off afterwards need not run meanwhile")
    return wanted


def _chosen(call: MethodCall, name: str, choices: Mapping[int, Choice], otherwise: Choice) -> Choice:
    value = call.parameters.get(name.lower())
    if not isinstance(value, int):
        return otherwise
    if value not in choices:
        raise _refusal(name, f"{value} is none of {', '.join(map(str, choices))}")
    return choices[value]


def _volume(call: MethodCall) -> Volume:
    pool = pool_parameter(call)
    if not pool.is_folder:
        raise _refusal("Pool", f"{pool.name} is of type {pool.type}: a dump is a file of a folder")
    if pool.state is not PoolState.RUNNING:
        raise _refusal("Pool", f"{pool.name} is {pool.state.value}: start it first")
    return Volume(pool=pool.name, name=checked_name(f"{METHOD}: VolumeName", call.parameters["volumename"]))


def _refusal(name: str, reason: str) -> CimError:
    return CimError(Status.INVALID_PARAMETER, f"{METHOD}: {name}: {reason}")


def _dumped(view: View, facts: Mapping[str, str]) -> str | None:
    """Tell what is there: a daemon goes on with a dump when who asked for it is gone."""
    if view.get(Volume, facts["volume"]) is None:
        return f"there is no volume {facts['volume']!r}"
    return f"volume {facts['volume']!r} is there; whether the dump in it is whole cannot be told"


RECONCILERS: Mapping[str, Reconciler] = {METHOD: _dumped}
