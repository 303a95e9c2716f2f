"""Whatever bytes come, the request parser answers with a message or refuses: no crash, no hang."""

from __future__ import annotations

import contextlib
import re
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xencim.cimom_glue.wire import MalformedRequest, Message, decode
from xencim.providers.core.errors import CimError
from xencim.providers.core.operations import Operation

SPACE = '<LOCALNAMESPACEPATH><NAMESPACE NAME="root"/><NAMESPACE NAME="virt"/></LOCALNAMESPACEPATH>'
NAME = (
    '<INSTANCENAME CLASSNAME="Xen_A"><KEYBINDING NAME="K"><KEYVALUE VALUETYPE="numeric">1</KEYVALUE>'
    '</KEYBINDING><KEYBINDING NAME="R"><VALUE.REFERENCE><INSTANCEPATH><NAMESPACEPATH><HOST>h</HOST>'
    f'{SPACE}</NAMESPACEPATH><INSTANCENAME CLASSNAME="B"/></INSTANCEPATH></VALUE.REFERENCE></KEYBINDING>'
    "</INSTANCENAME>"
)
INSTANCE = (
    '<INSTANCE CLASSNAME="Xen_A"><PROPERTY NAME="P" TYPE="datetime"><VALUE>00000001000000.000000:000</VALUE>'
    '</PROPERTY><PROPERTY.ARRAY NAME="Q" TYPE="real32"><VALUE.ARRAY><VALUE>1.5</VALUE><VALUE.NULL/>'
    "</VALUE.ARRAY></PROPERTY.ARRAY></INSTANCE>"
)
EMBEDDED = INSTANCE.replace("<", "&lt;")


def request(call: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8" ?>\n<CIM CIMVERSION="2.0" DTDVERSION="2.0">'
        f'<MESSAGE ID="1" PROTOCOLVERSION="1.0"><SIMPLEREQ>{call}</SIMPLEREQ></MESSAGE></CIM>'
    )


SEEDS = [
    request(
        f'<IMETHODCALL NAME="ModifyInstance">{SPACE}<IPARAMVALUE NAME="ModifiedInstance">'
        f"<VALUE.NAMEDINSTANCE>{NAME}{INSTANCE}</VALUE.NAMEDINSTANCE></IPARAMVALUE>"
        '<IPARAMVALUE NAME="PropertyList"><VALUE.ARRAY><VALUE>P</VALUE></VALUE.ARRAY></IPARAMVALUE>'
        "</IMETHODCALL>"
    ),
    request(
        f'<IMETHODCALL NAME="OpenAssociatorInstances">{SPACE}<IPARAMVALUE NAME="InstanceName">{NAME}'
        '</IPARAMVALUE><IPARAMVALUE NAME="MaxObjectCount"><VALUE>10</VALUE></IPARAMVALUE></IMETHODCALL>'
    ),
    request(
        f'<METHODCALL NAME="Do"><LOCALINSTANCEPATH>{SPACE}{NAME}</LOCALINSTANCEPATH>'
        f'<PARAMVALUE NAME="S" PARAMTYPE="string" EmbeddedObject="instance"><VALUE>{EMBEDDED}</VALUE>'
        f'</PARAMVALUE><PARAMVALUE NAME="R" PARAMTYPE="reference"><VALUE.REFARRAY><VALUE.REFERENCE>{NAME}'
        f"</VALUE.REFERENCE></VALUE.REFARRAY></PARAMVALUE></METHODCALL>"
    ),
]
PIECES = [
    *sorted({tag for seed in SEEDS for tag in re.findall(r"<[^>]+>", seed)}),
    "<!DOCTYPE CIM [<!ENTITY a 'b'>]>",
    "<!DOCTYPE CIM SYSTEM 'x'>",
    "<![CDATA[<A>]]>",
    "<!-- x -->",
    "<?pi?>",
    "&a;",
    "&#0;",
    "&amp;",
    "\x00",
    "\ufffe",
    "\u0130",
    "999999999999999999999999",
    "0x",
    "TYPE='boolean'",
    "EmbeddedObject='object'",
]
HEADERS = ["cimmethod", "cimobject", "cimoperation", "cimprotocolversion", "content-type", "accept"]
SLOW_S = 5.0


def check(body: bytes, headers: dict[str, str]) -> None:
    begun = time.monotonic()
    with contextlib.suppress(MalformedRequest):
        message = decode(body, headers)
        assert isinstance(message, Message)
        assert isinstance(message.operation, Operation | CimError)
    assert time.monotonic() - begun < SLOW_S


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Take a good request and replace, repeat, move or drop some of it."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 60)))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=8), st.just(text[start:end] * 2)))
        text = text[:start] + piece + text[end:]
    return text


@st.composite
def assembled(draw: st.DrawFn) -> str:
    """Take a good request and swap whole tags, so that it often stays well-formed."""
    tokens = re.findall(r"<[^>]+>|[^<]+", draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(tokens) - 1))
        action = draw(st.sampled_from(["rename", "drop", "text", "twice"]))
        if action == "rename":
            tokens[place] = re.sub(
                r'"[^"]*"', f'"{draw(st.sampled_from(["", "boolean", "Xen_A", "1"]))}"', tokens[place]
            )
        elif action == "drop":
            tokens[place] = ""
        elif action == "text":
            tokens[place] += draw(st.sampled_from(["1", "x", "&lt;A/>", " "]))
        else:
            tokens[place] *= 2
    return "".join(tokens)


ROUNDS = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])


@ROUNDS
@given(st.one_of(mutated(), assembled()), st.sampled_from(["utf-8", "utf-16", "utf-16-le", "latin-1"]))
def test_mutated_requests(text: str, encoding: str) -> None:
    check(text.encode(encoding, "replace"), {})


@ROUNDS
@given(st.binary(max_size=400))
def test_random_bytes(body: bytes) -> None:
    check(body, {})
    check(b"<?xml version='1.0'" + body, {})


@ROUNDS
@given(st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=30), max_size=3), st.sampled_from(SEEDS))
def test_random_headers(headers: dict[str, str], body: str) -> None:
    check(body.encode(), headers)


def test_the_seeds_are_good() -> None:
    for seed in SEEDS:
        assert isinstance(decode(seed.encode(), {}).operation, Operation)
