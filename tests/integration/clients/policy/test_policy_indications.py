"""A listener of pywbem is told of refusals, of policies put in force and out, of modes, of what drifts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pywbem
from pywbem import CIMInstanceName, WBEMServer, WBEMSubscriptionManager

from ..indications.listeners import listening
from ..programs import connect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import Serve

pytestmark = pytest.mark.clients

RED, BLUE = "vm-00000", "vm-00002"  # running and off
SECURITY_ALERT = 8
LOADED, RESET, MODE, REACTION = 1, 2, 3, 4
LABEL_TAKEN_AWAY, OBJECT_GONE = 2, 5


def machine(name: str) -> CIMInstanceName:
    keys = {"CreationClassName": "Xen_ComputerSystem", "Name": name}
    return CIMInstanceName("Xen_ComputerSystem", keys, namespace="root/virt")


def test_a_listener_is_told(serve: Serve, repository: Path) -> None:
    document = (repository / "tests/data/policies/rivals.xml").read_text()
    newer = document.replace("<Version>1.1<", "<Version>1.2<").replace("<Version>1.0<", "<Version>1.1<")
    newer = newer.replace("<Name>red-disk</Name>", "<Name>other-disk</Name>").replace(' from="crimson"', "")
    with (
        serve("fake:3") as server,
        connect(server) as client,
        listening() as received,
        WBEMSubscriptionManager("policy") as manager,
    ):
        server_id = manager.add_server(WBEMServer(client))
        to = manager.add_destination(server_id, received.url, destination_id="d")
        wanted = manager.add_filter(
            server_id,
            source_namespaces=["root/virt"],
            query="SELECT * FROM CIM_AlertIndication WHERE AlertType = 8",
            query_language="WQL",
            filter_id="f",
        )
        manager.add_subscriptions(server_id, wanted.path, to.path)
        [service] = client.EnumerateInstanceNames("Xen_SecurityPolicyService")

        def call(method: str, **parameters: object) -> None:
            assert client.InvokeMethod(method, service, **parameters)[0] == 0

        call("LoadPolicy", Representation=document)
        told = received.next()
        assert (told.classname, told["LifecycleEvent"]) == ("Xen_PolicyLifecycleIndication", LOADED)
        assert told["Message"] == "policy rivals 1.1 is in force: admin put it there"
        assert (told["AlertType"], told["PerceivedSeverity"], told["SystemName"]) == (
            SECURITY_ALERT,
            2,
            "fake.example",
        )
        digest = told["ToDigest"]

        call("AssignLabel", Element=machine(RED), Label="red")
        call("AssignLabel", Element=machine(BLUE), Label="blue")
        call("AssignLabel", Resource="/srv/red.img", Label="red-disk")
        with pytest.raises(pywbem.CIMError):
            client.InvokeMethod("RequestStateChange", machine(BLUE), RequestedState=pywbem.Uint16(2))
        told = received.next()
        assert (told.classname, told["Outcome"]) == ("Xen_AccessDeniedIndication", 1)
        assert (told["PerceivedSeverity"], told["Action"]) == (5, f"start of '{BLUE}'")
        assert told["Message"].startswith(f"start of '{BLUE}': refused: label 'blue' is in conflict with")
        assert json.loads(told["MessageArguments"][0])["machines"] == [RED]

        call("SetEnforcementMode", Mode=pywbem.Uint16(2))
        call("SetUnmanagedStartReaction", Reaction=pywbem.Uint16(2))
        events = [one["LifecycleEvent"] for one in received.take(2)]
        assert events == [MODE, REACTION]

        call("LoadPolicy", Representation=newer)
        changed: dict[str, Any] = {one.classname: one for one in received.take(2)}
        drift, lifecycle = changed["Xen_PolicyDriftIndication"], changed["Xen_PolicyLifecycleIndication"]
        assert (drift["DriftKind"], lifecycle["FromDigest"]) == (LABEL_TAKEN_AWAY, digest)
        assert drift["Message"] == (
            "disk 'file:/srv/red.img': its label 'red-disk' was taken away by an update: assign another"
        )
        assert json.loads(drift["MessageArguments"][0])["labels"] == ["red-disk"]
        assert client.InvokeMethod("DetectDrift", service)[1]["Findings"][0]["Message"] == drift["Message"]

        # A machine is undefined that has a label: nobody asks, and it is told; once.
        [management] = client.EnumerateInstanceNames("Xen_VirtualSystemManagementService")
        assert client.InvokeMethod("DestroySystem", management, AffectedSystem=machine(BLUE))[0] == 0
        told = received.next()
        assert (told.classname, told["DriftKind"]) == ("Xen_PolicyDriftIndication", OBJECT_GONE)
        assert told["Message"].endswith(" has label 'blue', and is not defined on this host")
        assert len(client.InvokeMethod("DetectDrift", service)[1]["Findings"]) == 2

        call("ResetPolicy")
        told = received.next()
        assert (told["LifecycleEvent"], told["PerceivedSeverity"]) == (RESET, 3)
        assert "ToDigest" not in told
        assert received.is_empty
