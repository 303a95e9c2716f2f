"""What `xencim doctor` looks at of the classes: each one enumerated, timed and encoded, as a client would."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xencim.cimom_glue.wire import Encoder, Message
from xencim.providers.backends.base import Check
from xencim.providers.core.access import AccessPolicy, Principal, Rule
from xencim.providers.core.errors import CimError
from xencim.providers.core.operations import EnumerateInstances

if TYPE_CHECKING:
    from xencim.providers.core.engine import Engine

_MILLISECONDS = 1000
_DOCTOR = Principal("doctor")
# Whatever the configuration grants to whom, doctor's own engine lets it read every class.
DOCTORS_POLICY = AccessPolicy(admin=Rule(users=frozenset({_DOCTOR.name})))


async def check_classes(engine: Engine) -> list[Check]:
    """Enumerate every class that is served, in each namespace."""
    encoder = Encoder()
    return [
        await _check_class(engine, encoder, namespace.name, name)
        for namespace in engine.registry.namespaces.values()
        for name in dict.fromkeys(served.name for served in namespace.served)
    ]


async def _check_class(engine: Engine, encoder: Encoder, namespace: str, class_name: str) -> Check:
    name = f"{namespace} {class_name}"
    request = EnumerateInstances(namespace=namespace, class_name=class_name)
    message = Message(id="1", method="EnumerateInstances", intrinsic=True, operation=request)
    started = time.perf_counter()
    try:
        result = await engine.execute(request, _DOCTOR)
        size = 0
        count = 0
        for piece in encoder.reply(message, result):
            size += len(piece)
            count += piece.count(b"<INSTANCE ")
    except CimError as error:
        return Check(name, ok=False, detail=error.description)
    except Exception as error:  # noqa: BLE001 - doctor tells of defects too
        return Check(name, ok=False, detail=f"{type(error).__name__}: {error}")
    took_ms = (time.perf_counter() - started) * _MILLISECONDS
    return Check(name, ok=True, detail=f"{count} instances, {size / 1024:.0f} KiB, {took_ms:.1f} ms")
