"""Wishes, and what virsh tells when they have been granted: the words that scenarios are written in."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pywbem import CIMDateTime, Uint16

from .actors import Call, New, Ref

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Libvirtd

    from .actors import Server, Wish

SHOWN_WITHIN_S = 20
WITHIN = CIMDateTime(timedelta(seconds=60))
MANAGEMENT, POOLS = Ref("VirtualSystemManagementService"), Ref("ResourcePoolConfigurationService")


@dataclass(frozen=True)
class Host:
    """A hypervisor and its server, and a folder for images."""

    libvirtd: Libvirtd
    server: Server
    folder: Path

    def virsh(self, *words: str) -> str:
        return self.libvirtd.virsh(*words)


@dataclass(frozen=True)
class Step:
    """A wish, and what is seen when it has been granted."""

    wish: Wish
    look: Callable[[Host], object]
    expected: object


def shows(look: Callable[[Host], object], host: Host, expected: object) -> None:
    """Wait until a look shows what is expected."""
    until_s = time.monotonic() + SHOWN_WITHIN_S
    while (seen := look(host)) != expected:
        assert time.monotonic() < until_s, (seen, expected)
        time.sleep(0.02)


def words(*command: str) -> Callable[[Host], object]:
    """Look at the words that virsh prints."""
    return lambda host: host.virsh(*command).split()


def field(name: str, *command: str) -> Callable[[Host], object]:
    """Look at one line of what virsh tells."""

    def look(host: Host) -> object:
        lines = host.virsh(*command).splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))

    return look


def xml(path: str, *command: str) -> Callable[[Host], object]:
    """Look at elements of what virsh tells in XML: their attributes, or their text where they have none."""

    def look(host: Host) -> object:
        found = ET.fromstring(host.virsh(*command)).findall(path)  # noqa: S314 - from libvirt
        return [one.attrib or one.text for one in found]

    return look


def settings(cls: str, **properties: Any) -> New:  # noqa: ANN401 - of every type
    return New(f"{cls}SettingData", properties)


def resource(cls: str, **properties: Any) -> New:  # noqa: ANN401 - of every type
    return settings(f"{cls}ResourceAllocation", **properties)


def whole(name: str) -> Ref:
    return Ref("VirtualSystemSettingData", {"InstanceID": f"KVM:{name}"})


def manage(method: str, **parameters: Any) -> Call:  # noqa: ANN401 - of every type
    return Call(MANAGEMENT, method, parameters)


def pools(method: str, **parameters: Any) -> Call:  # noqa: ANN401 - of every type
    return Call(POOLS, method, parameters)


def state(target: Ref, requested: int, **more: Any) -> Call:  # noqa: ANN401 - of every type
    return Call(target, "RequestStateChange", {"RequestedState": Uint16(requested), **more})
