"""A request: its HTTP header fields and body in, a `Message` out.

What a server may refuse on the HTTP level is refused here (`MalformedRequest`); whatever is wrong
with an operation's parameters is in the message, to be answered by a CIM error.

Elements and attributes that DSP0201 does not know are refused where they stand in a parameter's
place and ignored elsewhere (a "loosely valid" request). A CIMObject header is compared as far as
namespace and class: clients write keys in too many ways.

Source: DSP0200 1.4, sections 6.2, 6.3 (header fields), 7.2, 7.3 (status and CIMError).
Errors: `MalformedRequest`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote

from xencim.cimom_glue.wire.document import UnreadableXml, parse_bytes
from xencim.cimom_glue.wire.message import REHEARSAL_HEADER, MalformedRequest, Message
from xencim.cimom_glue.wire.requests import read_extrinsic, read_intrinsic
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.operations import InvokeMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.cimom_glue.wire.document import Element
    from xencim.providers.core.operations import Operation

_XML_TYPES = frozenset({"application/xml", "text/xml"})
_ACCEPTABLE = frozenset({"*/*", "application/*", "text/*", *_XML_TYPES})
_CHARSETS = frozenset({"*", "utf-8"})

# Clients poll: the same small requests come again and again. A remembered one saves parsing.
_REMEMBERED_BODY_BYTES = 4096
_REMEMBERED_TOTAL_BYTES = 4 * 2**20
_REMEMBERED_OVERHEAD_BYTES = 2048  # the operation, and the bookkeeping
# Only this way of writing the message's id can be cut out without parsing.
_MESSAGE_ID = re.compile(rb'\s*(?:<\?xml[^<>]*\?>\s*)?<CIM[^<>]*>\s*<MESSAGE ID="([A-Za-z0-9_.-]{1,64})"')
_RELEVANT = (
    "cimoperation",
    "cimmethod",
    "cimobject",
    "cimprotocolversion",
    "content-type",
    "accept",
    "accept-charset",
    "content-encoding",
    "cimbatch",
    "cimexport",
)


class _Memory:
    """Requests decoded lately, by everything they were decoded from but the message's id."""

    def __init__(self) -> None:
        self._messages: OrderedDict[tuple[object, ...], Message] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[object, ...]) -> Message | None:
        message = self._messages.get(key)
        if message is not None:
            self._messages.move_to_end(key)
        return message

    def put(self, key: tuple[object, ...], message: Message, size: int) -> None:
        self._messages[key] = message
        self._bytes += size
        while self._bytes > _REMEMBERED_TOTAL_BYTES:
            old_key, _ = self._messages.popitem(last=False)
            self._bytes -= _size(old_key)


def _size(key: tuple[object, ...]) -> int:
    return sum(len(part) for part in key if isinstance(part, bytes | str)) + _REMEMBERED_OVERHEAD_BYTES


_memory = _Memory()


def decode(body: bytes, headers: Mapping[str, str]) -> Message:
    """Read a request; ``headers`` have lower-case names."""
    if REHEARSAL_HEADER.lower() in headers:
        return _rehearsal(_decode(body, headers))
    found = _MESSAGE_ID.match(body) if len(body) <= _REMEMBERED_BODY_BYTES else None
    if found is None:
        return _decode(body, headers)
    start, end = found.span(1)
    key = (body[:start], body[end:], *map(headers.get, _RELEVANT))
    remembered = _memory.get(key)
    if remembered is not None:
        return Message(found[1].decode(), remembered.method, remembered.intrinsic, remembered.operation)
    message = _decode(body, headers)
    # A method's call may carry secrets and seldom repeats; an error is not worth its place.
    if not isinstance(message.operation, CimError | InvokeMethod):
        _memory.put(key, message, _size(key))
    return message


def _rehearsal(message: Message) -> Message:
    """Have a method checked instead of called; whatever else could change something is refused."""
    operation: Operation | CimError = message.operation
    if isinstance(operation, InvokeMethod):
        operation = replace(operation, is_rehearsal=True)
    elif not isinstance(operation, CimError):
        operation = CimError(Status.NOT_SUPPORTED, f"{message.method}: only methods are rehearsed")
    return replace(message, operation=operation)


def _decode(body: bytes, headers: Mapping[str, str]) -> Message:
    _check_http(headers)
    try:
        root = parse_bytes(body)
    except UnreadableXml as error:
        if error.too_large:
            raise MalformedRequest(413, None, str(error)) from error
        raise MalformedRequest(400, "request-not-well-formed", str(error)) from error
    try:
        message_id, call = _open_envelope(root)
        name = call.required("NAME")
        intrinsic = call.tag == "IMETHODCALL"
        operation = read_intrinsic(call) if intrinsic else read_extrinsic(call)
    except ValueError as error:
        raise MalformedRequest(400, "request-not-loosely-valid", str(error)) from error
    _check_agreement(headers, call, name)
    return Message(message_id, name, intrinsic, operation)


# Header fields ---------------------------------------------------------------------------------


def _check_http(headers: Mapping[str, str]) -> None:
    content_type = headers.get("content-type")
    if content_type is not None and content_type.partition(";")[0].strip().lower() not in _XML_TYPES:
        raise MalformedRequest(415, None, f"Content-Type {content_type[:80]!r} is not application/xml")
    encoding = headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise MalformedRequest(415, None, f"Content-Encoding {encoding[:80]!r} is not identity")
    _check_accept(headers, "accept", _ACCEPTABLE)
    _check_accept(headers, "accept-charset", _CHARSETS)
    if "cimbatch" in headers:
        _refuse_batch()
    _check_version(headers.get("cimprotocolversion", "1.0"), "1", "protocol")
    if "cimexport" in headers:
        raise MalformedRequest(501, None, "an export request: this server listens to no indications")
    operation = headers.get("cimoperation", "MethodCall")
    if operation.strip().lower() != "methodcall":
        _mismatch(f"CIMOperation is {operation[:80]!r}")


def _check_accept(headers: Mapping[str, str], name: str, acceptable: frozenset[str]) -> None:
    value = headers.get(name)
    if value is None or not value.strip():
        return
    for item in value.lower().split(","):
        wanted, *parameters = (part.strip() for part in item.split(";"))
        refused = any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
        if wanted in acceptable and not refused:
            return
    raise MalformedRequest(406, None, f"{name}: {value[:80]!r} leaves no way to answer")


def _check_version(version: str, major: str, what: str) -> None:
    if version.strip().partition(".")[0] != major:
        raise MalformedRequest(501, f"unsupported-{what}-version", f"version {version[:80]!r}, not {major}.x")


def _refuse_batch() -> NoReturn:
    raise MalformedRequest(501, "multiple-requests-unsupported", "several requests in one message")


def _mismatch(detail: str) -> NoReturn:
    raise MalformedRequest(400, "header-mismatch", detail)


def _check_agreement(headers: Mapping[str, str], call: Element, name: str) -> None:
    """Refuse header fields that contradict the body."""
    method = headers.get("cimmethod")
    if method is not None and unquote(method).strip().lower() != name.lower():
        _mismatch(f"CIMMethod {method[:80]!r}, but {name[:80]!r} is called")
    target = headers.get("cimobject")
    if target is None:
        return
    said_namespace, _, said_object = unquote(target).strip().partition(":")
    place = call.children[0]
    class_name = None
    if call.tag == "METHODCALL":
        place, target_name = place.children
        class_name = target_name.attributes.get("CLASSNAME", target_name.attributes.get("NAME", ""))
    namespace = "/".join(child.required("NAME") for child in place.children)
    if said_namespace.strip("/").lower() != namespace.strip("/").lower():
        _mismatch(f"CIMObject {target[:80]!r}, but the namespace is {namespace[:80]!r}")
    if class_name is not None and said_object.partition(".")[0].strip().lower() != class_name.lower():
        _mismatch(f"CIMObject {target[:80]!r}, but the class is {class_name[:80]!r}")


# The envelope ----------------------------------------------------------------------------------


def _open_envelope(root: Element) -> tuple[str, Element]:
    """Return the message's id and the call in it."""
    if root.tag != "CIM":
        raise ValueError(f"the document is {root.tag[:80]}, not CIM")
    _check_version(root.required("CIMVERSION"), "2", "cim")
    _check_version(root.required("DTDVERSION"), "2", "dtd")
    message = root.the_child()
    if message.tag != "MESSAGE":
        raise ValueError(f"CIM holds {message.tag[:80]}, not MESSAGE")
    message_id = message.required("ID")
    _check_version(message.required("PROTOCOLVERSION"), "1", "protocol")
    request = message.the_child()
    if request.tag in {"MULTIREQ", "MULTIEXPREQ"}:
        _refuse_batch()
    if request.tag == "SIMPLEEXPREQ":
        raise MalformedRequest(501, None, "an export request: this server listens to no indications")
    if request.tag != "SIMPLEREQ":
        raise ValueError(f"MESSAGE holds {request.tag[:80]}, not SIMPLEREQ")
    calls = [child for child in request.children if child.tag != "CORRELATOR"]
    if len(calls) != 1 or calls[0].tag not in {"METHODCALL", "IMETHODCALL"}:
        raise ValueError("SIMPLEREQ holds no single call")
    return message_id, calls[0]
