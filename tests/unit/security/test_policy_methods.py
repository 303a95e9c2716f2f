"""The policy service's methods as clients call them, over a made-up host."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from xencim.acm.binary import compile_policy
from xencim.acm.language import document_sha1, write_policy
from xencim.mof.values import Path
from xencim.providers.core.errors import CimError, Status

from .policy_client import asked, found, messages, service
from .security_world import A_BANK, B_BANK, IMAGES, OFF, OFF_TOO, RUNNING, banks, secured, without_b_bank

if TYPE_CHECKING:
    from xencim.acm.model import Policy

DONE, FAILED, INVALID, IN_USE = 0, 4, 5, 6
ENABLED = 2
PERMITTED, REFUSED = 1, 2
BANKS = write_policy(banks())


def document(policy: Policy) -> str:
    return write_policy(policy).decode()


def digest(policy: Policy) -> str:
    return hashlib.sha256(write_policy(policy)).hexdigest()


def policy_path(policy: Policy, host: str) -> Path:
    keys = (
        ("SystemCreationClassName", "Xen_HostSystem"),
        ("SystemName", host),
        ("CreationClassName", "Xen_ACMPolicy"),
        ("PolicyID", digest(policy)),
    )
    return Path("Xen_ACMPolicy", keys, "root/virt")


async def test_a_policy_is_validated() -> None:
    async with secured() as host:
        assert (await asked(host, "ValidatePolicy", Representation=BANKS.decode())).return_value == DONE
        wrong = await asked(host, "ValidatePolicy", Representation="<SecurityPolicyDefinition/>")
        assert wrong.return_value == INVALID
        assert found(wrong)[0]["Kind"] == 1
        broken = BANKS.decode().replace("<Type>A-Bank</Type>", "<Type>C-Bank</Type>", 1)
        assert (await asked(host, "ValidatePolicy", Representation=broken)).return_value == INVALID


async def test_a_policy_is_planned_loaded_and_reset() -> None:
    async with secured() as host:
        tried = await asked(host, "LoadPolicy", Representation=BANKS.decode(), DryRun=True)
        assert (tried.return_value, "Policy" in tried.out) == (DONE, False)
        assert host.security.in_force is None
        loaded = await asked(host, "LoadPolicy", Representation=BANKS.decode(), ExpectedDigest="")
        assert loaded.return_value == DONE
        path = loaded.out["Policy"]
        assert isinstance(path, Path)
        assert path.key("PolicyID") == digest(banks())
        assert found(loaded, "Plan") == [
            {"ToPolicy": "banks 1.0", "Feasible": True, "AddedLabels": ANY_LABELS}
        ]
        again = await asked(host, "LoadPolicy", Representation=BANKS.decode(), ExpectedDigest="")
        assert again.return_value == FAILED
        assert "somebody else has changed it" in messages(again)[0]
        assert (await asked(host, "ResetPolicy", ExpectedDigest="00")).return_value == FAILED
        assert (await asked(host, "ResetPolicy", ExpectedDigest=digest(banks()))).return_value == DONE
        assert host.security.in_force is None


ANY_LABELS = (
    "SystemManagement",
    "__UNLABELED__",
    A_BANK,
    B_BANK,
    A_BANK,
    B_BANK,
)


async def test_an_update_that_running_machines_stand_against() -> None:
    async with secured(policy=banks()) as host:
        await host.label(RUNNING, B_BANK)
        gone = without_b_bank(banks("1.1", "1.0"))
        refused = await asked(host, "LoadPolicy", Representation=document(gone))
        assert refused.return_value == IN_USE
        assert RUNNING in " ".join(messages(refused))
        planned = await asked(host, "PlanUpdate", Representation=document(gone))
        assert planned.return_value == DONE
        [plan] = found(planned, "Plan")
        assert (plan["Feasible"], plan["MachinesToStop"]) == (False, (RUNNING,))
        assert plan["Findings"]
        compared = await asked(host, "ComparePolicies", NewRepresentation=document(gone))
        assert compared.return_value == DONE
        assert any(B_BANK in str(line) for line in compared.out["Differences"])  # type: ignore[union-attr]


async def test_representations() -> None:
    async with secured(policy=banks()) as host:
        path = policy_path(banks(), host.inventory.view.host.name)
        forms = {}
        for form in (1, 2, 3, 5):
            answer = await asked(host, "GetRepresentation", Policy=path, Form=form)
            assert answer.return_value == DONE
            forms[form] = str(answer.out["Representation"])
        assert forms[1] == BANKS.decode()
        assert base64.b64decode(forms[2]) == compile_policy(banks(), xml_sha1=document_sha1(BANKS))
        assert "banks" in forms[3]
        assert "attribute " in forms[5]
        assert (await asked(host, "GetRepresentation", Policy=path, Form=4)).return_value == INVALID
        other = policy_path(banks("2.0"), host.inventory.view.host.name)
        with pytest.raises(CimError) as unknown:
            await asked(host, "GetRepresentation", Policy=other, Form=1)
        assert unknown.value.status is Status.NOT_FOUND


async def test_modes_and_reactions() -> None:
    async with secured(policy=banks()) as host:
        path = policy_path(banks(), host.inventory.view.host.name)
        for mode in ("off", "permissive", "enforcing"):
            number = ["", "off", "permissive", "enforcing"].index(mode)
            assert (await asked(host, "SetEnforcementMode", Mode=number)).return_value == DONE
            assert host.security.mode.value == mode
        assert (await asked(host, "SetEnforcementMode", Mode=7)).return_value == INVALID
        assert (await asked(host, "DeactivatePolicy", TargetPolicies=(path,))).return_value == DONE
        assert host.security.mode.value == "off"
        assert (await asked(host, "ActivatePolicy", TargetPolicies=(path,))).return_value == DONE
        assert host.security.mode.value == "enforcing"
        other = policy_path(banks("2.0"), host.inventory.view.host.name)
        with pytest.raises(CimError, match="names no policy that is in force"):
            await asked(host, "ActivatePolicy", TargetPolicies=(other,))
        for number, reaction in enumerate(("alert", "pause", "destroy"), 1):
            assert (await asked(host, "SetUnmanagedStartReaction", Reaction=number)).return_value == DONE
            assert host.security.reaction.value == reaction
        assert (await asked(host, "SetUnmanagedStartReaction", Reaction=4)).return_value == INVALID


async def test_the_history_is_asked_for_what_is_wanted_of_it() -> None:
    async with secured(policy=banks()) as host:
        await asked(host, "SetEnforcementMode", "officer", Mode=3, Reason="as agreed")
        await host.request(OFF, ENABLED)
        with pytest.raises(CimError):
            await host.request(OFF_TOO, ENABLED, who="admin")
        await host.security.settled()

        async def told(**wanted: object) -> list[tuple[object, object, object]]:
            answer = await asked(host, "GetHistory", **wanted)
            assert answer.return_value == DONE
            return [(one["Topic"], one["Action"], one["Principal"]) for one in found(answer, "Entries")]

        everything = [
            (4, "refused", "admin"),
            (2, "mode", "officer"),
            *[(3, "labelled", "alice")] * 2,
            (1, "applied", "alice"),
        ]
        assert await told() == everything
        assert await told(Most=2) == everything[:2]
        assert await told(Principal="alice") == everything[2:]
        assert await told(Topics=(4, 1)) == [everything[0], everything[-1]]
        assert await told(Topics=(3,), Principal="officer") == []
        minute = timedelta(minutes=1)
        assert await told(Since=minute) == await told(Until=timedelta()) == everything
        assert await told(Until=minute) == await told(Since=datetime.now(UTC) + minute) == []
        [changed] = found(await asked(host, "GetHistory", Topics=(2,)), "Entries")
        at = changed["Time"]
        assert await told(Since=at, Until=at) == everything[1:2]
        assert (await asked(host, "GetHistory", Topics=(5,))).return_value == INVALID


async def test_history_and_the_way_back() -> None:
    async with secured(policy=banks()) as host:
        newer = banks("1.1", "1.0")
        await asked(host, "LoadPolicy", "officer", Representation=document(newer))
        told = await asked(host, "GetHistory", Most=1)
        [entry] = found(told, "Entries")
        assert (entry["Principal"], entry["Action"]) == ("officer", "applied")
        assert (entry["FromDigest"], entry["ToDigest"]) == (digest(banks()), digest(newer))
        unknown = await asked(host, "RollBackPolicy", Digest="00")
        assert unknown.return_value == FAILED
        back = await asked(host, "RollBackPolicy", Digest=digest(banks()), ExpectedDigest=digest(newer))
        assert back.return_value == DONE
        assert host.security.in_force is not None
        assert host.security.in_force.digest == digest(banks())
        assert len(found(await asked(host, "GetHistory"), "Entries")) == 5


async def test_labels_by_reference_and_in_words() -> None:
    async with secured(policy=banks()) as host:
        machine = Path(
            "Xen_ComputerSystem",
            (("CreationClassName", "Xen_ComputerSystem"), ("Name", RUNNING)),
            "root/virt",
        )
        tried = await asked(host, "AssignLabel", Element=machine, Label=A_BANK, DryRun=True)
        assert tried.return_value == DONE
        assert host.security.label_of(host.vm(RUNNING).uuid) == "__UNLABELED__"
        given = await asked(host, "AssignLabel", Element=machine, Label=A_BANK, OldLabel="")
        assert (given.return_value, given.out["SsidRef"]) == (DONE, 0x00020002)
        assert host.security.label_of(host.vm(RUNNING).uuid) == A_BANK
        other = await asked(host, "AssignLabel", Element=machine, Label=B_BANK, OldLabel="")
        assert other.return_value == INVALID
        unknown = await asked(host, "AssignLabel", Element=machine, Label="C-Bank")
        assert unknown.return_value == INVALID
        for resource in (f"{IMAGES}/{OFF}.qcow2", "bridge:xenbr9", "vlan:7"):
            named = await asked(host, "AssignLabel", Resource=resource, Label=A_BANK)
            assert named.return_value == DONE, messages(named)
        assert (await asked(host, "AssignLabel", Resource=f"machine:{OFF}")).return_value == DONE
        assert (
            await asked(host, "AssignLabel", Resource="host", Label="SystemManagement")
        ).return_value == DONE
        for resource in (f"{IMAGES}/{RUNNING}.qcow2", "virtualnetwork:default"):
            in_use = await asked(host, "AssignLabel", Resource=resource, Label=B_BANK)
            assert in_use.return_value == IN_USE
        with pytest.raises(CimError, match="give either Element or Resource"):
            await asked(host, "AssignLabel", Label=A_BANK)
        with pytest.raises(CimError, match="no machine 'nobody'"):
            await asked(host, "AssignLabel", Resource="machine:nobody", Label=A_BANK)


async def test_what_may_run_and_share() -> None:
    async with secured(policy=banks()) as host:
        await host.label(RUNNING, A_BANK)
        refused = await asked(host, "CheckCanRun", "reader", Label=B_BANK)
        assert (refused.return_value, refused.out["Decision"]) == (DONE, REFUSED)
        [finding] = found(refused)
        assert (finding["XSErr"], finding["RuleName"], finding["Machines"]) == (
            0x101B,
            "conflict set RER",
            (RUNNING,),
        )
        alone = await asked(host, "CheckCanRun", "reader", Label=B_BANK, AssumedRunningLabels=())
        assert alone.out["Decision"] == PERMITTED
        beside = await asked(host, "CheckCanRun", "reader", Label=A_BANK, AssumedRunningLabels=(B_BANK,))
        assert beside.out["Decision"] == REFUSED
        other = await asked(
            host, "CheckCanRun", "reader", Label=B_BANK, AgainstPolicy=document(without_b_bank(banks()))
        )
        assert other.out["Decision"] == REFUSED
        shared = await asked(host, "CheckAccess", "reader", SubjectLabel=A_BANK, TargetLabel=A_BANK)
        assert shared.out["Decision"] == PERMITTED
        system = await asked(
            host, "CheckAccess", "reader", SubjectLabel=A_BANK, TargetLabel="SystemManagement"
        )
        assert system.out["Decision"] == PERMITTED


async def test_denials_are_explained() -> None:
    async with secured(policy=banks()) as host:
        with pytest.raises(CimError, match=r"^nothing was refused yet$"):
            await asked(host, "ExplainDenial", "reader")
        with pytest.raises(CimError, match=r"^'7' is no line of a log and no refusal's number$"):
            await asked(host, "ExplainDenial", "reader", Record="7")
        assert (await host.request(OFF, 2)).return_value == 0
        with pytest.raises(CimError):
            await host.request(OFF_TOO, 2)
        for record in ({}, {"Record": "1"}):
            told = await asked(host, "ExplainDenial", "reader", **record)
            assert told.return_value == DONE
            [finding] = found(told)
            assert (finding["Kind"], finding["XSErr"]) == (5, 0x101B)
            assert "start of 'vm-00006': refused" in str(finding["Message"])
            assert str(told.out["SuggestedChange"]).startswith("stop the machines")


async def test_labels_are_listed() -> None:
    async with secured(policy=banks()) as host:
        await host.label_disk("/srv/a.img", A_BANK)
        told = found(await asked(host, "GetLabels"), "Labels")
        assert [(one["Kind"], one["Object"], one["Label"], one["Valid"]) for one in told] == [
            (2, "file:/srv/a.img", A_BANK, True),
            (1, OFF, A_BANK, True),
            (1, OFF_TOO, B_BANK, True),
        ]
        assert {(one["PolicyName"], one["Principal"]) for one in told} == {("banks", "alice")}


async def test_drift_and_old_labels() -> None:
    async with secured(policy=banks()) as host:
        await host.label_disk("/srv/gone.img", A_BANK)
        told = await asked(host, "DetectDrift")
        assert told.return_value == DONE
        assert found(told) == []
        text = "resources = {'vlan:9': ('ACM', 'banks', 'A-Bank'), 'odd:9': ('ACM', 'banks', 'A-Bank')}"
        tried = await asked(host, "ImportResourceLabels", Representation=text, DryRun=True)
        taken = await asked(host, "ImportResourceLabels", Representation=text)
        for answer in (tried, taken):
            assert answer.return_value == DONE
            assert answer.out["Elements"] == ("9 ACM:banks:A-Bank",)
            assert [finding["Element"] for finding in found(answer)] == ["odd:9"]
        assert (await asked(host, "ImportResourceLabels", Representation="import os")).return_value == INVALID


@pytest.mark.parametrize(
    ("who", "method", "parameters"),
    [
        ("admin", "LoadPolicy", {"Representation": BANKS.decode()}),
        ("admin", "SetEnforcementMode", {"Mode": 1}),
        ("reader", "GetHistory", {}),
        ("nobody", "CheckCanRun", {"Label": A_BANK}),
    ],
)
async def test_rights(who: str, method: str, parameters: dict[str, object]) -> None:
    async with secured(policy=banks()) as host:
        with pytest.raises(CimError) as refused:
            await asked(host, method, who, **parameters)
        assert refused.value.status is Status.ACCESS_DENIED


async def test_who_administers_the_policy_starts_nothing() -> None:
    async with secured(policy=banks()) as host:
        with pytest.raises(CimError) as refused:
            await host.request(OFF, 2, "officer")
        assert refused.value.status is Status.ACCESS_DENIED
        assert (await host.request(OFF, 2, "admin")).return_value == DONE
        assert service(host).class_name == "Xen_SecurityPolicyService"
