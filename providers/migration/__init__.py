"""Machines moved to other hosts and taken from there: the methods of the migration service.

A destination is named in the configuration; nothing of how it is reached comes from a client. Its xencim is
asked first, in two parts: it looks whether the machine fits and keeps its room against a token, then the
token is used and the hypervisors move the machine between them.

Source: DSP1081 1.0.
"""

from xencim.providers.migration.following import followers

__all__ = ("followers",)
