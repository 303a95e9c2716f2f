"""The server's speed against constants served by its own HTTP stack, and against a plain provider."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from client import Connection, Figure, Pulls, Replay, Sample, body_of, load
from libvirtd import test_driver
from messages import intrinsic, machine, post
from processes import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client import Address, Script

CONNECTIONS = (1, 8)
CONSTANT = "constant"
PLAIN = "plain provider"
MACHINES = 1000
FEW_MACHINES = 100
PROPERTIES = (
    "Caption",
    "Description",
    "ElementName",
    "Name",
    "OperationalStatus",
    "StatusDescriptions",
    "HealthState",
    "CommunicationStatus",
    "DetailedStatus",
    "OperatingStatus",
    "PrimaryStatus",
    "EnabledState",
    "RequestedState",
    "EnabledDefault",
    "AvailableRequestedStates",
    "TransitioningToState",
    "CreationClassName",
    "NameFormat",
    "OtherIdentifyingInfo",
    "IdentifyingDescriptions",
)
_PAGE = 100
# The server and its reference take turns, so that what else the machine does meets both.
_ROUNDS = 3
_ROUND_S = 0.5
_AFTER_CHANGE = 40
_COLD = 15
_PLAIN_S = 5
_CLASS = "Xen_ComputerSystem"
_FEW = "root/virt-2"


@dataclass(frozen=True, slots=True)
class Compared:
    """One operation's figures, and its reference's."""

    what: str
    against: str
    connections: int
    reply_bytes: int
    ours: Figure
    reference: Figure

    @property
    def slower(self) -> float:
        """How many times as long as the reference it takes: in latency alone, in rate with company."""
        if self.connections == 1:
            return self.ours.median_ms / self.reference.median_ms
        return self.reference.per_second / self.ours.per_second


@dataclass(frozen=True, slots=True)
class Case:
    """An operation to measure."""

    what: str
    script: Callable[[], Script]


def enumerate_instances(namespace: str = "root/virt", *, properties: tuple[str, ...] = ()) -> bytes:
    """Return the request for all machines."""
    if not properties:
        return intrinsic("EnumerateInstances", of_class=_CLASS, namespace=namespace)
    return intrinsic("EnumerateInstances", of_class=_CLASS, namespace=namespace, PropertyList=properties)


def cases() -> list[Case]:
    """Return what is measured on the host made up in memory."""
    one = machine(5)
    some = f"{len(PROPERTIES)} properties"
    return [
        _single("GetInstance", intrinsic("GetInstance", of_instance=one)),
        _single(
            f"EnumerateInstanceNames of {MACHINES}", intrinsic("EnumerateInstanceNames", of_class=_CLASS)
        ),
        _single(
            f"EnumerateInstances of {FEW_MACHINES}, {some}", enumerate_instances(_FEW, properties=PROPERTIES)
        ),
        _single(f"EnumerateInstances of {FEW_MACHINES}, all properties", enumerate_instances(_FEW)),
        _single(f"EnumerateInstances of {MACHINES}, {some}", enumerate_instances(properties=PROPERTIES)),
        _single(f"EnumerateInstances of {MACHINES}, all properties", enumerate_instances()),
        _single("Associators of one machine", intrinsic("Associators", of_object=one)),
        Case(f"OpenEnumerateInstances and pulls of {MACHINES}, pages of {_PAGE}", _pulls),
    ]


def _single(what: str, request: bytes) -> Case:
    return Case(what, _replay(request))


def _pulls() -> Pulls:
    opening = intrinsic("OpenEnumerateInstances", of_class=_CLASS, MaxObjectCount=_PAGE)

    def pull(context: str) -> bytes:
        return intrinsic("PullInstancesWithPath", EnumerationContext=context, MaxObjectCount=_PAGE)

    return Pulls(opening, pull)


def record(address: Address, script: Script) -> list[bytes]:
    """Return the bodies of a script's replies."""
    request: bytes | None = script.first()
    bodies = []
    while request is not None:
        bodies.append(body_of(address, request))
        request = script.following(bodies[-1])
    return bodies


@contextlib.contextmanager
def constants(bodies: list[bytes]) -> Iterator[Child]:
    """Serve bodies as constants, each at the path of its number."""
    with tempfile.TemporaryDirectory() as folder:
        for number, body in enumerate(bodies):
            Path(folder, str(number)).write_bytes(body)
        with Child("constant.py", folder) as child:
            yield child


# On the host made up in memory -----------------------------------------------------------------


def measure_operations(server: Address) -> list[Compared]:
    """Measure each operation warm, in turns with its constant."""
    return [compared for case in cases() for compared in _measure_case(server, case)]


def _measure_case(server: Address, case: Case) -> Iterator[Compared]:
    bodies = record(server, case.script())
    like = _body_of_request(case.script().first())
    constant = _replay(*(post(like, f"/{number}") for number in range(len(bodies))))
    with constants(bodies) as reference:
        for connections in CONNECTIONS:
            ours, theirs = Sample(), Sample()
            for _ in range(_ROUNDS):
                load(ours, server, case.script, connections=connections, seconds=_ROUND_S)
                load(theirs, reference.address, constant, connections=connections, seconds=_ROUND_S)
            size = sum(map(len, bodies))
            yield Compared(case.what, CONSTANT, connections, size, ours.figure(), theirs.figure())


def _replay(*requests: bytes) -> Callable[[], Script]:
    return lambda: Replay(requests)


def _body_of_request(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


def measure_changes(server: Child) -> list[Compared]:
    """Measure the first enumeration after changes, against the same bytes as a constant."""
    compared = []
    for shape, properties in (("all properties", ()), (f"{len(PROPERTIES)} properties", PROPERTIES)):
        request = enumerate_instances(properties=properties)
        body = body_of(server.address, request)
        with constants([body]) as reference:
            theirs = Sample()
            constant = _replay(post(_body_of_request(request), "/0"))
            load(theirs, reference.address, constant, connections=1, seconds=_ROUND_S)
        changed = MACHINES // 100
        for when, command, times in (
            ("unchanged, after a pause", "change 0", _AFTER_CHANGE),
            (f"after {changed} machines changed", f"change {changed}", _AFTER_CHANGE),
            ("cold", "renew", _COLD),
        ):
            ours = _after(server, command, request, times)
            what = f"EnumerateInstances of {MACHINES}, {shape}, {when}"
            compared.append(Compared(what, CONSTANT, 1, len(body), ours.figure(), theirs.figure()))
    return compared


def _after(server: Child, command: str, request: bytes, times: int) -> Sample:
    sample = Sample()
    connection = Connection(server.address, Replay([request]))
    try:
        connection.run()
        for _ in range(times):
            server.tell(command)
            sample.times_s.append(connection.run())
        sample.busy_s = sum(sample.times_s)
    finally:
        connection.close()
    return sample


def first_ms(server: Address) -> float:
    """Return how long the first enumeration after the start takes; what is compiled, it compiles."""
    body_of(server, intrinsic("GetClass", of_class=_CLASS))  # authenticates
    began_s = time.perf_counter()
    body_of(server, enumerate_instances())
    return (time.perf_counter() - began_s) * 1000


# On libvirt's test driver ----------------------------------------------------------------------


def measure_plain() -> list[Compared]:
    """Measure against a plain provider, both on the test driver of a libvirtd of their own."""
    compared = []
    with (
        tempfile.TemporaryDirectory() as folder,
        test_driver(Path(folder), MACHINES) as uri,
        Child("serve.py", Path(folder, "state"), uri) as server,
        Child("plain.py", uri) as plain,
    ):
        request = enumerate_instances(properties=PROPERTIES)
        size = len(body_of(server.address, request))
        for connections in CONNECTIONS:
            ours, theirs = Sample(), Sample()
            load(ours, server.address, _replay(request), connections=connections, seconds=_ROUND_S)
            load(theirs, plain.address, _replay(request), connections=connections, seconds=_PLAIN_S)
            what = f"EnumerateInstances of {MACHINES}, {len(PROPERTIES)} properties, on libvirt"
            compared.append(Compared(what, PLAIN, connections, size, ours.figure(), theirs.figure()))
    return compared
