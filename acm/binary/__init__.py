"""The binary form of a policy that hypervisors with ACM load, and the map file beside it."""

from xencim.acm.binary.compiler import compile_policy
from xencim.acm.binary.decompiler import decompile
from xencim.acm.binary.layout import MAGIC_BYTES
from xencim.acm.binary.mapfile import write_map
from xencim.acm.binary.reader import Binary, read_binary

__all__ = ["MAGIC_BYTES", "Binary", "compile_policy", "decompile", "read_binary", "write_map"]
