"""Values from clients made what MOF declares: parameters of methods, properties of instances.

Source: DSP0200 1.4, 5.3.3 (methods) and 5.3.2.4 (CreateInstance).
Errors: CimError TYPE_MISMATCH, naming what the value is of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Instance, Path, format_scalar, parse_scalar
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from xencim.mof.model import ParameterDecl, PropertyDecl
    from xencim.mof.values import Scalar, Value


def convert(what: str, declared: ParameterDecl | PropertyDecl, value: Value) -> Value:
    """Return the value as the declared type; ``what`` names it in errors."""
    if value is None:
        return None
    if isinstance(value, tuple) != declared.is_array:
        wanted = "an array" if declared.is_array else "one value"
        raise CimError(Status.TYPE_MISMATCH, f"{what} must be {wanted}")
    if isinstance(value, tuple):
        return tuple(None if item is None else _scalar(what, declared, item) for item in value)
    return _scalar(what, declared, value)


def _scalar(what: str, declared: ParameterDecl | PropertyDecl, value: Scalar) -> Scalar:
    if declared.type == "reference":
        if isinstance(value, Path):
            return value
    elif declared.embedded is not None:
        # Text is left to whoever uses it: an instance may be given as CIM-XML or as MOF.
        if isinstance(value, str | Instance):
            return value
    elif not isinstance(value, Path | Instance) and (isinstance(value, str) or declared.type != "string"):
        # Clients guess types; what reads as the declared one is taken.
        try:
            return parse_scalar(declared.type, format_scalar(declared.type, value))
        except ValueError as error:
            raise CimError(Status.TYPE_MISMATCH, f"{what}: {error}") from error
    raise CimError(Status.TYPE_MISMATCH, f"{what} must be of type {declared.type}")
