"""The way to existing CIMOMs: the library that they load, and the daemon's end of its socket.

``library/`` is the provider, in C. `frames`, `requests`, `values`, `compiled` and `answers` are the
protocol without sockets; `session` and `server` have the socket.
"""

from xencim.cimom_glue.cmpi.server import CmpiServer, CmpiSettings

__all__ = ["CmpiServer", "CmpiSettings"]
