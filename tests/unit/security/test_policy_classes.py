"""Access rules and the hypervisor's FLASK, as clients read them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.acm.model import UNLABELED
from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.xen.flask_text import Boolean, Mode
from xencim.providers.core import operations as op
from xencim.providers.core.access import Principal
from xencim.providers.core.carrying.reading import Found
from xencim.providers.core.results import Instances, Paths

from .made_up_flask import MadeUpFlask
from .policy_client import asked
from .security_world import A_BANK, B_BANK, HOST, banks, machine_label, resource_label, secured

if TYPE_CHECKING:
    import pytest

    from xencim.mof.values import Value
    from xencim.providers.core.operations import Operation

    from .security_world import Secured

MODULE, BOOLEAN, RULE = "Xen_FLASKSecurityModule", "Xen_PolicyBoolean", "Xen_AccessRule"
ENFORCING, PERMISSIVE = 3, 2


class Broken(MadeUpFlask):
    """One whose booleans cannot be read."""

    async def booleans(self) -> tuple[Boolean, ...]:
        raise BackendError("failed", "the tool is broken")


async def _found(host: Secured, request: Operation) -> list[Found]:
    result = await host.world.engine.execute(request, Principal("reader"))
    assert isinstance(result, Instances | Paths)
    return [Found(batch.served, row) for batch in result.batches for row in batch.rows]


async def read(host: Secured, class_name: str, *names: str) -> list[tuple[Value, ...]]:
    found = await _found(host, op.EnumerateInstances(namespace="root/virt", class_name=class_name))
    return [tuple(one.served.value(one.row, name) for name in names) for one in found]


async def others(host: Secured, path: Path, assoc_class: str) -> list[str]:
    request = op.AssociatorNames(namespace="root/virt", object_name=path, assoc_class=assoc_class)
    return [str(one.served.path(one.row).keys[-1][1]) for one in await _found(host, request)]


async def flask_of(host: Secured) -> list[tuple[Value, ...]]:
    return [
        *await read(host, MODULE, "ModuleType", "EnforcementMode", "SupportedPolicyVersions"),
        *await read(host, BOOLEAN, "BooleanName", "CurrentValue", "PendingValue"),
        *await read(host, "Xen_SecurityPolicyCapabilities", "SupportedPolicyTypes"),
    ]


async def test_a_rule_is_a_type_that_machines_have() -> None:
    policy, nobody = banks(), "Nobody"
    policy = replace(
        policy,
        ste_types=(*(policy.ste_types or ()), nobody),
        resource_labels=(*policy.resource_labels, resource_label(nobody, nobody)),
    )
    async with secured() as host:
        assert await read(host, RULE, "TypeName") == []
        await host.put_in_force(policy)
        rules = await read(host, RULE, "TypeName", "PrivilegeGranted", "ActivityQualifiers", "Activities")
        assert {name for name, *_ in rules} == {HOST, UNLABELED, A_BANK, B_BANK}
        assert {rule[1:] for rule in rules} == {(True, ("grant", "event channel", "device use"), (1, 1, 1))}


async def test_a_rule_leads_to_its_type_and_policy() -> None:
    async with secured(policy=banks()) as host:
        rule = Path(RULE, (("InstanceID", f"Xen:ACM:banks:SHARE/{A_BANK}"),))
        for assoc_class in ("CIM_AuthorizedSubject", "CIM_AuthorizedTarget"):
            assert await others(host, rule, assoc_class) == [f"Xen:ACM:banks:STE/{A_BANK}"]
        assert host.security.in_force is not None
        assert await others(host, rule, "Xen_PolicyDefinesAccessRule") == [host.security.in_force.digest]


async def test_rules_grow_with_types_and_not_with_pairs() -> None:
    names = [f"team-{number}" for number in range(50)]
    policy = replace(
        banks(),
        ste_types=(HOST, *names),
        chinese_wall_types=None,
        conflict_sets=(),
        machine_labels=(machine_label(HOST, HOST, *names), *(machine_label(name, name) for name in names)),
        resource_labels=(),
    )
    async with secured(0) as host:
        await host.put_in_force(policy)
        assert len(await read(host, RULE, "TypeName")) == len(names) + 1


async def test_no_flask_is_told_where_there_is_none() -> None:
    async with secured(policy=banks()) as host:
        assert await flask_of(host) == [((1,),)]
        host.fake.flask = flask = MadeUpFlask()
        flask.now = Mode.ABSENT
        await host.security.hypervisor.tell()
        assert await flask_of(host) == [((1,),)]


async def test_flask_is_read_and_follows_what_is_changed() -> None:
    async with secured() as host:
        host.fake.flask = MadeUpFlask()
        await host.put_in_force(banks())
        assert await flask_of(host) == [(2, ENFORCING, (30,)), ("guest_writeconsole", True, True), ((1, 2),)]
        await asked(host, "SetBoolean", Name="guest_writeconsole", Value=False)
        await asked(host, "SetHypervisorEnforcement", Enforcing=False)
        assert await flask_of(host) == [
            (2, PERMISSIVE, (30,)),
            ("guest_writeconsole", False, False),
            ((1, 2),),
        ]


async def test_booleans_that_cannot_be_read_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    async with secured() as host:
        host.fake.flask = Broken()
        await host.security.hypervisor.tell()
        assert await flask_of(host) == [(2, ENFORCING, (30,)), ((1, 2),)]
        assert "the state of the hypervisor's FLASK cannot be read: the tool is broken" in caplog.text
