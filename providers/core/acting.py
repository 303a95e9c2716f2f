"""Who asked for what is done now, and in which language: it goes along into whatever is begun."""

from __future__ import annotations

from contextvars import ContextVar

ACTING: ContextVar[str] = ContextVar("acting", default="xencim")
"""A user's name; the server's own where nobody asked for it."""

LANGUAGES: ContextVar[str | None] = ContextVar("languages", default=None)
"""The languages that the caller reads, as in HTTP's Accept-Language; None where it did not say."""
