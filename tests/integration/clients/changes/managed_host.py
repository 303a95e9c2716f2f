"""A hypervisor whose machines are managed by pywbem; virsh is the second opinion."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMDateTime, CIMError, CIMInstance, CIMInstanceName, CIMProperty, Uint16

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Libvirtd

WITHIN = CIMDateTime(timedelta(seconds=60))


@dataclass(frozen=True)
class Host:
    """A hypervisor, its server, and a client of that."""

    libvirtd: Libvirtd
    uri: str
    prefix: str
    connection: Any
    folder: Path

    def virsh(self, *words: str) -> str:
        return self.libvirtd.virsh(*words, uri=self.uri)

    def xml(self, name: str, *options: str) -> ET.Element:
        return ET.fromstring(self.virsh("dumpxml", name, *options))  # noqa: S314 - from libvirt

    def instance(self, cls: str, **properties: Any) -> CIMInstance:  # noqa: ANN401 - of every type
        return CIMInstance(f"{self.prefix}_{cls}", {k: CIMProperty(k, v) for k, v in properties.items()})

    def setting(self, cls: str, instance_id: str) -> CIMInstanceName:
        return CIMInstanceName(f"{self.prefix}_{cls}", {"InstanceID": instance_id}, namespace="root/virt")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        [service] = self.connection.EnumerateInstanceNames(f"{self.prefix}_VirtualSystemManagementService")
        returned, out = self.connection.InvokeMethod(method, service, **parameters)
        assert returned == 0, (method, returned)
        return dict(out)

    def refusal(self, method: str, **parameters: object) -> tuple[int, str]:
        with pytest.raises(CIMError) as caught:
            self.call(method, **parameters)
        return caught.value.status_code, caught.value.status_description

    def start(self, system: CIMInstanceName) -> None:
        returned, _ = self.connection.InvokeMethod(
            "RequestStateChange", system, RequestedState=Uint16(2), TimeoutPeriod=WITHIN
        )
        assert returned == 0

    def disk(self, name: str, size: str) -> str:
        path = str(self.folder / f"{name}.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size], check=True)
        return path
