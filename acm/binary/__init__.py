"""The binary form of a policy that hypervisors with ACM load, and the map file beside it."""

from xencim.acm.binary.compiler import compile_policy

__all__ = ["compile_policy"]
