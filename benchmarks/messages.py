"""CIM-XML requests as bytes.

Source: DSP0200 1.4, section 5.3; DSP0201 2.4, section 5.2.6.
"""

from __future__ import annotations

import base64
from typing import TypeAlias

USER = "bench"
PASSWORD = "not-a-secret"  # noqa: S105 - of an account that lives as long as a run

Parameter: TypeAlias = "str | bool | int | tuple[str, ...]"
Name: TypeAlias = "tuple[str, dict[str, str]]"  # a class and the keys of an instance


def post(body: bytes, path: str = "/cimom") -> bytes:
    """Return a whole POST with Basic credentials."""
    credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n"
        'Content-Type: application/xml; charset="utf-8"\r\nCIMOperation: MethodCall\r\n'
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def intrinsic(
    operation: str,
    *,
    of_class: str | None = None,
    of_instance: Name | None = None,
    of_object: Name | None = None,
    namespace: str = "root/virt",
    **parameters: Parameter,
) -> bytes:
    """Return the request of an operation; its object by the parameter that the operation calls it by."""
    values = ""
    if of_class is not None:
        values += f'<IPARAMVALUE NAME="ClassName"><CLASSNAME NAME="{of_class}"/></IPARAMVALUE>'
    if of_instance is not None:
        values += f'<IPARAMVALUE NAME="InstanceName">{instance_name(of_instance)}</IPARAMVALUE>'
    if of_object is not None:
        values += f'<IPARAMVALUE NAME="ObjectName">{instance_name(of_object)}</IPARAMVALUE>'
    for name, value in parameters.items():
        values += f'<IPARAMVALUE NAME="{name}">{_value(name, value)}</IPARAMVALUE>'
    call = f'<IMETHODCALL NAME="{operation}">{_local_path(namespace)}{values}</IMETHODCALL>'
    return post(_message(call))


def method(of: Name, name: str, *parameters: tuple[str, str, str], namespace: str = "root/virt") -> bytes:
    """Return the request of a method of an instance; a parameter is its name, type and value."""
    values = "".join(
        f'<PARAMVALUE NAME="{parameter}" PARAMTYPE="{cim_type}"><VALUE>{value}</VALUE></PARAMVALUE>'
        for parameter, cim_type, value in parameters
    )
    place = f"<LOCALINSTANCEPATH>{_local_path(namespace)}{instance_name(of)}</LOCALINSTANCEPATH>"
    return post(_message(f'<METHODCALL NAME="{name}">{place}{values}</METHODCALL>'))


def machine(number: int) -> Name:
    """Return the name of a machine of the host made up in memory."""
    return "Xen_ComputerSystem", {
        "CreationClassName": "Xen_ComputerSystem",
        "Name": f"vm-{number:05d}",
    }


def instance_name(name: Name) -> str:
    """Return an INSTANCENAME."""
    class_name, keys = name
    bindings = "".join(
        f'<KEYBINDING NAME="{key}"><KEYVALUE VALUETYPE="string">{value}</KEYVALUE></KEYBINDING>'
        for key, value in keys.items()
    )
    return f'<INSTANCENAME CLASSNAME="{class_name}">{bindings}</INSTANCENAME>'


def _value(name: str, value: Parameter) -> str:
    if name.endswith("Class"):
        return f'<CLASSNAME NAME="{value}"/>'
    if isinstance(value, bool):
        return f"<VALUE>{str(value).upper()}</VALUE>"
    if isinstance(value, tuple):
        return f"<VALUE.ARRAY>{''.join(f'<VALUE>{item}</VALUE>' for item in value)}</VALUE.ARRAY>"
    return f"<VALUE>{value}</VALUE>"


def _local_path(namespace: str) -> str:
    parts = "".join(f'<NAMESPACE NAME="{part}"/>' for part in namespace.split("/"))
    return f"<LOCALNAMESPACEPATH>{parts}</LOCALNAMESPACEPATH>"


def _message(call: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8" ?>\n<CIM CIMVERSION="2.0" DTDVERSION="2.0">'
        f'<MESSAGE ID="1001" PROTOCOLVERSION="1.0"><SIMPLEREQ>{call}</SIMPLEREQ></MESSAGE></CIM>'
    ).encode()
