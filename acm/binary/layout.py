"""The binary form of a policy: what its words mean. Everything is big-endian, each section padded to 8.

    header   magic, format, length of all, offset of the reference, code and offset of the primary and
             of the secondary component; formats 3 and 4: the version's two numbers; format 4: 20 bytes
             of SHA-1 of the document
    reference  length of the name with its NUL, the name
    Chinese Wall  version, code, types, slots, conflict sets, offsets of: slots, conflict sets, types
             that run, aggregate (these two are 0 in a file); a row of 16-bit flags a slot, one a set
    Simple Type Enforcement  version, code, types, slots, offset of the slots; a row of flags a slot

Source: Xen 3.0.4 (format 2), 3.1-3.2 (3), 3.3-4.1 (4): public/xsm/acm.h.
"""

from __future__ import annotations

import struct

MAGIC = 0x0001_DEBC
MAGIC_BYTES = MAGIC.to_bytes(4)
"""What a binary starts with."""
SECTION_VERSION = 1
CODE_NONE = 0
CODE_UNDEFINED = 15
"""What Xen's compiler writes as the secondary component of a policy of Simple Type Enforcement only."""

HEADER = struct.Struct(">8I")
VERSION = struct.Struct(">2I")
SHA1_BYTES = 20
REFERENCE = struct.Struct(">I")
CHINESE_WALL = struct.Struct(">9I")
STE = struct.Struct(">5I")
HEADER_BYTES = {2: 32, 3: 40, 4: 60}
"""The header's length by the format."""
FLAG_BYTES = 2
# 10,000 labels of 1,000 types are 20 MB for each component.
MAX_BYTES = 64 << 20


def padded(length: int) -> int:
    """Return a length rounded up to the next eight bytes."""
    return (length + 7) & ~7
