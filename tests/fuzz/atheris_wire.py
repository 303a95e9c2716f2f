"""A longer hunt in the request parser, coverage-guided: needs the package ``atheris``.

    python tests/fuzz/atheris_wire.py -max_total_time=600 CORPUS_FOLDER

An input that begins with ``<`` is a request as it came. Any other is made into a well-formed one, element by
element: bytes that were changed by chance hardly ever are. Anything but a message or a `MalformedRequest`
stops it with the input that did it.
"""

from __future__ import annotations

import contextlib
import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["xencim.cimom_glue.wire"]):
    from xencim.cimom_glue.wire import MalformedRequest, decode

OPERATIONS = (
    "GetInstance EnumerateInstances ModifyInstance CreateInstance ExecQuery Associators SetProperty "
    "OpenEnumerateInstances PullInstances RequestStateChange"
)
PARAMETERS = (
    "ClassName InstanceName ObjectName PropertyList NewInstance ModifiedInstance NewValue MaxObjectCount "
    "LocalOnly Query QueryLanguage PropertyName EnumerationContext P"
)
TAGS = (
    "IPARAMVALUE PARAMVALUE CLASSNAME INSTANCENAME KEYBINDING KEYVALUE VALUE VALUE.ARRAY VALUE.NULL "
    "VALUE.REFERENCE VALUE.NAMEDINSTANCE INSTANCE PROPERTY PROPERTY.ARRAY PROPERTY.REFERENCE QUALIFIER "
    "INSTANCEPATH LOCALINSTANCEPATH CLASSPATH NAMESPACEPATH HOST LOCALNAMESPACEPATH NAMESPACE"
)
ATTRIBUTES = "NAME CLASSNAME TYPE PARAMTYPE VALUETYPE EmbeddedObject ARRAYSIZE REFERENCECLASS PROPAGATED"
WORDS = (
    "a root string boolean uint8 sint64 real32 char16 datetime reference numeric object instance true FALSE "
    "0 -1 1e400 0x7f 256 NaN 20240101000000.000000+000 00000001000000.000000:000 &lt;INSTANCE/&gt;"
)


def elements(source: atheris.FuzzedDataProvider, depth: int) -> str:
    """Make some elements, with elements or text in them."""
    made = []
    while depth and source.remaining_bytes() and source.ConsumeIntInRange(0, 3):
        tag = source.PickValueInList(TAGS.split())
        attributes = "".join(
            f' {name}="{source.PickValueInList((PARAMETERS if name == "NAME" else WORDS).split())}"'
            for name in ATTRIBUTES.split()
            if source.ConsumeBool()
        )
        content = (
            source.PickValueInList(WORDS.split()) if source.ConsumeBool() else elements(source, depth - 1)
        )
        made.append(f"<{tag}{attributes}>{content}</{tag}>")
    return "".join(made)


def request(data: bytes) -> bytes:
    """Make a request out of bytes."""
    source = atheris.FuzzedDataProvider(data)
    call = "IMETHODCALL" if source.ConsumeBool() else "METHODCALL"
    place = '<LOCALNAMESPACEPATH><NAMESPACE NAME="root"/></LOCALNAMESPACEPATH>'
    if call == "METHODCALL":
        place = f'<LOCALINSTANCEPATH>{place}<INSTANCENAME CLASSNAME="A"/></LOCALINSTANCEPATH>'
    return (
        '<CIM CIMVERSION="2.0" DTDVERSION="2.0"><MESSAGE ID="1" PROTOCOLVERSION="1.0"><SIMPLEREQ>'
        f'<{call} NAME="{source.PickValueInList(OPERATIONS.split())}">{place}{elements(source, 8)}</{call}>'
        "</SIMPLEREQ></MESSAGE></CIM>"
    ).encode()


def one_input(data: bytes) -> None:
    """Decode one input."""
    with contextlib.suppress(MalformedRequest):
        decode(data if data.startswith(b"<") else request(data), {})


def main() -> None:
    """Run until stopped."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
