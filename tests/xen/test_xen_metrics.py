"""CPU pools, the hypervisor, its log and what is counted on a real Xen host: as xl and the kernel say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

from .conftest import shows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import XenHost

pytestmark = [pytest.mark.xen, pytest.mark.timeout(1800)]

NAME, UUID = "counted", "70000000-0000-4000-8000-000000000001"
MANY = 16
"""As many as the emulated host has memory for."""
SECTOR = 512
CONFIG = """name="{name}"
uuid="{uuid}"
type="pvh"
kernel="/guest/vmlinuz"
ramdisk="/guest/initrd"
extra="console=hvc0 quiet mitigations=off"
memory={memory}
maxmem={maximum}
vcpus=1
{more}"""
COUNT = """
import asyncio, json, time
from xencim.providers.backends.xen import counters
from xencim.providers.backends.xen.following import Following
from xencim.providers.backends.xen.tools import Tools

async def main():
    found = Following(Tools(), lambda: None)
    await found.start()
    await asyncio.sleep(2)
    looks, calls, requests = found.looks, found.hypervisor.calls, found.store.requests
    await found.look()
    began_s = time.monotonic()
    told = counters.count(found.hypervisor, found.domains, found.lives, counters.Kernel())
    took_s = time.monotonic() - began_s
    print(json.dumps({"told": len(told), "processors": sum(len(one.vcpus) for one in told.values()),
                      "took_ms": took_s * 1000,
                      "calls": found.hypervisor.calls - calls - (found.looks - looks),
                      "requests": found.store.requests - requests}))
    await found.stop()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def machine(xen: XenHost) -> Iterator[str]:
    """A machine of xl with a disk that the kernel serves, and a network card."""
    xen.host.run("truncate --size 16M /guest/counted.raw && losetup /dev/loop7 /guest/counted.raw")
    devices = "vif=['mac=00:16:3e:00:00:aa,bridge=br0']\ndisk=['phy:/dev/loop7,xvdb,w']\n"
    create(xen, NAME, UUID, memory=128, more=devices)
    yield NAME
    xen.host.try_run(f"xl destroy {NAME}; losetup --detach /dev/loop7")


@pytest.fixture
def idle(xen: XenHost) -> Iterator[str]:
    """A machine of xl that has nothing and does nothing."""
    create(xen, "idle", "70000000-0000-4000-8000-000000000002", memory=72, flag="-p")
    yield "idle"
    xen.host.try_run("xl destroy idle")


def create(xen: XenHost, name: str, uuid: str, *, memory: int, more: str = "", flag: str = "") -> None:
    text = CONFIG.format(name=name, uuid=uuid, memory=memory, maximum=memory + 16, more=more)
    xen.host.run(f"cat > /guest/{name}.cfg && xl create {flag} /guest/{name}.cfg", data=text)


def values(connection: Any) -> dict[str, int]:  # noqa: ANN401 - as above
    """Return what is counted in whole numbers."""
    return {
        one["InstanceID"]: int(one["MetricValue"])
        for one in connection.EnumerateInstances("Xen_BaseMetricValue")
        if "." not in one["MetricValue"]
    }


def pools(connection: Any) -> dict[str, tuple[Any, ...]]:  # noqa: ANN401 - as above
    facts = ("ResourceSubType", "Processors", "Capacity", "SchedulerRateLimit")
    return {
        one["InstanceID"].removeprefix("ProcessorPool/"): tuple(one[fact] for fact in facts)
        for one in connection.EnumerateInstances("Xen_ProcessorPool")
        if not one["Primordial"]
    }


def pool_of(connection: Any, name: str) -> list[str]:  # noqa: ANN401 - as above
    found = connection.EnumerateInstances("Xen_ProcResourceAllocationSettingData")
    return [one["PoolID"] for one in found if one["InstanceID"] == f"{name}/proc"]


def test_cpu_pools_are_processor_pools(connection: Any, xen: XenHost, idle: str) -> None:  # noqa: ANN401 - as above
    lines = [line.split() for line in xen.host.run("xl cpupool-list").splitlines()[1:]]
    assert {name: (found[0], found[2]) for name, found in pools(connection).items()} == {
        line[0]: (line[2], int(line[1])) for line in lines
    }
    limit = int(xen.host.run("xl sched-credit2 -s -p Pool-0").partition("ratelimit=")[2].partition("us")[0])
    shows(lambda: pools(connection), {"Pool-0": ("credit2", "0-1", 2, limit)}, within_s=90)
    shows(lambda: pool_of(connection, idle), ["ProcessorPool/Pool-0"], within_s=20)
    made = "xl cpupool-create 'name=\"second\"' 'sched=\"credit\"' 'cpus=[\"1\"]'"
    xen.host.run(f"xl cpupool-cpu-remove Pool-0 1 && {made}")
    try:
        shows(
            lambda: {name: found[:3] for name, found in pools(connection).items()},
            {"Pool-0": ("credit2", "0", 1), "second": ("credit", "1", 1)},
            within_s=5,
        )
        xen.host.run(f"xl cpupool-migrate {idle} second")
        shows(lambda: pool_of(connection, idle), ["ProcessorPool/second"], within_s=5)
        path = pywbem.CIMInstanceName(
            "Xen_ProcessorPool", {"InstanceID": "ProcessorPool/second"}, namespace="root/virt"
        )
        devices = connection.AssociatorNames(path, ResultClass="Xen_Processor")
        assert [one["DeviceID"] for one in devices] == [f"{idle}/0"]
        assert connection.GetInstance(path)["CurrentlyConsumedResource"] == 1
    finally:
        xen.host.run(
            f"xl cpupool-migrate {idle} Pool-0; xl cpupool-destroy second; xl cpupool-cpu-add Pool-0 1"
        )
    shows(lambda: list(pools(connection)), ["Pool-0"], within_s=5)


def test_the_hypervisor_is_as_xl_info_says(connection: Any, xen: XenHost) -> None:  # noqa: ANN401 - as above
    lines = [line.partition(":") for line in xen.host.run("xl info").splitlines()]
    told = {name.strip(): value.strip() for name, _, value in lines}
    [found] = connection.EnumerateInstances("Xen_Hypervisor")
    assert (found["Version"], found["Scheduler"]) == (told["xen_version"], told["xen_scheduler"])
    assert (found["CommandLine"], found["GuestKinds"]) == (told["xen_commandline"], told["xen_caps"].split())
    # xl counts in mebibytes.
    assert abs(found["FreePhysicalMemory"] // 1024 - int(told["free_memory"])) <= 1
    assert [size // 1024 for size in found["NodeFreeMemory"]] == [found["FreePhysicalMemory"] // 1024]
    assert len(found["NodeMemorySizes"]) == int(told["nr_nodes"])


def test_the_log_is_xl_dmesg(connection: Any, xen: XenHost) -> None:  # noqa: ANN401 - as above
    def lines() -> list[str]:
        return [one["RecordData"].rstrip() for one in connection.EnumerateInstances("Xen_LogEntry")]

    def printed() -> list[str]:
        return [line.rstrip() for line in xen.host.run("xl dmesg").splitlines() if line.strip()]

    assert [line for line in lines() if line.startswith("(XEN) ")] != []
    shows(lambda: lines() == printed(), True, within_s=5)
    [log] = connection.EnumerateInstances("Xen_RecordLog")
    assert log["CurrentNumberOfRecords"] == len(lines())
    # A key that has Xen write something.
    xen.host.run("xl debug-keys h")
    shows(lambda: lines() == printed(), True, within_s=5)
    assert connection.InvokeMethod("ClearLog", log.path)[0] == 0
    assert printed() == lines() == []


def test_counters_are_between_what_xl_and_the_kernel_say_before_and_after(
    connection: Any,  # noqa: ANN401 - as above
    xen: XenHost,
    machine: str,
) -> None:
    number = int(xen.host.run(f"xl domid {machine}"))

    def kernel() -> dict[str, int]:
        folder = f"/sys/bus/xen-backend/devices/vbd-{number}-51728/statistics"
        rows = xen.host.run(
            f"cat {folder}/rd_sect {folder}/rd_req {folder}/wr_sect {folder}/wr_req; "
            f"grep vif{number}.0: /proc/net/dev; xl list {machine} | tail -n 1"
        ).splitlines()
        columns, listed = rows[4].split(":")[1].split(), rows[5].split()
        return {
            f"DiskReadBytes/{machine}/xvdb": int(rows[0]) * SECTOR,
            f"DiskReadRequests/{machine}/xvdb": int(rows[1]),
            f"DiskWrittenBytes/{machine}/xvdb": int(rows[2]) * SECTOR,
            f"DiskWriteRequests/{machine}/xvdb": int(rows[3]),
            f"PortSentBytes/{machine}/00:16:3e:00:00:aa": int(columns[0]),
            f"PortSentPackets/{machine}/00:16:3e:00:00:aa": int(columns[1]),
            f"PortReceivedBytes/{machine}/00:16:3e:00:00:aa": int(columns[8]),
            f"PortReceivedPackets/{machine}/00:16:3e:00:00:aa": int(columns[9]),
            f"MemoryInUse/{machine}": int(listed[2]) * 1024,
            f"ProcessorTime/{machine}": int(float(listed[-1]) * 10**9),
        }

    before = kernel()
    values(connection)  # what others asked a moment ago is older than that
    shows(
        lambda: values(connection)[f"Xen:ProcessorTime/{machine}"] > before[f"ProcessorTime/{machine}"],
        True,
        within_s=5,
    )
    told = values(connection)
    after = kernel()
    wrong = {
        name: (low, told[f"Xen:{name}"], after[name])
        for name, low in before.items()
        # xl rounds to tenths of a second.
        if not low - 10**8 * ("Time" in name) <= told[f"Xen:{name}"] <= after[name] + 10**8 * ("Time" in name)
    }
    assert wrong == {}
    assert told[f"Xen:DiskReadRequests/{machine}/xvdb"] > 0
    assert told[f"Xen:VirtualProcessorPlace/{machine}/0"] in {0, 1}
    [share] = [
        one["MetricValue"]
        for one in connection.EnumerateInstances("Xen_BaseMetricValue")
        if one["InstanceID"] == f"Xen:ProcessorUtilization/{machine}"
    ]
    assert 0 <= float(share) <= 101


def test_many_machines_are_counted_in_one_pass(connection: Any, xen: XenHost) -> None:  # noqa: ANN401 - as above
    many = [f"many-{number}" for number in range(MANY)]
    try:
        for number, name in enumerate(many):
            create(xen, name, f"60000000-0000-4000-8000-0000000000{number:02}", memory=72, flag="-p")
        counted = json.loads(xen.host.run("tee /tmp/count.py | /opt/xencim/bin/python -", data=COUNT))
        print(counted)  # noqa: T201 - the time of a pass
        assert counted["told"] == len(xen.running())
        assert counted["calls"] == 1 + counted["processors"]
        assert counted["requests"] == 0
        shows(
            lambda: sorted(one.partition("/")[2] for one in values(connection) if "MemoryInUse" in one),
            xen.running(),
            within_s=5,
        )
    finally:
        xen.host.run(f"for name in {' '.join(many)}; do xl destroy $name; done; true")
