"""Large hosts: how long the start takes, and what enumerating every class once needs."""

from __future__ import annotations

import re
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from client import Connection, Replay, body_of
from libvirtd import test_driver
from messages import intrinsic
from processes import Child

FAKE_MACHINES = 10_000
LIBVIRT_MACHINES = 1000
_PROBE_PAUSE_S = 0.001


@dataclass(frozen=True, slots=True)
class Scaled:
    """A large host's figures."""

    what: str
    start_s: float
    classes: int
    enumeration_s: float
    reply_bytes: int
    peak_mib: float
    longest_wait_ms: float  # of a small request beside the enumerations
    slowest: tuple[str, float]  # the class and its seconds


def measure_fake() -> Scaled:
    """Enumerate everything of a host made up in memory."""
    with tempfile.TemporaryDirectory() as folder:
        return _measure(f"{FAKE_MACHINES} machines made up in memory", folder, f"fake:{FAKE_MACHINES}")


def measure_libvirt() -> Scaled:
    """Enumerate everything of libvirt's test driver."""
    with tempfile.TemporaryDirectory() as folder, test_driver(Path(folder), LIBVIRT_MACHINES) as uri:
        return _measure(f"{LIBVIRT_MACHINES} machines of libvirt's test driver", folder, uri)


def _measure(what: str, folder: str, backend: str) -> Scaled:
    with Child("serve.py", Path(folder, "state"), backend) as server, _Probe(server) as probe:
        times: dict[str, float] = {}
        size = 0
        for name in _classes(server):
            began_s = time.perf_counter()
            request = intrinsic("EnumerateInstances", of_class=name, DeepInheritance=True)
            connection = Connection(server.address, Replay([request]))
            connection.run()
            connection.close()
            size += connection.received_bytes
            times[name] = time.perf_counter() - began_s
        slowest = max(times, key=times.__getitem__)
        return Scaled(
            what,
            server.start_s,
            len(times),
            sum(times.values()),
            size,
            server.memory_mib("VmHWM"),
            probe.longest_s * 1000,
            (slowest, times[slowest]),
        )


def _classes(server: Child) -> list[str]:
    """Return the classes that may have instances: ours."""
    reply = body_of(server.address, intrinsic("EnumerateClassNames", DeepInheritance=True))
    return re.findall(r'<CLASSNAME NAME="(Xen_[^"]+)"', reply.decode())


class _Probe:
    """Asks for something small again and again, and notes how long the longest answer took."""

    def __init__(self, server: Child) -> None:
        self.longest_s = 0.0
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        request = intrinsic("GetClass", of_class="Xen_ComputerSystem")
        connection = Connection(self._server.address, Replay([request]))
        connection.run()
        while not self._ended.wait(_PROBE_PAUSE_S):
            self.longest_s = max(self.longest_s, connection.run())
        connection.close()
