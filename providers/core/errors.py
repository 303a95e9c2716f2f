"""The one error type of the engine, and the CIM status codes of DSP0200.

Source: DSP0200 1.4, section 7.9 (the CIM status codes).
"""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """CIM status codes (DSP0200 1.4, table 4); names without their CIM_ERR_ prefix."""

    FAILED = 1
    ACCESS_DENIED = 2
    INVALID_NAMESPACE = 3
    INVALID_PARAMETER = 4
    INVALID_CLASS = 5
    NOT_FOUND = 6
    NOT_SUPPORTED = 7
    CLASS_HAS_CHILDREN = 8
    CLASS_HAS_INSTANCES = 9
    INVALID_SUPERCLASS = 10
    ALREADY_EXISTS = 11
    NO_SUCH_PROPERTY = 12
    TYPE_MISMATCH = 13
    QUERY_LANGUAGE_NOT_SUPPORTED = 14
    INVALID_QUERY = 15
    METHOD_NOT_AVAILABLE = 16
    METHOD_NOT_FOUND = 17
    NAMESPACE_NOT_EMPTY = 20
    INVALID_ENUMERATION_CONTEXT = 21
    INVALID_OPERATION_TIMEOUT = 22
    PULL_HAS_BEEN_ABANDONED = 23
    PULL_CANNOT_BE_ABANDONED = 24
    FILTERED_ENUMERATION_NOT_SUPPORTED = 25
    CONTINUATION_ON_ERROR_NOT_SUPPORTED = 26
    SERVER_LIMITS_EXCEEDED = 27
    SERVER_IS_SHUTTING_DOWN = 28
    # The schema's CIM_Error.CIMStatusCode has it, for a query in a known language with an unsupported part.
    QUERY_FEATURE_NOT_SUPPORTED = 29


class CimError(Exception):
    """An operation failed; a protocol's one door turns this into its reply.

    ``message`` names what failed (namespace, class, key, cause); ``hint`` says how to put it right
    and is joined to it for the client.
    """

    def __init__(self, status: Status, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint

    @property
    def description(self) -> str:
        """The text a client is given."""
        return f"{self.message} ({self.hint})" if self.hint else self.message
