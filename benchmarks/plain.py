"""The reference for design: a plain provider that asks libvirt for each machine on each request.

It lists the machines, asks for each one's state, autostart and description, parses that and writes
the instance as CIM-XML, 20 properties with the same names and sizes as the server's. Only
EnumerateInstances is answered, whatever is asked; nobody is authenticated.
"""

from __future__ import annotations

import argparse
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import libvirt

_HEAD = (
    '<?xml version="1.0" encoding="utf-8" ?>\n<CIM CIMVERSION="2.0" DTDVERSION="2.0">'
    '<MESSAGE ID="1001" PROTOCOLVERSION="1.0"><SIMPLERSP><IMETHODRESPONSE NAME="EnumerateInstances">'
    "<IRETURNVALUE>"
)
_TAIL = "</IRETURNVALUE></IMETHODRESPONSE></SIMPLERSP></MESSAGE></CIM>"
_ENABLED, _DISABLED = 2, 3


def enumerate_instances(connection: libvirt.virConnect) -> bytes:
    """Return the reply."""
    return (_HEAD + "".join(map(_instance, connection.listAllDomains())) + _TAIL).encode()


def _instance(domain: libvirt.virDomain) -> str:
    running = domain.info()[0] == libvirt.VIR_DOMAIN_RUNNING
    autostart = domain.autostart()
    root = ET.fromstring(domain.XMLDesc())  # noqa: S314 - as above
    name = escape(root.findtext("name", ""))
    uuid = root.findtext("uuid", "")
    state = _ENABLED if running else _DISABLED
    properties = [
        _property("Caption", "string", "Virtual System"),
        _property("Description", "string", escape(root.findtext("description", ""))),
        _property("ElementName", "string", name),
        _property("Name", "string", name),
        _array("OperationalStatus", "uint16", 2 if running else 10),
        _array("StatusDescriptions", "string", "running" if running else "shut off"),
        _property("HealthState", "uint16", 5),
        _property("CommunicationStatus", "uint16", 2),
        _property("DetailedStatus", "uint16", 1),
        _property("OperatingStatus", "uint16", 16),
        _property("PrimaryStatus", "uint16", 1),
        _property("EnabledState", "uint16", state),
        _property("RequestedState", "uint16", 0),
        _property("EnabledDefault", "uint16", 2 if autostart else 3),
        _array("AvailableRequestedStates", "uint16", *((3, 4, 6, 9, 10, 11) if running else (2,))),
        _property("TransitioningToState", "uint16", 5),
        _property("CreationClassName", "string", "Xen_ComputerSystem"),
        _property("NameFormat", "string", "Other"),
        _array("OtherIdentifyingInfo", "string", "Virtual System", "Xen Virtual System", uuid),
        _array("IdentifyingDescriptions", "string", "Type", "Model", "UUID"),
    ]
    return (
        '<VALUE.NAMEDINSTANCE><INSTANCENAME CLASSNAME="Xen_ComputerSystem">'
        '<KEYBINDING NAME="CreationClassName"><KEYVALUE VALUETYPE="string">Xen_ComputerSystem</KEYVALUE>'
        f'</KEYBINDING><KEYBINDING NAME="Name"><KEYVALUE VALUETYPE="string">{name}</KEYVALUE></KEYBINDING>'
        f'</INSTANCENAME><INSTANCE CLASSNAME="Xen_ComputerSystem">{"".join(properties)}</INSTANCE>'
        "</VALUE.NAMEDINSTANCE>"
    )


def _property(name: str, cim_type: str, value: object) -> str:
    return f'<PROPERTY NAME="{name}" TYPE="{cim_type}"><VALUE>{value}</VALUE></PROPERTY>'


def _array(name: str, cim_type: str, *values: object) -> str:
    members = "".join(f"<VALUE>{value}</VALUE>" for value in values)
    return (
        f'<PROPERTY.ARRAY NAME="{name}" TYPE="{cim_type}"><VALUE.ARRAY>{members}</VALUE.ARRAY>'
        "</PROPERTY.ARRAY>"
    )


class _Handler(BaseHTTPRequestHandler):
    """Answers every POST with the machines."""

    protocol_version = "HTTP/1.1"
    connection_to_libvirt: ClassVar[libvirt.virConnect]

    def do_POST(self) -> None:
        """Answer one request."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = enumerate_instances(self.connection_to_libvirt)
        self.send_response(200)
        self.send_header("Content-Type", 'application/xml; charset="utf-8"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("uri")
    _Handler.connection_to_libvirt = libvirt.openReadOnly(parser.parse_args().uri)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        print(f"ready {server.server_port}", flush=True)
        sys.stdin.readline()
        server.shutdown()


if __name__ == "__main__":
    main()
