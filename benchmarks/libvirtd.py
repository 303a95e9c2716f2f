"""A private libvirtd whose test driver holds any number of machines, reached over its Unix socket.

Needs root, Debian's libvirt packages and the scripts `libvirtd-start` and `libvirtd-stop`, looked
for in ``XENCIM_SHARED``/tools or ``../shared/tools``.
Errors: Unavailable says what is missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOOLS = Path(
    os.environ.get("XENCIM_SHARED") or Path(__file__).resolve().parents[1].with_name("shared"), "tools"
)

_MACHINE = """<domain type="test">
  <name>vm-{number:05d}</name>
  <uuid>0e7f1d5c-40a2-4b6e-9c3d-{number:012x}</uuid>
  <description>Machine {number} of libvirt's test driver</description>
  <memory unit="KiB">2097152</memory>
  <vcpu>2</vcpu>
  <os><type arch="x86_64">hvm</type><boot dev="hd"/></os>
  <features><acpi/><apic/></features>
  <devices>
    <disk type="file" device="disk">
      <driver name="qemu" type="qcow2"/><source file="/images/vm-{number:05d}.qcow2"/>
      <target dev="vda" bus="virtio"/>
    </disk>
    <interface type="network">
      <mac address="52:54:00:{high:02x}:{low:02x}:01"/><source network="default"/><model type="virtio"/>
    </interface>
    <graphics type="vnc" port="-1" autoport="yes" listen="127.0.0.1"/>
  </devices>
</domain>
"""


class Unavailable(Exception):  # noqa: N818 - its text says what is missing
    """A private libvirtd cannot be had here."""


@contextlib.contextmanager
def test_driver(folder: Path, machines: int) -> Iterator[str]:
    """Start the daemon and yield the URI of its test driver."""
    if os.geteuid() != 0:
        raise Unavailable("a private libvirtd needs root")
    if not shutil.which("libvirtd"):
        raise Unavailable("libvirtd is not installed")
    if not (_TOOLS / "libvirtd-start").exists():
        raise Unavailable(f"{_TOOLS / 'libvirtd-start'} is not there")
    host = folder / "host.xml"
    host.write_text(host_xml(machines), encoding="utf-8")
    base = folder / "libvirtd"
    subprocess.run([_TOOLS / "libvirtd-start", base], check=True, stdout=subprocess.DEVNULL)
    try:
        yield f"test+unix://{host}?socket={base}/libvirt-sock"
    finally:
        subprocess.run([_TOOLS / "libvirtd-stop", base], check=True)


def host_xml(machines: int) -> str:
    """Return the test driver's description of a host."""
    domains = "".join(
        _MACHINE.format(number=number, high=number >> 8, low=number & 255)
        for number in range(1, machines + 1)
    )
    network = (
        "<network><name>default</name><bridge name='virbr0'/><forward/>"
        "<ip address='192.168.122.1' netmask='255.255.255.0'/></network>"
    )
    return f"<node>{domains}{network}</node>"
