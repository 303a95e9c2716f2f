"""`xencim policy history` of a running server: who was refused what, when and why, and how to find it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pywbem
from tests.integration.clients.programs import connect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import Serve, ServerProcess

pytestmark = pytest.mark.clients

ACCESS_DENIED = 2
RED, BLUE = "vm-00000", "vm-00002"  # running and off
SWITCHED_ON = pywbem.Uint16(2)
WHY = (
    f"start of '{BLUE}': label 'blue' is in conflict with '{RED}' running with label 'red': "
    "conflict set 'rivals' keeps Chinese Wall type 'blue-wall' from starting beside 'red-wall'"
)


def history(server: ServerProcess, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "xencim", "policy", "history", *words)
    done = subprocess.run(
        (*command, "--socket", str(server.state_dir / "socket")),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=server.environment,
    )
    assert done.returncode == code, done.stderr
    return done


def told(server: ServerProcess, *words: str) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(history(server, *words, "--json").stdout)


def test_refusals_are_told(serve: Serve, repository: Path) -> None:
    document = (repository / "tests/data/policies/rivals.xml").read_text()
    begun = datetime.now(UTC).replace(microsecond=0)
    with serve("fake:3", has_socket=True) as server:
        with connect(server, scheme="https", account="officer") as officer:
            [service] = officer.EnumerateInstanceNames("Xen_SecurityPolicyService")
            officer.InvokeMethod("LoadPolicy", service, Representation=document)
            for name, label in ((RED, "red"), (BLUE, "blue")):
                officer.InvokeMethod("AssignLabel", service, Resource=f"machine:{name}", Label=label)
        with connect(server, scheme="https", account="operator") as operator:
            keys = {"CreationClassName": "Xen_ComputerSystem", "Name": BLUE}
            blue = pywbem.CIMInstanceName("Xen_ComputerSystem", keys, namespace="root/virt")
            with pytest.raises(pywbem.CIMError) as refused:
                operator.InvokeMethod("RequestStateChange", blue, RequestedState=SWITCHED_ON)
        assert refused.value.status_code == ACCESS_DENIED

        heads, first, *others = history(server).stdout.splitlines()
        assert heads.split() == ["TIME", "WHO", "WHAT", "POLICY", "DETAIL"]
        time, who, what, policy, why = first.split(maxsplit=4)
        assert begun <= datetime.fromisoformat(time) <= datetime.now(UTC)
        assert (who, what, why) == ("operator", "refused", WHY)
        assert [line.split()[1:3] for line in others] == [["officer", "labelled"]] * 2 + [
            ["officer", "applied"]
        ]

        [refusal] = told(server, "--about", "refusal")
        assert (refusal["about"], refusal["principal"], refusal["detail"]) == ("refusal", "operator", WHY)
        assert refusal["from"] == refusal["to"]
        assert refusal["to"].startswith(policy)
        assert told(server, "--who", "operator") == [refusal]
        assert len(told(server, "--about", "policy", "--about", "label")) == 3
        assert len(told(server, "--since", "1h")) == 4
        assert told(server, "--since", "1h", "--most", "1") == [refusal]
        assert told(server, "--until", (begun - timedelta(days=1)).isoformat()) == []
        wrong = history(server, "--since", "yesterday", code=2)
        assert "'yesterday' is no time: 2026-05-06, 2026-05-06T13:00, or 30m, 2h, 7d ago" in wrong.stderr
