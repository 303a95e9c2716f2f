"""The one error of the configuration."""

from __future__ import annotations


class ConfigError(Exception):
    """A setting cannot be used; ``message`` names its place (file:line, variable or flag) and the cause.

    ``hint`` says what is allowed.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
