"""Export messages: valid by the DTDs, read by pywbem's listener; and what a listener's reply means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import pywbem
from lxml import etree
from pywbem._listener import ListenerRequestHandler

from xencim.cimom_glue.indications.export import Refused, export_request, read_reply
from xencim.cimom_glue.indications.http import Address, BadReply, Reply, post
from xencim.mof.values import Instance, Path, TypedValue

if TYPE_CHECKING:
    from pathlib import Path as FilePath

INNER = Instance(
    "Xen_ComputerSystem",
    {
        "Name": TypedValue("string", "<a> & \"b\" ]]> 'é' \U0001f600"),
        "EnabledState": TypedValue("uint16", 2),
        "OperationalStatus": TypedValue("uint16", (2, 3)),
        "Host": TypedValue("reference", Path("A", (("K", 'x"y'),), "root/virt", "h.example")),
    },
)
INDICATION = Instance(
    "Xen_ComputerSystemModifiedIndication",
    {
        "IndicationTime": TypedValue("datetime", datetime(2026, 5, 6, 7, 8, 9, 10, tzinfo=UTC)),
        "SourceInstance": TypedValue("string", INNER),
        "PreviousInstance": TypedValue("string", INNER),
        "ChangedPropertyNames": TypedValue("string", ("Name", "EnabledState")),
        "SequenceNumber": TypedValue("sint64", 2**63 - 1),
    },
)
REPLY = (
    '<CIM CIMVERSION="2.0" DTDVERSION="2.0"><MESSAGE ID="1" PROTOCOLVERSION="1.0"><SIMPLEEXPRSP>'
    '<EXPMETHODRESPONSE NAME="ExportIndication">{}</EXPMETHODRESPONSE></SIMPLEEXPRSP></MESSAGE></CIM>'
)


@pytest.mark.parametrize("version", ["2.3.1", "2.4.0"])
def test_the_message_is_valid(shared_dir: FilePath, version: str) -> None:
    dtd = etree.DTD(str(shared_dir / "dtd" / f"DSP0203_{version}.dtd"))
    assert dtd.validate(etree.fromstring(export_request(INDICATION, "7"))), str(dtd.error_log)


def test_pywbem_reads_what_was_written() -> None:
    message_id, method, parameters = ListenerRequestHandler.parse_export_request(
        export_request(INDICATION, "7")
    )
    told = parameters["NewIndication"]
    assert (message_id, method, list(parameters)) == ("7", "ExportIndication", ["NewIndication"])
    assert told.classname == "Xen_ComputerSystemModifiedIndication"
    assert told["IndicationTime"] == pywbem.CIMDateTime("20260506070809.000010+000")
    assert told["ChangedPropertyNames"] == ["Name", "EnabledState"]
    assert told["SequenceNumber"] == 2**63 - 1
    for name in ("SourceInstance", "PreviousInstance"):
        assert told.properties[name].embedded_object == "object"
        inner = told[name]
        assert (inner.classname, inner["Name"]) == ("Xen_ComputerSystem", "<a> & \"b\" ]]> 'é' \U0001f600")
        assert (inner["EnabledState"], inner["OperationalStatus"]) == (2, [2, 3])
        assert inner["Host"] == pywbem.CIMInstanceName("A", {"K": 'x"y'}, "h.example", "root/virt")


def test_a_reply_without_an_error_says_that_it_was_taken() -> None:
    read_reply(REPLY.format("").encode())
    read_reply(REPLY.format("<IRETURNVALUE></IRETURNVALUE>").encode())


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (REPLY.format('<ERROR CODE="1" DESCRIPTION="queue full"/>'), "CIM error 1: queue full"),
        (REPLY.format('<ERROR CODE="7"/>'), "CIM error 7: "),
        ("", "no CIM-XML reply: not well-formed: no element found: line 1, column 0"),
        ("<html></html>", "html in the place of CIM"),
        ("<CIM></CIM>", "no CIM-XML reply: CIM is empty"),
        (REPLY.format("").replace("EXPMETHODRESPONSE", "METHODRESPONSE"), "METHODRESPONSE in the place of"),
        ('<!DOCTYPE CIM [<!ENTITY a "b">]><CIM>&a;</CIM>', "no CIM-XML reply: a DOCTYPE with declarations"),
    ],
)
def test_what_is_no_good_reply_is_told(body: str, text: str) -> None:
    with pytest.raises(Refused) as caught:
        read_reply(body.encode())
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h", ("http", "h", 80, "h", "/")),
        ("https://h/a/b?c=d", ("https", "h", 443, "h", "/a/b?c=d")),
        ("http://[::1]:5990", ("http", "::1", 5990, "[::1]:5990", "/")),
    ],
)
def test_addresses_are_taken_apart(url: str, expected: tuple[object, ...]) -> None:
    address = Address.of(url)
    parts = (address.scheme, address.host, address.port, address.authority, address.target)
    assert parts == expected


def test_a_request_is_what_http_says() -> None:
    assert post(Address.of("http://h:1/x"), (("A", "b"),), b"12") == (
        b"POST /x HTTP/1.1\r\nHost: h:1\r\nA: b\r\nContent-Length: 2\r\n\r\n12"
    )


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_reply_comes_in_any_pieces(size: int) -> None:
    head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + b"3\r\nabc\r\n0\r\n\r\n"
    reply = Reply()
    for start in range(0, len(data), size):
        assert not reply.complete
        reply.feed(data[start : start + size])
    assert (reply.complete, reply.status, reply.body, reply.keeps_alive) == (True, 200, b"abc", True)


def test_a_reply_may_end_with_its_connection() -> None:
    reply = Reply()
    reply.feed(b"HTTP/1.0 200 OK\r\n\r\nab")
    assert not reply.complete
    reply.feed(b"")
    assert (reply.complete, reply.body, reply.keeps_alive) == (True, b"ab", False)


def test_no_reply_is_a_broken_connection_and_no_http_is_told() -> None:
    with pytest.raises(ConnectionResetError):
        Reply().feed(b"")
    with pytest.raises(BadReply, match="no HTTP"):
        Reply().feed(b"SSH-2.0-OpenSSH\r\n\r\n")
    with pytest.raises(BadReply, match="more than 262144 bytes"):
        Reply().feed(b"x" * 300_000)
