"""The methods of a keyboard: keys and text typed for a guest.

TypeKey, TypeText and TypeCtrlAltDel have the names of Hyper-V's Msvm_Keyboard; TypeKeys is an extension.
What is typed on one machine is typed in turn, but does not wait for the machine's other work.

Source: Xen_Keyboard in our MOF; virDomainSendKey.
Errors: CimError INVALID_PARAMETER; what the hypervisor cannot do is a return value.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xencim.providers.consoles import key_codes
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.engine import JobRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import VirtualMachine
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.jobs.recovery import Reconciler
    from xencim.providers.core.spec import MethodCall, MethodResult

KIND = "TypeKeys"
HOLD_MS = 20
"""How long a key is held when nobody says; the hypervisor's own 100 ms would make text slow."""
MAX_HOLD_MS = 10_000
MAX_TOGETHER = 16
"""What libvirt presses at once."""
MAX_TEXT = 4096
"""Longer text takes minutes to type: it is better sent by a network or a disk."""

# The ValueMap of TypeKeys' CodeSet.
_CODE_SETS = {2: "linux", 3: "xt", 4: "atset1", 5: "atset2", 6: "atset3", 7: "usb", 8: "win32", 9: "qnum"}
_LINUX, _WINDOWS = "linux", "win32"


async def type_key(call: MethodCall) -> MethodResult:
    """Press one key, named by its virtual-key code in Windows, and let it go."""
    return await _type(call, "TypeKey", _WINDOWS, ((_number(call, "keycode"),),))


async def type_keys(call: MethodCall) -> MethodResult:
    """Press keys together and let them go."""
    keys = call.parameters.get("keycodes") or ()
    together = tuple(key for key in keys if isinstance(key, int)) if isinstance(keys, tuple) else ()
    if not 1 <= len(together) <= MAX_TOGETHER:
        raise _refusal(call, "KeyCodes", f"from 1 to {MAX_TOGETHER} keys are pressed together")
    code_set = _CODE_SETS.get(_number(call, "codeset", 2))
    if code_set is None:
        raise _refusal(call, "CodeSet", f"one of {', '.join(map(str, _CODE_SETS))}")
    hold_ms = _number(call, "holdmilliseconds", HOLD_MS)
    if hold_ms > MAX_HOLD_MS:
        raise _refusal(call, "HoldMilliseconds", f"at most {MAX_HOLD_MS}")
    return await _type(call, "TypeKeys", code_set, (together,), hold_ms)


async def type_text(call: MethodCall) -> MethodResult:
    """Type text on the keys that make it on a US keyboard."""
    text = str(call.parameters.get("asciitext") or "")
    if not 1 <= len(text) <= MAX_TEXT:
        raise _refusal(call, "AsciiText", f"from 1 to {MAX_TEXT} characters")
    try:
        keys = key_codes.keys_for(text)
    except ValueError as error:
        raise _refusal(call, "AsciiText", str(error)) from error
    return await _type(call, "TypeText", _LINUX, keys)


async def type_ctrl_alt_del(call: MethodCall) -> MethodResult:
    """Press Ctrl, Alt and Del together."""
    together = (key_codes.CONTROL, key_codes.ALT, key_codes.DELETE)
    return await _type(call, "TypeCtrlAltDel", _LINUX, (together,))


async def _type(
    call: MethodCall,
    method: str,
    code_set: str,
    chords: Sequence[Sequence[int]],
    hold_ms: int = HOLD_MS,
) -> MethodResult:
    machine: VirtualMachine = call.row[0]

    async def work(progress: Progress) -> Mapping[str, Value]:
        for number, keys in enumerate(chords):
            await call.backend.send_keys(machine.uuid, code_set, keys, hold_ms)
            # The hypervisor keeps few keys that are still to be pressed, and drops what is too much.
            await asyncio.sleep(2 * hold_ms / 1000)
            progress.tell(100 * number // len(chords))
        return {}

    async def cancel() -> None:
        """Let the work be ended between two keys."""

    return await call.jobs.run(
        JobRequest(
            name=method,
            owner=call.path,
            affected=(call.path,),
            queue=f"Keyboard/{machine.uuid}",
            principal=call.principal.name,
            work=work,
            kind=KIND,
            facts={"machine": machine.uuid},
            cancel=cancel,
        )
    )


def _number(call: MethodCall, name: str, otherwise: int = 0) -> int:
    value = call.parameters.get(name)
    return value if isinstance(value, int) else otherwise


def _refusal(call: MethodCall, name: str, reason: str) -> CimError:
    return CimError(Status.INVALID_PARAMETER, f"{call.path}: {name}: {reason}")


def _typed(_view: View, _facts: Mapping[str, str]) -> str | None:
    return "how much of it was typed cannot be told"


RECONCILERS: Mapping[str, Reconciler] = {KIND: _typed}
