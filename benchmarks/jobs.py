"""Methods under way: what reads cost beside them, and how many machines are changed at once.

The host is made up in memory: the figures are the server's own, its queues and its journal on disk,
and not a hypervisor's.
"""

from __future__ import annotations

import itertools
import re
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from xml.sax.saxutils import escape

import speed
from client import Connection, Figure, Replay, Sample, body_of, load
from messages import Name, intrinsic, machine, method
from processes import Child

if TYPE_CHECKING:
    from types import TracebackType

    from client import Address

CALM = "same without jobs"
JOBS_PER_SECOND = 10
MACHINES, CLIENTS = 100, 8
CALLS = 3  # on a machine, in its turn
_BESIDE = ("GetInstance", f"EnumerateInstances of {speed.MACHINES}, {len(speed.PROPERTIES)} properties")
_ROUNDS, _ROUND_S = 4, 1.0  # calm and busy take turns
_SECONDS = 4.0
_ENABLED, _DISABLED, _QUIESCE = 2, 3, 9
_RUNS_ALREADY = b"4097"
_RETURNED = re.compile(rb"<RETURNVALUE[^>]*><VALUE>(\d+)</VALUE>")
_SERVICE = "Xen_VirtualSystemManagementService"
_KEY = re.compile(rb'<KEYBINDING NAME="([^"]+)"><KEYVALUE[^>]*>([^<]*)</KEYVALUE>')


@dataclass(frozen=True, slots=True)
class Many:
    """Machines started, modified and stopped by clients at once, each its own machines."""

    machines: int
    clients: int
    one: Figure  # a machine started, modified and stopped: three calls


class _Steady:
    """Some jobs a second, on other machines each time, until the block ends."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        states = (_QUIESCE, _ENABLED)
        calls = [request_state(number, state) for number in range(speed.MACHINES) for state in states]
        due_s = time.monotonic()
        for request in itertools.cycle(calls):
            connection = Connection(self._address, Replay([request]))
            connection.run()
            connection.close()
            due_s += 1 / JOBS_PER_SECOND
            if self._end.wait(max(0.0, due_s - time.monotonic())):
                return


def request_state(number: int, state: int) -> bytes:
    """Return the request that brings a machine into a state."""
    return method(machine(number), "RequestStateChange", ("RequestedState", "uint16", str(state)))


def measure_beside(server: Child) -> list[speed.Compared]:
    """Measure reads while jobs run, against the same reads without."""
    compared = []
    for case in speed.cases():
        if case.what not in _BESIDE:
            continue
        for connections in speed.CONNECTIONS:
            calm, busy = Sample(), Sample()
            for _ in range(_ROUNDS):
                load(calm, server.address, case.script, connections=connections, seconds=_ROUND_S)
                with _Steady(server.address):
                    load(busy, server.address, case.script, connections=connections, seconds=_ROUND_S)
            size = sum(map(len, speed.record(server.address, case.script())))
            what = f"{case.what}, beside {JOBS_PER_SECOND} jobs a second"
            compared.append(speed.Compared(what, CALM, connections, size, busy.figure(), calm.figure()))
    return compared


class _Rounds:
    """A client's own machines in turn: started, modified, stopped; each call must be carried out."""

    def __init__(self, service: Name, client: int) -> None:
        self._service = service
        self._numbers = itertools.cycle(range(client, MACHINES, CLIENTS))
        self._left: list[bytes] = []

    def first(self) -> bytes:
        """Return the first call on the next machine."""
        number = next(self._numbers)
        self._left = [_modification(self._service, number), request_state(number, _DISABLED)]
        return request_state(number, _ENABLED)

    def following(self, tail: bytes) -> bytes | None:
        """Return the next call on the same machine."""
        returned = _RETURNED.search(tail)
        # Some machines run already when they are first asked to.
        allowed = (b"0",) if len(self._left) < CALLS - 1 else (b"0", _RUNS_ALREADY)
        if returned is None or returned[1] not in allowed:
            raise RuntimeError(f"not done: {tail.decode(errors='replace')}")
        return self._left.pop(0) if self._left else None


def _modification(service: Name, number: int) -> bytes:
    settings = f'instance of Xen_VirtualSystemSettingData {{ InstanceID = "Xen:vm-{number:05d}"; '
    settings += f'Notes = {{ "{time.monotonic_ns()}" }}; }};'
    return method(service, "ModifySystemSettings", ("SystemSettings", "string", escape(settings)))


def _service(address: Address) -> Name:
    names = body_of(address, intrinsic("EnumerateInstanceNames", of_class=_SERVICE))
    return _SERVICE, {key.decode(): value.decode() for key, value in _KEY.findall(names)}


def measure_many() -> Many:
    """Have all machines started, modified and stopped by all clients at once."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Child("serve.py", folder, f"fake:{MACHINES}") as server,
    ):
        sample = Sample()
        clients = itertools.count()
        service = _service(server.address)

        def rounds() -> _Rounds:
            return _Rounds(service, next(clients))

        load(sample, server.address, rounds, connections=CLIENTS, seconds=_SECONDS)
        return Many(MACHINES, CLIENTS, sample.figure())
