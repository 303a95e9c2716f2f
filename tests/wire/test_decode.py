"""Requests as other clients write them, and how each malformed one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.wire import MalformedRequest, decode, parse_embedded_instance
from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.core import operations as ops
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

SPACE = '<LOCALNAMESPACEPATH><NAMESPACE NAME="root"/><NAMESPACE NAME="virt"/></LOCALNAMESPACEPATH>'
CLASS_NAME = '<IPARAMVALUE NAME="ClassName"><CLASSNAME NAME="Xen_A"/></IPARAMVALUE>'
BARE = '<INSTANCENAME CLASSNAME="Xen_A">{}</INSTANCENAME>'


def envelope(content: str, *, versions: tuple[str, str, str] = ("2.0", "2.0", "1.0")) -> bytes:
    cim, dtd, protocol = versions
    return (
        f'<?xml version="1.0" encoding="utf-8" ?>\n<CIM CIMVERSION="{cim}" DTDVERSION="{dtd}">\n'
        f'<MESSAGE ID="4711" PROTOCOLVERSION="{protocol}">{content}</MESSAGE></CIM>'
    ).encode()


def intrinsic(name: str, parameters: str = "", space: str = SPACE) -> bytes:
    return envelope(f'<SIMPLEREQ><IMETHODCALL NAME="{name}">{space}{parameters}</IMETHODCALL></SIMPLEREQ>')


def extrinsic(parameters: str, target: str = "") -> bytes:
    target = target or f"<LOCALINSTANCEPATH>{SPACE}{BARE.format('')}</LOCALINSTANCEPATH>"
    return envelope(f'<SIMPLEREQ><METHODCALL NAME="Do">{target}{parameters}</METHODCALL></SIMPLEREQ>')


def parameter(content: str, attributes: str = "") -> bytes:
    return extrinsic(f'<PARAMVALUE NAME="P" {attributes}>{content}</PARAMVALUE>')


def operation(body: bytes, headers: Mapping[str, str] | None = None) -> ops.Operation | CimError:
    return decode(body, headers or {}).operation


def named(keys: str) -> Path:
    name = f'<IPARAMVALUE NAME="InstanceName">{BARE.format(keys)}</IPARAMVALUE>'
    request = operation(intrinsic("GetInstance", name))
    assert isinstance(request, ops.GetInstance)
    return request.instance_name


def given(body: bytes) -> TypedValue:
    call = operation(body)
    assert isinstance(call, ops.InvokeMethod)
    return call.parameters["P"]


def complaint(body: bytes) -> str:
    answer = operation(body)
    assert isinstance(answer, CimError)
    assert answer.status is Status.INVALID_PARAMETER
    return answer.message


# Envelopes -------------------------------------------------------------------------------------


def test_the_message() -> None:
    message = decode(b"\r\n \t" + intrinsic("enumerateinstancenames", CLASS_NAME), {})
    assert (message.id, message.method, message.intrinsic) == ("4711", "enumerateinstancenames", True)
    assert message.operation == ops.EnumerateInstanceNames(namespace="root/virt", class_name="Xen_A")


def test_the_same_request_again_keeps_its_own_id() -> None:
    first = intrinsic("EnumerateInstanceNames", CLASS_NAME)
    second = first.replace(b'"4711"', b'"9"')
    messages = [decode(body, {}) for body in (first, second, first)]
    assert [message.id for message in messages] == ["4711", "9", "4711"]
    assert messages[0].operation is messages[1].operation is messages[2].operation


def test_a_remembered_request_is_still_checked_against_its_header() -> None:
    body = intrinsic("EnumerateInstanceNames", CLASS_NAME)
    decode(body, {"cimmethod": "EnumerateInstanceNames"})
    with pytest.raises(MalformedRequest):
        decode(body, {"cimmethod": "GetInstance"})


def test_methods_are_not_remembered() -> None:
    body = parameter("<VALUE>secret</VALUE>")
    assert decode(body, {}).operation is not decode(body, {}).operation


def test_an_id_with_entities() -> None:
    body = intrinsic("EnumerateQualifiers").replace(b'"4711"', b'"&lt;&quot;&#228;"')
    assert decode(body, {}).id == '<"\u00e4'


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    name = CLASS_NAME.replace("Xen_A", "Xen_\u00c4")
    text = intrinsic("EnumerateInstanceNames", name).decode().replace('"utf-8"', f'"{encoding}"')
    request = operation(text.encode(encoding))
    assert request == ops.EnumerateInstanceNames(namespace="root/virt", class_name="Xen_\u00c4")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": 'application/xml; charset="utf-8"'},
        {"content-type": "text/xml", "accept": "text/html, */*;q=0.5", "accept-charset": "utf-8"},
        {"cimoperation": "MethodCall", "cimmethod": "EnumerateInstanceNames", "cimobject": "root/virt"},
        {"cimobject": "root%2Fvirt", "cimmethod": "Enumerate%49nstanceNames", "cimprotocolversion": "1.4"},
    ],
)
def test_headers_that_agree(headers: dict[str, str]) -> None:
    assert isinstance(
        operation(intrinsic("EnumerateInstanceNames", CLASS_NAME), headers), ops.EnumerateInstanceNames
    )


@pytest.mark.parametrize(
    ("headers", "status", "cim_error"),
    [
        ({"cimmethod": "GetInstance"}, 400, "header-mismatch"),
        ({"cimobject": "root/cimv2"}, 400, "header-mismatch"),
        ({"cimoperation": "MethodResponse"}, 400, "header-mismatch"),
        ({"cimprotocolversion": "2.0"}, 501, "unsupported-protocol-version"),
        ({"cimbatch": ""}, 501, "multiple-requests-unsupported"),
        ({"cimexport": "MethodRequest"}, 501, None),
        ({"content-type": "text/html"}, 415, None),
        ({"content-encoding": "gzip"}, 415, None),
        ({"accept": "text/html"}, 406, None),
        ({"accept": "application/xml;q=0"}, 406, None),
        ({"accept-charset": "utf-16"}, 406, None),
    ],
)
def test_headers_that_refuse(headers: dict[str, str], status: int, cim_error: str | None) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decode(intrinsic("EnumerateInstanceNames", CLASS_NAME), headers)
    assert (caught.value.http_status, caught.value.cim_error) == (status, cim_error)


@pytest.mark.parametrize(
    ("target", "fits"),
    [
        ("root/virt:Xen_A", True),
        ("/ROOT/virt:xen_a.Name=%22x.y:z%22", True),
        ("root%2Fvirt%3AXen_A.N=1", True),
        ("root/virt:Xen_B", False),
        ("root/cimv2:Xen_A", False),
        ("root/virt", False),
    ],
)
def test_the_object_of_a_method_call(target: str, *, fits: bool) -> None:
    body = parameter("")
    if fits:
        assert isinstance(operation(body, {"cimobject": target}), ops.InvokeMethod)
    else:
        with pytest.raises(MalformedRequest, match="CIMObject"):
            decode(body, {"cimobject": target})


CALL = f'<SIMPLEREQ><IMETHODCALL NAME="X">{SPACE}</IMETHODCALL></SIMPLEREQ>'


@pytest.mark.parametrize(
    ("body", "status", "cim_error"),
    [
        (b"", 400, "request-not-well-formed"),
        (b"GET / HTTP/1.1", 400, "request-not-well-formed"),
        (b"<CIM>", 400, "request-not-well-formed"),
        (b"<!DOCTYPE CIM [<!ENTITY a 'b'>]><CIM/>", 400, "request-not-well-formed"),
        (b"<CIM>" + b"<A/>" * 100_000 + b"</CIM>", 413, None),
        (b"<html/>", 400, "request-not-loosely-valid"),
        (b"<CIM/>", 400, "request-not-loosely-valid"),
        (b"<CIM CIMVERSION='2.0' DTDVERSION='2.0'/>", 400, "request-not-loosely-valid"),
        (b"<CIM CIMVERSION='2.0' DTDVERSION='2.0'><DECLARATION/></CIM>", 400, "request-not-loosely-valid"),
        (envelope(""), 400, "request-not-loosely-valid"),
        (envelope(CALL + CALL), 400, "request-not-loosely-valid"),
        (envelope("<SIMPLERSP/>"), 400, "request-not-loosely-valid"),
        (envelope("<SIMPLEREQ/>"), 400, "request-not-loosely-valid"),
        (envelope("<SIMPLEREQ><IMETHODCALL/></SIMPLEREQ>"), 400, "request-not-loosely-valid"),
        (intrinsic("GetClass", space=""), 400, "request-not-loosely-valid"),
        (
            intrinsic("GetClass", space="<LOCALNAMESPACEPATH></LOCALNAMESPACEPATH>"),
            400,
            "request-not-loosely-valid",
        ),
        (extrinsic("", "<CLASSNAME NAME='A'/>"), 400, "request-not-loosely-valid"),
        (envelope(f"<MULTIREQ>{CALL}{CALL}</MULTIREQ>"), 501, "multiple-requests-unsupported"),
        (envelope("<MULTIEXPREQ/>"), 501, "multiple-requests-unsupported"),
        (envelope("<SIMPLEEXPREQ/>"), 501, None),
        (envelope(CALL, versions=("3.0", "2.0", "1.0")), 501, "unsupported-cim-version"),
        (envelope(CALL, versions=("2.0", "1.0", "1.0")), 501, "unsupported-dtd-version"),
        (envelope(CALL, versions=("2.0", "2.0", "2.0")), 501, "unsupported-protocol-version"),
    ],
)
def test_envelopes_that_are_refused(body: bytes, status: int, cim_error: str | None) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decode(body, {})
    assert (caught.value.http_status, caught.value.cim_error) == (status, cim_error)


def test_a_correlator_is_passed_over() -> None:
    correlator = '<CORRELATOR NAME="A" TYPE="string"><VALUE>x</VALUE></CORRELATOR>'
    body = intrinsic("EnumerateQualifiers").replace(b"<SIMPLEREQ>", f"<SIMPLEREQ>{correlator}".encode())
    assert operation(body) == ops.EnumerateQualifiers(namespace="root/virt")


# Parameters of operations ----------------------------------------------------------------------


def test_unknown_operations() -> None:
    answer = operation(intrinsic("MakeCoffee"))
    assert isinstance(answer, CimError)
    assert (answer.status, answer.message) == (
        Status.NOT_SUPPORTED,
        "'MakeCoffee' is no operation of DSP0200",
    )


def test_null_is_as_good_as_left_out() -> None:
    nulls = '<IPARAMVALUE NAME="LocalOnly"/><IPARAMVALUE NAME="PropertyList"></IPARAMVALUE>'
    request = operation(intrinsic("EnumerateInstances", CLASS_NAME + nulls))
    assert request == ops.EnumerateInstances(namespace="root/virt", class_name="Xen_A")


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ("", "GetClass: parameter ClassName is missing"),
        ('<IPARAMVALUE NAME="ClassName"/>', "GetClass: parameter ClassName is missing"),
        (CLASS_NAME * 2, "GetClass: parameter ClassName stands twice"),
        (CLASS_NAME + '<IPARAMVALUE NAME="Colour"/>', "GetClass: there is no parameter Colour"),
        (
            CLASS_NAME + '<IPARAMVALUE NAME="LocalOnly"><VALUE>maybe</VALUE></IPARAMVALUE>',
            "GetClass: parameter LocalOnly: 'maybe' is not a boolean",
        ),
        (
            CLASS_NAME
            + '<IPARAMVALUE NAME="PropertyList"><VALUE.ARRAY><VALUE.NULL/></VALUE.ARRAY></IPARAMVALUE>',
            "GetClass: parameter PropertyList: an element is NULL",
        ),
        (
            '<IPARAMVALUE NAME="ClassName"><VALUE>A</VALUE></IPARAMVALUE>',
            "GetClass: parameter ClassName: unexpected element VALUE in a class's name",
        ),
        (CLASS_NAME + "<VALUE/>", "GetClass: unexpected element VALUE in IMETHODCALL"),
    ],
)
def test_parameters_that_are_wrong(parameters: str, text: str) -> None:
    assert complaint(intrinsic("GetClass", parameters)) == text


def test_numbers_of_objects() -> None:
    context = '<IPARAMVALUE NAME="EnumerationContext"><VALUE>c</VALUE></IPARAMVALUE>'
    count = '<IPARAMVALUE NAME="MaxObjectCount"><VALUE>{}</VALUE></IPARAMVALUE>'
    assert operation(intrinsic("PullInstances", context + count.format("0x10"))) == ops.PullInstances(
        namespace="root/virt", enumeration_context="c", max_object_count=16
    )
    assert complaint(intrinsic("PullInstances", context + count.format("-1"))) == (
        "PullInstances: parameter MaxObjectCount: -1 is outside uint32 (0 to 4294967295)"
    )


def test_set_property() -> None:
    name = f'<IPARAMVALUE NAME="InstanceName">{BARE.format("")}</IPARAMVALUE>'
    name += '<IPARAMVALUE NAME="PropertyName"><VALUE>N</VALUE></IPARAMVALUE>'
    value = '<IPARAMVALUE NAME="NewValue"><VALUE.ARRAY><VALUE>1</VALUE></VALUE.ARRAY></IPARAMVALUE>'
    assert operation(intrinsic("SetProperty", name + value)) == ops.SetProperty(
        namespace="root/virt",
        instance_name=Path("Xen_A"),
        property_name="N",
        new_value=TypedValue(None, ("1",)),
    )


# Names -----------------------------------------------------------------------------------------

KEY = '<KEYBINDING NAME="K">{}</KEYBINDING>'


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", ()),
        (KEY.format("<KEYVALUE> a </KEYVALUE>"), (("K", " a "),)),
        (KEY.format('<KEYVALUE VALUETYPE="numeric">12</KEYVALUE>'), (("K", 12),)),
        (KEY.format('<KEYVALUE VALUETYPE="numeric">-12</KEYVALUE>'), (("K", -12),)),
        (KEY.format('<KEYVALUE VALUETYPE="numeric">0x1F</KEYVALUE>'), (("K", 31),)),
        (KEY.format('<KEYVALUE VALUETYPE="numeric">1.5</KEYVALUE>'), (("K", 1.5),)),
        (KEY.format('<KEYVALUE VALUETYPE="boolean">true</KEYVALUE>'), (("K", True),)),
        (KEY.format('<KEYVALUE TYPE="uint8">7</KEYVALUE>'), (("K", 7),)),
        (
            KEY.format('<KEYVALUE TYPE="datetime">20240101000000.000000+000</KEYVALUE>'),
            (("K", "20240101000000.000000+000"),),
        ),
        ('<KEYVALUE VALUETYPE="numeric">5</KEYVALUE>', (("", 5),)),
        (
            f"<VALUE.REFERENCE>{BARE.format('')}</VALUE.REFERENCE>",
            (("", Path("Xen_A")),),
        ),
        (
            KEY.format(
                f"<VALUE.REFERENCE><INSTANCEPATH><NAMESPACEPATH><HOST>h</HOST>{SPACE}</NAMESPACEPATH>"
                f"{BARE.format(KEY.format('<KEYVALUE>x</KEYVALUE>'))}</INSTANCEPATH></VALUE.REFERENCE>"
            ),
            (("K", Path("Xen_A", (("K", "x"),), "root/virt", "h")),),
        ),
    ],
)
def test_keys(keys: str, expected: tuple[tuple[str, object], ...]) -> None:
    assert named(keys) == Path("Xen_A", expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (KEY.format("<KEYVALUE/>") * 2, "key 'K' stands twice"),
        (KEY.format('<KEYVALUE VALUETYPE="numeric">ten</KEYVALUE>'), "'ten' is not a number"),
        (KEY.format('<KEYVALUE VALUETYPE="colour">ten</KEYVALUE>'), "unknown VALUETYPE 'colour'"),
        (KEY.format('<KEYVALUE TYPE="uint8">256</KEYVALUE>'), "256 is outside uint8 (0 to 255)"),
        (KEY.format('<KEYVALUE TYPE="colour">red</KEYVALUE>'), "unknown type 'colour'"),
        (KEY.format(""), "KEYBINDING is empty"),
        ("<VALUE>x</VALUE>", "unexpected element VALUE in a key"),
        (KEY.format("<VALUE.REFERENCE><A/></VALUE.REFERENCE>"), "unexpected element A in an instance's name"),
    ],
)
def test_keys_that_are_wrong(keys: str, text: str) -> None:
    name = f'<IPARAMVALUE NAME="InstanceName">{BARE.format(keys)}</IPARAMVALUE>'
    assert complaint(intrinsic("GetInstance", name)) == f"GetInstance: parameter InstanceName: {text}"


# Values of method parameters -------------------------------------------------------------------

INNER = '<INSTANCE CLASSNAME="Xen_In"><PROPERTY NAME="A" TYPE="uint8"><VALUE>1</VALUE></PROPERTY></INSTANCE>'
ESCAPED = INNER.replace("<", "&lt;")
INSTANCE = Instance("Xen_In", {"A": TypedValue("uint8", 1)})
CLASS_PATH = (
    f'<VALUE.REFERENCE><LOCALCLASSPATH>{SPACE}<CLASSNAME NAME="C"/></LOCALCLASSPATH></VALUE.REFERENCE>'
)


@pytest.mark.parametrize(
    ("content", "attributes", "value"),
    [
        ("<VALUE>2</VALUE>", "", TypedValue(None, "2")),
        ("<VALUE>2</VALUE>", 'PARAMTYPE="uint16"', TypedValue("uint16", 2)),
        ("<VALUE>2</VALUE>", 'TYPE="uint16"', TypedValue("uint16", 2)),
        ("<VALUE/>", 'PARAMTYPE="string"', TypedValue("string", "")),
        ("", 'PARAMTYPE="uint16"', TypedValue("uint16", None)),
        ("", "", TypedValue(None, None)),
        (
            "<VALUE.ARRAY><VALUE>1</VALUE><VALUE.NULL/></VALUE.ARRAY>",
            'PARAMTYPE="uint8"',
            TypedValue("uint8", (1, None)),
        ),
        ("<VALUE.ARRAY/>", "", TypedValue(None, ())),
        (
            f"<VALUE.REFARRAY>{CLASS_PATH}<VALUE.NULL/></VALUE.REFARRAY>",
            'PARAMTYPE="reference"',
            TypedValue("reference", (Path("C", (), "root/virt"), None)),
        ),
        ('<CLASSNAME NAME="C"/>', "", TypedValue("reference", Path("C"))),
        (BARE.format(""), "", TypedValue("reference", Path("Xen_A"))),
        (INNER, "", TypedValue("string", INSTANCE)),
        (INNER, 'PARAMTYPE="instance"', TypedValue("string", INSTANCE)),
        (
            f"<VALUE.NAMEDINSTANCE>{BARE.format('')}{INNER}</VALUE.NAMEDINSTANCE>",
            "",
            TypedValue("string", INSTANCE),
        ),
        (f"<VALUE>{ESCAPED}</VALUE>", 'EmbeddedObject="instance"', TypedValue("string", INSTANCE)),
        (
            f"<VALUE>{ESCAPED}</VALUE>",
            'PARAMTYPE="string" EMBEDDEDOBJECT="object"',
            TypedValue("string", INSTANCE),
        ),
        (
            f"<VALUE.ARRAY><VALUE><![CDATA[{INNER}]]></VALUE></VALUE.ARRAY>",
            'PARAMTYPE="string" EmbeddedObject="instance"',
            TypedValue("string", (INSTANCE,)),
        ),
        (f"<VALUE>{ESCAPED}</VALUE>", 'PARAMTYPE="string"', TypedValue("string", INNER)),
        (
            "<VALUE>instance of Xen_In { A = 1; };</VALUE>",
            'PARAMTYPE="string" EmbeddedObject="instance"',
            TypedValue("string", "instance of Xen_In { A = 1; };"),
        ),
    ],
)
def test_values(content: str, attributes: str, value: TypedValue) -> None:
    assert given(parameter(content, attributes)) == value


@pytest.mark.parametrize(
    ("content", "attributes", "text"),
    [
        ("<VALUE>x</VALUE>", 'PARAMTYPE="uint16"', "'x' is not a uint16"),
        ("<VALUE>x</VALUE>", 'PARAMTYPE="colour"', "unknown type 'colour'"),
        ("<VALUE>x</VALUE>", 'PARAMTYPE="reference"', "unknown type 'reference'"),
        ("<VALUE><B/></VALUE>", "", "expected a VALUE with text, not VALUE"),
        ("<VALUE/><VALUE/>", "", "PARAMVALUE has 2 children, not one"),
        ('<CLASS NAME="C"/>', "", "unexpected element CLASS in a value"),
        ("<VALUE.REFARRAY><VALUE/></VALUE.REFARRAY>", "", "unexpected element VALUE in VALUE.REFARRAY"),
        (
            "<VALUE>&lt;A/></VALUE>",
            'EmbeddedObject="instance"',
            "unexpected element A in an instance's place",
        ),
        (
            "<VALUE>&lt;!DOCTYPE A [&lt;!ENTITY b 'c'>]>&lt;A/></VALUE>",
            'EmbeddedObject="instance"',
            "a DOCTYPE with declarations",
        ),
        (
            INNER.replace("1", "x"),
            "",
            "property A: 'x' is not a uint8",
        ),
    ],
)
def test_values_that_are_wrong(content: str, attributes: str, text: str) -> None:
    assert complaint(parameter(content, attributes)) == f"Do: parameter P: {text}"


def test_objects_embedded_too_deeply() -> None:
    text = INNER
    for _ in range(5):
        escaped = text.replace("&", "&amp;").replace("<", "&lt;")
        text = (
            '<INSTANCE CLASSNAME="Xen_In"><PROPERTY NAME="A" TYPE="string" EmbeddedObject="instance">'
            f"<VALUE>{escaped}</VALUE></PROPERTY></INSTANCE>"
        )
    with pytest.raises(ValueError, match="deeper than 4 levels"):
        parse_embedded_instance(text)


def test_an_embedded_instance_with_qualifiers() -> None:
    text = INNER.replace("<VALUE>", '<QUALIFIER NAME="Key" TYPE="boolean"/><VALUE>')
    assert parse_embedded_instance(f"<?xml version='1.0'?>{text}") == INSTANCE
