"""Machines that virsh defines, starts and takes away behind the server's back, as a listener is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from pywbem import WBEMServer, WBEMSubscriptionManager

from ..programs import connect
from .listeners import listening

if TYPE_CHECKING:
    from pathlib import Path

    from pywbem import CIMInstance
    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve

    from .listeners import Received

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

TOLD_WITHIN_S = 2.0
GUEST = """<domain type='qemu'><name>told</name><uuid>50000000-0000-4000-8000-000000000001</uuid>
<memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os></domain>"""
QUERY = "SELECT * FROM CIM_InstIndication WHERE SourceInstance ISA 'KVM_ComputerSystem'"
CREATED, MODIFIED, DELETED = (
    f"KVM_ComputerSystem{what}Indication" for what in ("Created", "Modified", "Deleted")
)


def until(received: Received, class_name: str, state: int) -> CIMInstance:
    """Return the first indication of a class that tells of a state."""
    begun = time.monotonic()
    while True:
        told = received.next()
        if told.classname == class_name and told["SourceInstance"]["EnabledState"] == state:
            assert time.monotonic() - begun < TOLD_WITHIN_S
            return told


def test_what_virsh_does_is_told(libvirtd: Libvirtd, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "told.xml").write_text(GUEST)
    with (
        serve(libvirtd.uri) as server,
        connect(server) as client,
        listening() as received,
        WBEMSubscriptionManager("virsh") as manager,
    ):
        server_id = manager.add_server(WBEMServer(client))
        to = manager.add_destination(server_id, received.url, destination_id="d")
        wanted = manager.add_filter(server_id, ["root/virt"], QUERY, "WQL", filter_id="f")
        manager.add_subscriptions(server_id, wanted.path, to.path)
        libvirtd.virsh("define", str(tmp_path / "told.xml"))
        told = until(received, CREATED, 3)
        assert told["SourceInstance"]["Name"] == "told"
        assert told["IndicationIdentifier"] == "50000000-0000-4000-8000-000000000001"
        libvirtd.virsh("start", "told")
        assert until(received, MODIFIED, 2)["PreviousInstance"]["Name"] == "told"
        libvirtd.virsh("suspend", "told")
        assert until(received, MODIFIED, 9)["PreviousInstance"]["EnabledState"] == 2
        libvirtd.virsh("destroy", "told")
        until(received, MODIFIED, 3)
        libvirtd.virsh("undefine", "told")
        assert until(received, DELETED, 3)["SourceInstance"]["Name"] == "told"
