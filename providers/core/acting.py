"""Who asked for what is done now: it goes along into jobs and into whatever they begin."""

from __future__ import annotations

from contextvars import ContextVar

ACTING: ContextVar[str] = ContextVar("acting", default="xencim")
"""A user's name; the server's own where nobody asked for it."""
