"""`xencim vm console --attach` to a real QEMU guest, which answers each byte with the next one."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = pytest.mark.libvirtd

WITHIN_S = 60
# Waits for a byte on the serial port (0x3f8), and sends it back plus one.
_CODE = "bafd03eca80174f8baf803ecfec0eeebef"
BOOT_IMAGE = (bytes.fromhex(_CODE).ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0")
_DOMAIN = """
<domain type='qemu'>
  <name>talker</name><memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{boot}'/><target dev='vda' bus='virtio'/><readonly/>
    </disk>
    <serial type='pty'/>
  </devices>
</domain>
"""


def test_the_guest_answers(libvirtd: Libvirtd, serve: Serve, tmp_path: Path) -> None:
    boot, xml = tmp_path / "boot.img", tmp_path / "talker.xml"
    boot.write_bytes(BOOT_IMAGE)
    xml.write_text(_DOMAIN.format(boot=boot))
    libvirtd.virsh("create", str(xml))
    try:
        with serve(libvirtd.uri, has_socket=True) as server:
            words = [sys.executable, "-m", "xencim", "vm", "console", "talker", "--attach"]
            words += ["--state-dir", str(server.state_dir), "--socket", str(server.state_dir / "socket")]
            with subprocess.Popen(
                words,
                env=server.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            ) as console:
                assert console.stdin is not None
                assert console.stdout is not None
                assert console.stderr is not None
                deadline_s = time.monotonic() + WITHIN_S
                told: list[IO[bytes]] = []
                while not told:  # until the guest has started
                    assert time.monotonic() < deadline_s
                    assert console.poll() is None, console.stderr.read()
                    console.stdin.write(b"A")
                    told, _, _ = select.select([console.stdout], [], [], 0.5)
                assert set(console.stdout.read(100)) == {ord("B")}
                console.stdin.write(b"\x1d")
                assert console.wait(WITHIN_S) == 0
                assert b"Ctrl-] leaves" in console.stderr.read()
    finally:
        libvirtd.virsh("destroy", "talker")
