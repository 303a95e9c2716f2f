"""Labels of resources brought over from an old Xen host's file: read as data, never executed.

Source: Xen 3.3-4.1, ``resource_labels``: a Python literal, resource to (type, policy, label) or the last two.
Errors: PolicyError for what is no such file; a resource that cannot be labelled is a finding.
"""

from __future__ import annotations

import ast
import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from xencim.acm.model import Finding, FindingKind, LabelKind, XsErr
from xencim.providers.backends.records import AssignedLabel, Labelled
from xencim.providers.security.enforcement.uses import resolve
from xencim.providers.security.labelling import MAX_VLAN, needed, refusal, used_by_running
from xencim.providers.security.stores.objects import Thing

if TYPE_CHECKING:
    from xencim.acm.model import PolicyError
    from xencim.providers.security.enforcement.keeper import InForce, Security

MAX_BYTES = 4 * 1024 * 1024
MAX_RESOURCES = 100_000
_NAME = "resources"
_NO_RESOURCE = "__INACCESSIBLE__"
_SHORT, _FULL = 2, 3  # (policy, label), (type, policy, label)


class OldLabel(NamedTuple):
    """One line of such a file."""

    resource: str
    policy: str
    label: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What was labelled, and what could not be."""

    labels: tuple[AssignedLabel, ...]
    findings: tuple[Finding, ...]


def parse(untrusted: bytes) -> tuple[OldLabel, ...]:
    """Read such a file."""
    if len(untrusted) > MAX_BYTES:
        raise _unreadable(f"it has more than {MAX_BYTES} bytes")
    try:
        body = ast.parse(untrusted.decode("utf-8")).body
        (statement,) = body
        if not isinstance(statement, ast.Assign) or [ast.unparse(t) for t in statement.targets] != [_NAME]:
            raise _unreadable(f"it sets something else than {_NAME!r}")
        found = ast.literal_eval(statement.value)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise _unreadable(f"it is no single {_NAME!r} = {{…}} of plain values") from error
    if not isinstance(found, dict) or len(found) > MAX_RESOURCES:
        raise _unreadable(f"its value is no dictionary of up to {MAX_RESOURCES} resources")
    return tuple(_old_label(resource, value) for resource, value in found.items())


async def import_labels(
    security: Security, untrusted: bytes, *, principal: str, dry_run: bool = False
) -> Imported:
    """Label what such a file labels, as far as the policy in force has its labels; the rest is told."""
    old = await asyncio.to_thread(parse, untrusted)
    async with security.changing:
        in_force = needed(security)
        targets = {line: _target(line.resource) for line in old}
        things = await resolve(name for kind, name in filter(None, targets.values()) if kind is Labelled.DISK)
        used = await used_by_running(security, Labelled.DISK) if security.refuses else {}
        labels, findings = [], []
        now = datetime.now(UTC)
        for line, target in targets.items():
            thing = things.get(target[1], Thing(target[1])) if target else None
            why = _why_not(in_force, line, thing, used)
            if why is not None or target is None or thing is None:
                findings.append(_finding(line, why or "no such kind of resource is known", target is None))
                continue
            labels.append(
                AssignedLabel(
                    kind=target[0],
                    object=thing.object,
                    label=line.label,
                    policy=in_force.policy.name,
                    identity=thing.identity,
                    principal=principal,
                    assigned=now,
                )
            )
        if not dry_run:
            await security.store.put_labels(labels, principal)
            security.labels.put(labels)
        return Imported(tuple(labels), tuple(findings))


def _old_label(resource: object, value: object) -> OldLabel:
    if isinstance(resource, str) and isinstance(value, tuple) and all(isinstance(v, str) for v in value):
        if len(value) == _FULL and value[0] == "ACM":
            return OldLabel(resource, value[1], value[2])
        if len(value) == _SHORT:
            return OldLabel(resource, *value)
    raise _unreadable(f"resource {resource!r} is not labelled as ('ACM', policy, label)")


def _target(resource: str) -> tuple[Labelled, str] | None:
    """Return what a resource is in our names; None: no kind that we know."""
    kind, _, rest = resource.partition(":")
    if kind == "vlan" and rest.isascii() and rest.isdigit() and 1 <= int(rest) <= MAX_VLAN:
        return Labelled.VLAN, str(int(rest))
    if kind in {"tap", "tap2"}:
        rest = rest.partition(":")[2]
    if kind == "phy" and rest and not rest.startswith("/"):
        rest = f"/dev/{rest}"
    if kind in {"file", "phy", "tap", "tap2"} and rest.startswith("/") and "\0" not in rest:
        return Labelled.DISK, f"file:{rest}"
    return None


def _why_not(in_force: InForce, line: OldLabel, thing: Thing | None, used: dict[str, str]) -> str | None:
    """Tell why a resource cannot have the label of the file, None when it can."""
    if line.label == _NO_RESOURCE:
        return "nobody may use it by the old host, and no label says so"
    if line.policy != in_force.policy.name:
        return f"it is of policy {line.policy!r}, and {in_force.policy.name!r} is in force"
    known = in_force.rules.check_label(line.label, LabelKind.RESOURCE)
    if not known.permitted:
        return known.reason
    user = (used.get(thing.object) or used.get(thing.identity or "")) if thing else None
    return f"{user!r} runs and uses it: stop it first" if user else None


def _finding(line: OldLabel, why: str, is_unknown: bool) -> Finding:  # noqa: FBT001 - a fact, no option
    return Finding(
        FindingKind.WARNING,
        f"{line.resource} with label {line.label!r}: {why}",
        XsErr.BAD_RESOURCE_FORMAT if is_unknown else XsErr.BAD_LABEL,
        labels=(line.label,),
        element=line.resource,
    )


def _unreadable(why: str) -> PolicyError:
    return refusal(f"this is no file of resource labels: {why}", XsErr.BAD_RESOURCE_FORMAT)
