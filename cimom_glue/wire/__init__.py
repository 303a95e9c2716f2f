"""CIM-XML: bytes of a request in, a message out; an answer in, bytes out. No sockets, no providers."""

from xencim.cimom_glue.wire.decode import decode
from xencim.cimom_glue.wire.encoder import Encoder
from xencim.cimom_glue.wire.message import (
    CIM_ERROR_HEADER,
    CIM_OPERATION_HEADER,
    CONTENT_TYPE,
    MalformedRequest,
    Message,
)
from xencim.cimom_glue.wire.objects import parse_embedded_instance

__all__ = [
    "CIM_ERROR_HEADER",
    "CIM_OPERATION_HEADER",
    "CONTENT_TYPE",
    "Encoder",
    "MalformedRequest",
    "Message",
    "decode",
    "parse_embedded_instance",
]
