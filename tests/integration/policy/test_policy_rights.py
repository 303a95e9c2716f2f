"""The right *policy*, beside the others: what needs it is refused without it, and it grants nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pywbem
from tests.integration.clients.programs import connect

from xencim.providers.core.access import Access
from xencim.providers.host.security.security_policy_service import SPEC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import Serve, ServerProcess

pytestmark = pytest.mark.clients

ACCESS_DENIED, DONE, PERMITTED = 2, 0, 1
NEEDING = sorted(method.name for method in SPEC.methods if method.access is Access.POLICY)
OFF = "vm-00002"
SWITCHED_ON = pywbem.Uint16(2)


@pytest.fixture(scope="module")
def document(repository: Path) -> str:
    return (repository / "tests/data/policies/rivals.xml").read_text()


@pytest.fixture(scope="module")
def server(serve: Serve, document: str) -> Iterator[ServerProcess]:
    """A host under a policy that the officer, who administers no machine, put in force."""
    with serve("fake:3") as running:
        with connect(running, scheme="https", account="officer") as client:
            assert ask(client, "LoadPolicy", Representation=document)[0] == DONE
        yield running


def ask(client: Any, method: str, **parameters: object) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - pywbem's connection
    [service] = client.EnumerateInstanceNames("Xen_SecurityPolicyService")
    code, out = client.InvokeMethod(method, service, **parameters)
    return code, dict(out)


def machine(name: str) -> pywbem.CIMInstanceName:
    keys = {"CreationClassName": "Xen_ComputerSystem", "Name": name}
    return pywbem.CIMInstanceName("Xen_ComputerSystem", keys, namespace="root/virt")


def denied(account: str, right: str, what: str) -> str:
    hint = "an administrator grants it in the [access] section of the configuration"
    return f"'{account}' has no {right} access: {what} ({hint})"


def test_what_changes_or_tells_the_policy_needs_the_right() -> None:
    assert [
        *("ActivatePolicy", "AssignLabel", "ComparePolicies", "DeactivatePolicy", "DetectDrift"),
        *("GetHistory", "GetLabels", "GetRepresentation", "ImportBundle", "ImportResourceLabels"),
        *("LabelDevice", "LoadPolicy", "PlanUpdate", "ResetPolicy", "RollBackPolicy", "SetBoolean"),
        *("SetEnforcementMode", "SetHypervisorEnforcement", "SetUnmanagedStartReaction"),
    ] == NEEDING


@pytest.mark.parametrize("account", ["reader", "operator", "chief"])
@pytest.mark.parametrize("method", NEEDING)
def test_without_the_right_a_method_is_refused(server: ServerProcess, account: str, method: str) -> None:
    with (
        connect(server, scheme="https", account=account) as client,
        pytest.raises(pywbem.CIMError) as refused,
    ):
        ask(client, method)
    what = f"method {method} of class Xen_SecurityPolicyService"
    assert (refused.value.status_code, refused.value.status_description) == (
        ACCESS_DENIED,
        denied(account, "policy", what),
    )


@pytest.mark.parametrize("account", ["reader", "operator", "chief"])
def test_without_the_right_the_policy_is_read_and_asked(
    server: ServerProcess, document: str, account: str
) -> None:
    with connect(server, scheme="https", account=account) as client:
        [policy] = client.EnumerateInstances("Xen_ACMPolicy")
        assert (policy["PolicyName"], policy["ActivatedBy"]) == ("rivals", "officer")
        labels = {label["LabelName"] for label in client.EnumerateInstances("Xen_SecurityLabel")}
        assert labels == {"host", "red", "blue", "red-disk", "__UNLABELED__"}
        assert ask(client, "ValidatePolicy", Representation=document)[0] == DONE
        for method, given in (
            ("CheckCanRun", {"Label": "red"}),
            ("CheckAccess", {"SubjectLabel": "red", "TargetLabel": "red-disk"}),
        ):
            code, out = ask(client, method, **given)
            assert (code, out["Decision"]) == (DONE, PERMITTED)


def test_with_the_right_alone_no_machine_is_started_or_made(server: ServerProcess) -> None:
    with connect(server, scheme="https", account="officer") as client:
        assert len(client.EnumerateInstanceNames("Xen_ComputerSystem")) == 3
        [services] = client.EnumerateInstanceNames("Xen_VirtualSystemManagementService")
        calls: tuple[tuple[str, pywbem.CIMInstanceName, dict[str, object], str], ...] = (
            ("RequestStateChange", machine(OFF), {"RequestedState": SWITCHED_ON}, "operate"),
            ("DestroySystem", services, {"AffectedSystem": machine(OFF)}, "admin"),
        )
        for method, path, given, right in calls:
            with pytest.raises(pywbem.CIMError) as refused:
                client.InvokeMethod(method, path, **given)
            what = f"method {method} of class {path.classname}"
            assert (refused.value.status_code, refused.value.status_description) == (
                ACCESS_DENIED,
                denied("officer", right, what),
            )


def test_a_stranger_is_told_nothing(server: ServerProcess) -> None:
    with (
        connect(server, scheme="https", account="stranger") as client,
        pytest.raises(pywbem.CIMError) as refused,
    ):
        client.EnumerateInstances("Xen_ACMPolicy")
    assert refused.value.status_code == ACCESS_DENIED
    assert "'stranger' has no read access" in refused.value.status_description
