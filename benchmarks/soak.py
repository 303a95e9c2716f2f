"""Half an hour of mixed load: ``make soak``; memory, threads and descriptors must stay level.

Clients of all manners (every kind of operation, requests that are wrong, pulls that are abandoned,
connections dropped in the middle) meet a host whose machines come, change and go all the time. The
first quarter of the time is for warming up. The rule, for what is sampled each second:

- memory: the median of the last quarter is at most 5 % or 8 MiB above that of the second quarter;
- threads: the last quarter has at no time more than the second had;
- descriptors: a moment after the last client has gone there are no more than before the load;
- and no reply but those of requests that are meant to fail says that the server failed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib.util
import random
import socket
import statistics
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from client import Pulls
from messages import intrinsic, machine, method
from processes import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client import Address

MACHINES = 300
_GROWTH = 1.05
_GROWTH_MIB = 8
_SAMPLE_S = 1
_SETTLE_S = 10
_PAUSE_S = 0.002  # between two requests of a client: the load is mixed, not maximal
_CHANGES_PAUSE_S = 0.05
_TIMEOUT_S = 60
_CLASS = "Xen_ComputerSystem"
_NO_LINGER = struct.pack("ii", 1, 0)  # closing resets the connection

Manner = "Callable[[Address], Iterator[int]]"  # yields the status of each reply


# Manners of clients ----------------------------------------------------------------------------


def reads(address: Address) -> Iterator[int]:
    """Ask for everything in turn, over connections that stay for a while."""
    while True:
        with _connected(address) as connection:
            for _ in range(200):
                yield _ask(connection, random.choice(_GOOD)())


def errs(address: Address) -> Iterator[int]:
    """Ask for what is not there, in ways that are not allowed, without credentials."""
    while True:
        with _connected(address) as connection:
            for request in _BAD:
                yield _ask(connection, request)


def abandons(address: Address) -> Iterator[int]:
    """Open enumerations, pull some pages, and leave two of three open."""
    script = Pulls(
        intrinsic("OpenEnumerateInstances", of_class=_CLASS, MaxObjectCount=5, OperationTimeout=3),
        lambda context: intrinsic("PullInstancesWithPath", EnumerationContext=context, MaxObjectCount=20),
    )
    for number in range(sys.maxsize):
        with _connected(address) as connection:
            request: bytes | None = script.first()
            for _ in range(random.randrange(1, 9)):
                if request is None:
                    break
                status, body = _exchange(connection, request)
                yield status
                request = script.following(body)
            if number % 3 == 0 and request is not None:
                context = request.partition(b"<VALUE>")[2].partition(b"<")[0].decode()
                yield _ask(connection, intrinsic("CloseEnumeration", EnumerationContext=context))


def drops(address: Address) -> Iterator[int]:
    """Leave in the middle of a request or a reply."""
    request = intrinsic("EnumerateInstances", of_class="CIM_ManagedElement")
    while True:
        with socket.create_connection(address, timeout=_TIMEOUT_S) as connection:
            if random.random() < 1 / 3:
                connection.sendall(request[: random.randrange(len(request))])
            else:
                connection.sendall(request)
                connection.recv(random.choice((1, 4096, 1 << 16)))
            if random.random() < 1 / 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        yield 0


def acts(address: Address) -> Iterator[int]:
    """Have machines started and stopped."""
    while True:
        with _connected(address) as connection:
            for _ in range(50):
                state = random.choice(("2", "3", "9"))
                request = method(_some_machine(), "RequestStateChange", ("RequestedState", "uint16", state))
                yield _ask(connection, request)


MANNERS = (reads, reads, reads, errs, abandons, drops, acts)


def _some_machine() -> tuple[str, dict[str, str]]:
    return machine(random.randrange(MACHINES * 2))


def _instances_of(name: str, namespace: str = "root/virt") -> Callable[[], bytes]:
    request = intrinsic("EnumerateInstances", of_class=name, namespace=namespace)
    return lambda: request


_GOOD: tuple[Callable[[], bytes], ...] = (
    lambda: intrinsic("GetInstance", of_instance=_some_machine(), PropertyList=("Name", "EnabledState")),
    lambda: intrinsic("GetInstance", of_instance=_some_machine(), IncludeClassOrigin=True),
    lambda: intrinsic("EnumerateInstanceNames", of_class="CIM_LogicalDevice"),
    _instances_of(_CLASS),
    _instances_of("CIM_SettingData"),
    _instances_of("Xen_SystemDevice"),
    _instances_of("CIM_RegisteredProfile", "interop"),
    lambda: intrinsic("Associators", of_object=_some_machine()),
    lambda: intrinsic("AssociatorNames", of_object=_some_machine(), AssocClass="CIM_SystemDevice"),
    lambda: intrinsic("References", of_object=_some_machine()),
    lambda: intrinsic("ReferenceNames", of_object=_some_machine()),
    lambda: intrinsic(
        "ExecQuery",
        QueryLanguage="DMTF:CQL",
        Query=f"SELECT Name FROM {_CLASS} WHERE EnabledState = {random.randrange(12)}",  # noqa: S608 - CQL, of our own
    ),
    lambda: intrinsic("EnumerateClasses", DeepInheritance=True),
    lambda: intrinsic("GetClass", of_class=random.choice((_CLASS, "CIM_ComputerSystem"))),
    lambda: intrinsic("EnumerateQualifiers"),
    lambda: intrinsic(
        "EnumerateInstances", of_class=_CLASS, PropertyList=("Name", f"Unknown{random.randrange(1000)}")
    ),
)
_REQUEST = intrinsic("GetInstance", of_instance=machine(1))
_BAD = (
    intrinsic("GetInstance", of_instance=machine(10**9)),
    intrinsic("EnumerateInstances", of_class="Xen_Nothing"),
    intrinsic("EnumerateInstances", of_class=_CLASS, namespace="root/nowhere"),
    intrinsic("PullInstancesWithPath", EnumerationContext="nonsense", MaxObjectCount=1),
    intrinsic("ExecQuery", QueryLanguage="WQL", Query="SELECT FROM WHERE"),
    intrinsic("DeleteInstance", of_instance=machine(1)),
    _REQUEST.replace(b"</CIM>", b"</MIC>"),
    _REQUEST.replace(b"<?xml", b"<!x>?"),
    _REQUEST.replace(b"POST /cimom", b"POST /nowhere"),
    _REQUEST.replace(b"Authorization", b"X-Nothing"),
)


# HTTP --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _connected(address: Address) -> Iterator[http.client.HTTPConnection]:
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=_TIMEOUT_S)) as connection:
        yield connection


def _ask(connection: http.client.HTTPConnection, request: bytes) -> int:
    return _exchange(connection, request)[0]


def _exchange(connection: http.client.HTTPConnection, request: bytes) -> tuple[int, bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    connection.request("POST", first.split()[1], body, headers)
    reply = connection.getresponse()
    return reply.status, reply.read()


# The run -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """What the server takes at one moment."""

    memory_mib: float
    threads: int
    descriptors: int


class Load:
    """The clients, each in a thread, until told to stop."""

    def __init__(self, server: Child) -> None:
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.broken: list[str] = []
        self._server = server
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(manner,), name=manner.__name__) for manner in MANNERS
        ]
        self._threads.append(threading.Thread(target=self._change))

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and let all connections go."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, manner: Callable[[Address], Iterator[int]]) -> None:
        try:
            for status in manner(self._server.address):
                self.statuses[manner.__name__, status] += 1
                if self._stop.wait(_PAUSE_S):
                    return
        except (OSError, http.client.HTTPException) as error:
            self.broken.append(f"{manner.__name__}: {error!r}")

    def _change(self) -> None:
        while not self._stop.wait(_CHANGES_PAUSE_S):
            for command in ("come 3", "change 5", "go 3"):
                self._server.tell(command)


def soak(minutes: float) -> bool:
    """Run, print the figures and tell whether all stayed level."""
    backends = [f"fake:{MACHINES}"]
    if importlib.util.find_spec("libvirt"):
        backends.append("test:///default")
    with tempfile.TemporaryDirectory() as folder, Child("serve.py", folder, *backends) as server:
        for manner in MANNERS:
            next(manner(server.address))  # what is opened once for all is open then
        time.sleep(_SAMPLE_S)
        before = _reading(server)
        load = Load(server)
        load.start()
        readings: list[Reading] = []
        try:
            ends_s = time.monotonic() + minutes * 60
            while time.monotonic() < ends_s and not load.broken:
                time.sleep(_SAMPLE_S)
                readings.append(_reading(server))
        finally:
            load.stop()
        time.sleep(_SETTLE_S)
        after = _reading(server)
    faults = [*load.broken, *_faults(before, readings, after), *_failures(load.statuses)]
    _show(before, readings, after, load.statuses)
    print("\n".join(faults) if faults else "level")
    return not faults


def _reading(server: Child) -> Reading:
    return Reading(server.memory_mib("VmRSS"), server.threads(), server.descriptors())


def _quarter(readings: list[Reading], number: int) -> list[Reading]:
    size = len(readings) // 4
    return readings[size * (number - 1) : size * number] or readings


def _faults(before: Reading, readings: list[Reading], after: Reading) -> Iterator[str]:
    early, late = _quarter(readings, 2), _quarter(readings, 4)
    was, is_now = (statistics.median(r.memory_mib for r in quarter) for quarter in (early, late))
    if is_now > max(was * _GROWTH, was + _GROWTH_MIB):
        yield f"NOT LEVEL: memory grew from {was:.1f} to {is_now:.1f} MiB"
    threads = max(r.threads for r in early), max(r.threads for r in late)
    if threads[1] > threads[0]:
        yield f"NOT LEVEL: threads grew from {threads[0]} to {threads[1]}"
    if after.descriptors > before.descriptors:
        yield f"NOT LEVEL: {after.descriptors} descriptors are left, {before.descriptors} were there"


def _failures(statuses: Counter[tuple[str, int]]) -> Iterator[str]:
    for (manner, status), count in statuses.items():
        if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            yield f"FAILED: {count} replies {status} to a client that {manner}"


def _show(
    before: Reading, readings: list[Reading], after: Reading, statuses: Counter[tuple[str, int]]
) -> None:
    counts = ", ".join(
        f"{manner} {status or 'dropped'}: {count}" for (manner, status), count in sorted(statuses.items())
    )
    print(f"{sum(statuses.values())} requests: {counts}")
    print(f"{'':14} {'MiB (median)':>12} {'most':>8} {'threads':>8} {'descriptors':>12}")
    quarters = ((f"quarter {number}", _quarter(readings, number)) for number in (1, 2, 3, 4))
    for name, part in chain((("before", [before]),), quarters, (("after", [after]),)):
        print(
            f"{name:14} {statistics.median(r.memory_mib for r in part):12.1f}"
            f" {max(r.memory_mib for r in part):8.1f} {max(r.threads for r in part):8}"
            f" {max(r.descriptors for r in part):12}"
        )


def main() -> None:
    """Run for half an hour, or as long as told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    sys.exit(not soak(parser.parse_args().minutes))


if __name__ == "__main__":
    main()
