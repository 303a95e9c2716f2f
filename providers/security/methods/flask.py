"""Methods about the hypervisor's own access control, FLASK: its mode, booleans and labels of devices.

Source: Xen_SecurityPolicyService in our MOF; Xen, docs/misc/xsm-flask.txt.
Errors: CimError. A hypervisor without FLASK is not supported (1), and the findings say what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.model import PolicyError
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Labelled
from xencim.providers.security.labelling import Target, assign
from xencim.providers.security.methods.answers import answered, is_true, needed, not_done, refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from xencim.providers.backends.xen.flask import FlaskControl
    from xencim.providers.core.spec import MethodCall, MethodResult


async def set_boolean(call: MethodCall) -> MethodResult:
    """Set a boolean of the policy that the hypervisor has."""
    name, value = needed(call, "Name"), is_true(call, "Value")
    done = await _done(call, lambda flask: flask.set_boolean(name, value=value))
    return await _remembered(call, done, "boolean", f"{name} is {str(value).lower()}")


async def label_device(call: MethodCall) -> MethodResult:
    """Give a PCI device a label of the policy in force."""
    device, label = Target(Labelled.DEVICE, needed(call, "Device")), needed(call, "Label")
    try:
        await assign(call.security, device, label, principal=call.principal.name)
    except PolicyError as error:
        return refused(call, error)
    except BackendError as error:
        return not_done(call, error)
    return answered()


async def set_hypervisor_enforcement(call: MethodCall) -> MethodResult:
    """Have the hypervisor enforce its policy, or only tell what it would refuse."""
    enforcing = is_true(call, "Enforcing")
    done = await _done(call, lambda flask: flask.set_enforcing(enforcing=enforcing))
    return await _remembered(call, done, "hypervisor", "enforcing" if enforcing else "permissive")


async def _remembered(call: MethodCall, done: MethodResult, action: str, detail: str) -> MethodResult:
    """Keep in the history what was done."""
    if done.return_value == 0:
        await call.security.store.remember(call.principal.name, action, detail)
    return done


async def _done(call: MethodCall, work: Callable[[FlaskControl], Awaitable[None]]) -> MethodResult:
    control = call.security.hypervisor.control
    if control is None:
        return not_done(
            call, BackendError("absent", f"{call.backend.uri} has no FLASK: it is not built with XSM")
        )
    try:
        await work(control)
    except BackendError as error:
        return not_done(call, error)
    finally:
        await call.security.hypervisor.tell()
    return answered()
