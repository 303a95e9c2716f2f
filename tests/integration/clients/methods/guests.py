"""A guest of one sector that does what it is asked: echoes keys, lets go of devices, switches itself off.

On a machine of QEMU's type ``pc`` it writes ``!`` to its first serial port when it starts and each key
that is pressed after that, gives back PCI devices that are asked back, and ends when its power button is
pressed. Between timer ticks it is halted, so it costs next to nothing.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_START = """
ba f8 03       mov dx, 0x3f8       the first serial port
b0 21          mov al, '!'
ee             out dx, al
ba 02 06       mov dx, 0x602       PIIX4's PM1_EN: the power button is told of
b8 00 01       mov ax, 0x100
ef             out dx, ax
f4             hlt                 (loop) until the next tick
ba 04 ae       mov dx, 0xae04      PCI devices that are asked back
66 ed          in eax, dx
66 85 c0       test eax, eax
74 05          jz +5
80 c2 04       add dl, 4           0xae08: these are let go of
66 ef          out dx, eax
ba 00 06       mov dx, 0x600       PM1_STS
ed             in ax, dx
f6 c4 01       test ah, 1          the power button was pressed
75 10          jnz off
b4 01          mov ah, 1
cd 16          int 0x16            a key?
74 e1          jz loop
30 e4          xor ah, ah
cd 16          int 0x16            this key
ba f8 03       mov dx, 0x3f8
ee             out dx, al
eb d7          jmp loop
ba 04 06       mov dx, 0x604       (off) PM1_CNT: S5, go
b8 00 20       mov ax, 0x2000
ef             out dx, ax
eb fe          jmp $
"""
_CODE = bytes.fromhex("".join(line[:15] for line in _START.splitlines()))
GREETING = "!"


def boot_disk(folder: Path, name: str) -> Path:
    """Make the guest's disk in qcow2; the firmware starts none of one sector, so it is larger."""
    raw, image = folder / f"{name}.raw", folder / f"{name}.qcow2"
    raw.write_bytes((_CODE.ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0"))
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(image)]
    subprocess.run(convert, check=True)
    raw.unlink()
    return image
