"""The one error of this folder."""

from __future__ import annotations


class RegistrationError(Exception):
    """A registration that cannot go on; ``hint`` says how to put it right."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
