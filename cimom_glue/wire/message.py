"""What a request says before anything acts on it, and how the HTTP level refuses one.

Source: DSP0200 1.4, sections 6.3 (header fields) and 7.3 (errors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xencim.providers.core.errors import CimError
    from xencim.providers.core.operations import Operation

CONTENT_TYPE = 'application/xml; charset="utf-8"'
CIM_OPERATION_HEADER = ("CIMOperation", "MethodResponse")
CIM_ERROR_HEADER = "CIMError"
REHEARSAL_HEADER = "Xencim-Rehearsal"
"""An extension of ours: the method that is called is checked, and nothing is done."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request in a good envelope; ``operation`` is the error to answer where its parameters are wrong.

    ``method`` is as the client wrote it, for the reply repeats it.
    """

    id: str
    method: str
    intrinsic: bool
    operation: Operation | CimError


class MalformedRequest(Exception):  # noqa: N818 - named by what it is, as DSP0200 does
    """A request that is answered on the HTTP level; ``cim_error`` is the CIMError header's value."""

    def __init__(self, http_status: int, cim_error: str | None, detail: str) -> None:
        super().__init__(detail)
        self.http_status = http_status
        self.cim_error = cim_error
        self.detail = detail
