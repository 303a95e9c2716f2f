"""Methods about policies: checked, planned, put in force, taken out of force, returned, compared.

Source: Xen_SecurityPolicyService in our MOF; Xen API 1.0 (XSPolicy); DSP1106.
Errors: CimError. What the rules refuse is a return value with findings.
"""

from __future__ import annotations

import asyncio
import base64
import pathlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from xencim.acm.binary import compile_policy, write_map
from xencim.acm.bundles import TrustStore, verify_bundle
from xencim.acm.difference import differences
from xencim.acm.flask.compiler import compile_source
from xencim.acm.language import document_sha1, lint, read_document, read_policy
from xencim.acm.model import PolicyError, XsErr
from xencim.mof.values import Path
from xencim.providers.backends.records import Mode, PolicyTrust, Reaction
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import MethodResult
from xencim.providers.security import applying
from xencim.providers.security.labelling import needed as policy_in_force
from xencim.providers.security.labelling import refusal
from xencim.providers.security.methods.answers import (
    INVALID,
    NOT_SUPPORTED,
    answered,
    findings,
    history_entry,
    is_true,
    needed,
    plan_instance,
    refused,
    text,
)
from xencim.providers.security.rows import policies
from xencim.providers.security.stores.history import MOST, Topic, Wanted
from xencim.providers.security.stores.store import Document

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.acm.bundles import Bundle
    from xencim.acm.model import Policy
    from xencim.providers.core.spec import MethodCall
    from xencim.providers.security.enforcement.keeper import InForce

SOURCE, BINARY, MAP, FLASK = 1, 2, 3, 5
_LONG_AGO = timedelta(days=36500)
"""An interval may be longer than there are dates."""
_REACTIONS = {1: Reaction.ALERT, 2: Reaction.PAUSE, 3: Reaction.DESTROY}
_MODES = {1: Mode.OFF, 2: Mode.PERMISSIVE, 3: Mode.ENFORCING}


def _document(call: MethodCall, name: str = "Representation") -> bytes:
    return needed(call, name).encode()


async def validate_policy(call: MethodCall) -> MethodResult:
    """Look for errors in a policy, and for what is allowed and unwise."""
    try:
        document = await asyncio.to_thread(read_document, _document(call))
    except PolicyError as error:
        return refused(call, error)
    found = await asyncio.to_thread(lint, document.policy, document.lines)
    return answered(Findings=findings(call, found))


async def load_policy(policy_class: str, call: MethodCall) -> MethodResult:
    """Put a policy in force, or tell what that would come to."""
    try:
        return await _load(policy_class, call, Document(_document(call)))
    except PolicyError as error:
        return refused(call, error)


async def import_bundle(policy_class: str, call: MethodCall) -> MethodResult:
    """Put the policy of a signed bundle in force, or tell what that would come to."""
    trust = call.context.view.get(PolicyTrust, "trust")
    if trust is None:
        why = "the server trusts nobody's signature: policy.trust in its configuration names a folder of keys"
        return refused(call, refusal(why, XsErr.FILE_ERROR), code=NOT_SUPPORTED)
    try:
        untrusted = base64.b64decode(needed(call, "Bundle"), validate=True)
    except ValueError:
        return refused(call, refusal("Bundle is not in base64", XsErr.FILE_ERROR), code=INVALID)
    in_force = call.security.in_force
    try:
        bundle = await asyncio.to_thread(
            _verified, untrusted, trust.folder, in_force.policy if in_force else None
        )
        return await _load(policy_class, call, Document(bundle.document, bundle.signer))
    except PolicyError as error:
        return refused(call, error)


def _verified(untrusted: bytes, trust: str, in_force: Policy | None) -> Bundle:
    return verify_bundle(untrusted, TrustStore.load(pathlib.Path(trust)), in_force)


async def _load(policy_class: str, call: MethodCall, document: Document) -> MethodResult:
    dry_run = is_true(call, "DryRun")
    plan = await applying.apply(
        call.security,
        document.xml,
        principal=call.principal.name,
        expected=text(call, "ExpectedDigest"),
        signer=document.signer,
        dry_run=dry_run,
    )
    return answered(
        Plan=plan_instance(call, plan),
        Findings=findings(call, plan.findings),
        Policy=None if dry_run else _path(policy_class, call),
        Signer=document.signer,
    )


def _path(policy_class: str, call: MethodCall) -> Path:
    """Return the path of the policy that is in force now."""
    host = call.inventory.view.host
    digest = policy_in_force(call.security).digest
    keys = (
        ("SystemCreationClassName", f"{host.prefix}_HostSystem"),
        ("SystemName", host.name),
        ("CreationClassName", f"{host.prefix}_{policy_class}"),
        ("PolicyID", digest),
    )
    return Path(f"{host.prefix}_{policy_class}", keys, call.path.namespace, call.path.host)


async def reset_policy(call: MethodCall) -> MethodResult:
    """Take the policy out of force."""
    try:
        await applying.reset(
            call.security, principal=call.principal.name, expected=text(call, "ExpectedDigest")
        )
    except PolicyError as error:
        return refused(call, error)
    return answered()


async def activate_policy(call: MethodCall) -> MethodResult:
    """Enforce the policies that are named: that in force is the only one there is."""
    return await _switch(call, Mode.ENFORCING)


async def deactivate_policy(call: MethodCall) -> MethodResult:
    """Decide nothing by the policies that are named."""
    return await _switch(call, Mode.OFF)


async def _switch(call: MethodCall, mode: Mode) -> MethodResult:
    targets = call.parameters.get("targetpolicies")
    for path in targets if isinstance(targets, tuple) else ():
        _demand_in_force(call, path)
    await applying.set_mode(call.security, mode, principal=call.principal.name, reason="of the policy named")
    return answered()


def _demand_in_force(call: MethodCall, path: object) -> InForce:
    """Return the policy in force if a reference names it."""
    in_force = call.security.in_force
    if not isinstance(path, Path) or in_force is None or path.key("PolicyID") != in_force.digest:
        known = ", ".join(row[0].digest for row in policies(call.context)) or "none"
        raise CimError(Status.NOT_FOUND, f"{path} names no policy that is in force; there is {known}")
    return in_force


async def set_enforcement_mode(call: MethodCall) -> MethodResult:
    """Say what a refusal comes to."""
    asked = call.parameters.get("mode")
    mode = _MODES.get(asked) if isinstance(asked, int) else None
    if mode is None:
        return MethodResult(INVALID)
    reason = text(call, "Reason") or ""
    await applying.set_mode(call.security, mode, principal=call.principal.name, reason=reason)
    return answered()


async def get_representation(call: MethodCall) -> MethodResult:
    """Return the policy in force in one of its forms."""
    in_force = _demand_in_force(call, call.parameters.get("policy"))
    form = call.parameters.get("form")
    maker = _FORMS.get(form) if isinstance(form, int) else None
    if maker is None:
        return MethodResult(INVALID)
    return answered(Representation=await asyncio.to_thread(maker, in_force))


def _binary(in_force: InForce) -> str:
    compiled = compile_policy(in_force.policy, xml_sha1=document_sha1(in_force.xml))
    return base64.b64encode(compiled).decode()


def _map(in_force: InForce) -> str:
    name = in_force.policy.name
    return write_map(in_force.policy, policy_file=f"{name}.xml", binary_file=f"{name}.bin").decode()


_FORMS: dict[int, Callable[[InForce], str]] = {
    SOURCE: lambda in_force: in_force.xml.decode(errors="replace"),
    BINARY: _binary,
    MAP: _map,
    FLASK: lambda in_force: compile_source(in_force.policy).text,
}


async def roll_back_policy(call: MethodCall) -> MethodResult:
    """Bring back a policy that was in force before."""
    try:
        await applying.roll_back(
            call.security,
            needed(call, "Digest"),
            principal=call.principal.name,
            expected=text(call, "ExpectedDigest"),
        )
    except PolicyError as error:
        return refused(call, error)
    return answered()


async def set_unmanaged_start_reaction(call: MethodCall) -> MethodResult:
    """Say what is done to machines that were started past the server although the policy refuses them."""
    asked = call.parameters.get("reaction")
    reaction = _REACTIONS.get(asked) if isinstance(asked, int) else None
    if reaction is None:
        return MethodResult(INVALID)
    reason = text(call, "Reason") or ""
    await applying.set_reaction(call.security, reaction, principal=call.principal.name, reason=reason)
    return answered()


async def get_history(call: MethodCall) -> MethodResult:
    """Return what was done about the policy, and what was refused."""
    asked = call.parameters
    most, topics = asked.get("most"), asked.get("topics")
    try:
        chosen = (
            tuple(Topic(topic) for topic in topics if isinstance(topic, int))
            if isinstance(topics, tuple)
            else ()
        )
    except ValueError:
        return MethodResult(INVALID)
    wanted = Wanted(
        most=most if isinstance(most, int) else MOST,
        since=_time(call, "Since"),
        until=_time(call, "Until"),
        principal=text(call, "Principal"),
        topics=chosen,
    )
    entries = await call.security.store.history(wanted)
    return answered(Entries=tuple(history_entry(call, entry) for entry in entries) or None)


def _time(call: MethodCall, name: str) -> datetime | None:
    """Return a point in time; an interval is that long ago."""
    value = call.parameters.get(name.lower())
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, timedelta):
        return datetime.now(UTC) - min(value, _LONG_AGO)
    raise CimError(Status.INVALID_PARAMETER, f"{name} is no point in time and no interval: {value}")


async def plan_update(call: MethodCall) -> MethodResult:
    """Tell what putting a policy in force would come to; a plan that is not feasible is an answer too."""
    try:
        plan = await applying.apply(
            call.security, _document(call), principal=call.principal.name, dry_run=True
        )
    except PolicyError as error:
        return refused(call, error)
    return answered(Plan=plan_instance(call, plan))


async def compare_policies(call: MethodCall) -> MethodResult:
    """Tell what differs between the policy in force and another."""
    try:
        new = await asyncio.to_thread(read_policy, _document(call, "NewRepresentation"))
        old = policy_in_force(call.security).policy
    except PolicyError as error:
        return refused(call, error)
    return answered(Differences=tuple(map(str, differences(old, new))) or None)
