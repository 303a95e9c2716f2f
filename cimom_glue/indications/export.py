"""CIM export messages: an indication in, the bytes of its request out; a listener's reply in. No sockets.

Source: DSP0200 1.4, sections 5.5 (ExportIndication) and 6.3 (header fields); DSP0201 2.4, section 5.2.6.
Errors: `Refused`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.cimom_glue.wire.document import UnreadableXml, parse_bytes
from xencim.cimom_glue.wire.render import instance
from xencim.cimom_glue.wire.text import attribute

if TYPE_CHECKING:
    from xencim.mof.values import Instance

EXPORT_HEADERS = (
    ("Content-Type", 'application/xml; charset="utf-8"'),
    ("Accept", "application/xml"),
    ("CIMExport", "MethodRequest"),
    ("CIMExportMethod", "ExportIndication"),
    ("CIMProtocolVersion", "1.0"),
)
_REPLY = ("CIM", "MESSAGE", "SIMPLEEXPRSP", "EXPMETHODRESPONSE")


class Refused(Exception):  # noqa: N818 - named by what it is
    """The listener answered that it does not take the indication, or with something that is no reply."""


def export_request(indication: Instance, message_id: str) -> bytes:
    """Return the body that tells a listener of an indication."""
    return (
        '<?xml version="1.0" encoding="utf-8" ?>\n<CIM CIMVERSION="2.0" DTDVERSION="2.0">'
        f'<MESSAGE ID={attribute(message_id)} PROTOCOLVERSION="1.0"><SIMPLEEXPREQ>'
        '<EXPMETHODCALL NAME="ExportIndication"><EXPPARAMVALUE NAME="NewIndication">'
        f"{instance(indication, holds_objects=True)}"
        "</EXPPARAMVALUE></EXPMETHODCALL></SIMPLEEXPREQ></MESSAGE></CIM>"
    ).encode()


def read_reply(body: bytes) -> None:
    """Return when the reply says that the listener took the indication."""
    try:
        element = parse_bytes(body)
        for tag in _REPLY:
            if element.tag != tag:
                raise Refused(f"{element.tag[:80]} in the place of {tag}")
            if tag != _REPLY[-1]:
                element = element.the_child()
    except (UnreadableXml, ValueError) as error:
        raise Refused(f"no CIM-XML reply: {error}") from error
    failed = next((child for child in element.children if child.tag == "ERROR"), None)
    if failed is not None:
        code = failed.attributes.get("CODE", "")[:10]
        raise Refused(f"CIM error {code}: {failed.attributes.get('DESCRIPTION', '')[:200]}")
