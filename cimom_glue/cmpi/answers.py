"""From what the engine answers to the content of the frames that carry it.

Source: docs/reference/cmpi-protocol.md, "Answers".
Errors: CimError where the answer cannot be told, before or between frames.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.cimom_glue.cmpi.compiled import Compiler
from xencim.cimom_glue.cmpi.frames import FRAME_MAX_BYTES, Item, text
from xencim.cimom_glue.cmpi.values import data
from xencim.cimom_glue.wire.fragments import Cache
from xencim.mof.values import Path
from xencim.providers.core import results
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xencim.providers.core.results import Instances, MethodReturn, Paths, Result

DEFAULT_BUDGET_BYTES = 64 * 2**20
# A frame is sent from here on: large enough to be worth its header, small enough to be soon there.
_FRAME_BYTES = 64 * 1024

_INSTANCE, _PATH, _VALUE, _OUT = (bytes((item,)) for item in Item)


class Answers:
    """Turns results into frames' content, and keeps what it encoded up to ``budget_bytes``.

    ``names``: what a CIMOM calls our namespaces, where that differs.
    """

    def __init__(
        self, budget_bytes: int = DEFAULT_BUDGET_BYTES, names: Mapping[str, str] | None = None
    ) -> None:
        self._names = names or {}
        self._compiler = Compiler(self._names)
        self._cache = Cache(budget_bytes, self._compiler)

    def contents(self, result: Result) -> Iterator[bytes]:
        """Yield the content of each frame; nothing where the answer is that it is done."""
        held: list[bytes] = []
        held_bytes = 0
        for item in self._items(result):
            if len(item) > FRAME_MAX_BYTES:
                raise CimError(Status.FAILED, f"an object of {len(item)} bytes is too large for a CIMOM")
            if held_bytes and held_bytes + len(item) > FRAME_MAX_BYTES:
                yield b"".join(held)
                held, held_bytes = [], 0
            held.append(item)
            held_bytes += len(item)
            if held_bytes >= _FRAME_BYTES:
                yield b"".join(held)
                held, held_bytes = [], 0
        if held:
            yield b"".join(held)

    def _items(self, result: Result) -> Iterator[bytes]:
        if isinstance(result, results.Instances):
            yield from self._instances(result)
        elif isinstance(result, results.Paths):
            yield from self._paths(result)
        elif isinstance(result, results.MethodReturn):
            yield from self._method_return(result)
        elif not isinstance(result, results.Done):
            raise CimError(Status.NOT_SUPPORTED, "a CIMOM answers for classes itself")

    def _instances(self, result: Instances) -> Iterator[bytes]:
        for batch in result.batches:
            before = _INSTANCE + self._compiler.namespace(batch.served.namespace)
            for names, instances in self._cache.table(batch.served).instances(batch, result.shape):
                for name, instance in zip(names, instances, strict=True):
                    yield before + name + instance

    def _paths(self, result: Paths) -> Iterator[bytes]:
        for batch in result.batches:
            before = _PATH + self._compiler.namespace(batch.served.namespace)
            for names in self._cache.table(batch.served).names(batch):
                for name in names:
                    yield before + name

    def _method_return(self, result: MethodReturn) -> Iterator[bytes]:
        yield _VALUE + data(result.return_type, result.return_value, is_array=False)
        for out in result.out:
            value = self._renamed(out.value)
            yield _OUT + text(out.name) + data(out.type, value, is_array=out.is_array)

    def _renamed(self, value: object) -> object:
        """Return a value whose paths, if it is made of them, name the CIMOM's namespaces."""
        if isinstance(value, tuple):
            return tuple(map(self._renamed, value))
        if isinstance(value, Path) and value.namespace is not None:
            return replace(value, namespace=self._names.get(value.namespace, value.namespace))
        return value
