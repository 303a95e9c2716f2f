"""What `xencim doctor` looks at of the classes: each one enumerated, timed and encoded, as a client would."""

from __future__ import annotations

import logging
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
    left_out = _LeftOut()
    started = time.perf_counter()
    try:
        with left_out:
            result = await engine.execute(request, _DOCTOR)
            reply = b"".join(encoder.reply(message, result))
    except CimError as error:
        return Check(name, ok=False, detail=error.description)
    except Exception as error:  # noqa: BLE001 - doctor tells of defects too
        return Check(name, ok=False, detail=f"{type(error).__name__}: {error}")
    if left_out.texts:
        return Check(name, ok=False, detail="; ".join(left_out.texts))
    took_ms = (time.perf_counter() - started) * _MILLISECONDS
    count = reply.count(b"<INSTANCE ")
    detail = f"{count} instances, {len(reply) / 1024:.0f} KiB, {took_ms:.1f} ms"
    return Check(name, ok=True, detail=detail)


class _LeftOut(logging.Handler):
    """Collects what the codec logs: an instance that fails is logged and left out of the reply."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []
        self._logger = logging.getLogger("xencim")
        self._before = (self._logger.level, self._logger.propagate)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.texts.append(record.getMessage())

    def __enter__(self) -> None:
        self._logger.addHandler(self)
        self._logger.setLevel(logging.WARNING)
        # The check tells it; the log need not say it again.
        self._logger.propagate = False

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)
