"""Encoded instances and their names, kept as long as the records they were made from.

A *fragment* belongs to a row: it is valid while every record of the row is the same object. A
class's *table* finds fragments by row; where it has seen all rows at some generation of the
inventory, it need not even look at them again until the generation changes, and keeps them joined
for clients that ask again before. Walking anew makes a new table out of the old one, so what
vanished is let go.

Nothing in a fragment depends on host, namespace, message or caller, but for associations: their
references name hosts. They are made for each answer; the names they refer to are kept.

Source: docs/architecture.md, "Fragments".
Errors: `CimError` where a class cannot be compiled; an instance that fails is logged and left out.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast

from xencim.cimom_glue.wire import compiled
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.cimom_glue.wire.compiled import Encode, Refer
    from xencim.providers.core.results import Batch, Shape
    from xencim.providers.core.served import Ref, Served
    from xencim.providers.core.spec import Row

log = logging.getLogger(__name__)

T = TypeVar("T")
_Key: TypeAlias = tuple[int, ...]

# About 1.5 ms of encoding and 400 KB of reply with the largest classes: the event loop's slice.
GROUP_ROWS = 100
# A table's entry without its texts: key, row, fragment, and their places in dictionaries and a list.
_ENTRY_BYTES = 700
# Clients choose property lists: what is encoded for them is kept for as many of a class as a console
# and a monitor may use side by side.
_KEPT_SHAPES = 4
# What one class may keep is this part of the budget, so that one huge class leaves others some.
_TABLE_SHARE = 2
# A joined answer is kept up to this part, and collected by one reader at a time: any change ends it.
_BLOCKS_SHARE = 8
# Instances asked for one by one, not as a whole class, are kept until there are so many.
_LOOSE_ROWS = 4096


class Compiler(Protocol):
    """A form of answers: what makes a class's encoders. A module serves as one."""

    def compile_name(self, served: Served, refer: Refer) -> Encode:
        """Return the function that encodes a row's name."""

    def compile_instance(self, served: Served, shape: Shape, refer: Refer) -> Encode:
        """Return the function that encodes a row's properties."""

    def located(self, served: Served, name: bytes) -> Any:  # noqa: ANN401 - text or bytes, as the form is
        """Return what a reference to an instance says, whose encoded name is given."""


class Fragment:
    """What is encoded of a row: its name, and its instance by what encoded it, once for each shape.

    ``size`` is the bytes it takes. ``counted``: a table holds it, and what it grows by counts.
    """

    __slots__ = ("counted", "name", "row", "size", "texts")

    def __init__(self, row: Row, name: bytes) -> None:
        self.row = row  # keeps the records alive whose ids are the key
        self.name = name
        self.counted = False
        self.size = _ENTRY_BYTES + len(name)
        self.texts: dict[Encode, bytes] = {}

    def keep(self, encode: Encode, text: bytes) -> int:
        """Hold what was encoded; return the bytes that this takes."""
        taken_bytes = len(text) - self.forget(encode)
        self.texts[encode] = text
        self.size += len(text)
        return taken_bytes

    def forget(self, encode: Encode) -> int:
        """Let go of what was encoded; return the bytes that are freed."""
        freed_bytes = len(self.texts.pop(encode, b""))
        self.size -= freed_bytes
        return freed_bytes


class Cache:
    """The tables of all classes, bounded in bytes; the one not used for longest goes first."""

    def __init__(self, budget_bytes: int, compiler: Compiler = compiled) -> None:
        self.budget_bytes = budget_bytes
        self.compiler = compiler
        self.bytes = 0
        self._tables: OrderedDict[Served, Table] = OrderedDict()

    def table(self, served: Served) -> Table:
        """Return a class's table."""
        table = self._tables.get(served)
        if table is None:
            table = self._tables[served] = Table(served, self)
        else:
            self._tables.move_to_end(served)
        return table

    def account(self, table: Table, grown_bytes: int) -> None:
        """Note that a table has grown, and make room."""
        table.bytes += grown_bytes
        self.bytes += grown_bytes
        while self.bytes > self.budget_bytes:
            next(t for t in self._tables.values() if t.bytes > 0).clear()

    def refer(self, ref: Ref) -> Any:  # noqa: ANN401 - as the compiler's `located`
        """Encode a reference to an instance."""
        served, row = ref
        return self.compiler.located(served, self.table(served).name(row))


class Table:
    """The fragments of one class; ``walked`` are those of all its rows, at ``generation``."""

    def __init__(self, served: Served, cache: Cache) -> None:
        self.bytes = 0
        self._served = served
        self._cache = cache
        self._generation = -1
        self._walked: dict[_Key, Fragment] = {}
        self._order: list[Fragment] = []
        self._loose: dict[_Key, Fragment] = {}
        self._blocks: dict[object, list[bytes]] = {}
        self._joining: set[object] = set()
        self._encoders: OrderedDict[Shape, Encode] = OrderedDict()
        self._encode_name = cache.compiler.compile_name(served, cache.refer)

    def clear(self) -> None:
        """Let go of everything kept."""
        self._generation = -1
        self._walked, self._order, self._loose, self._blocks = {}, [], {}, {}
        self._cache.account(self, -self.bytes)

    def name(self, row: Row) -> bytes:
        """Return the name of an instance; raises what its properties raise."""
        return self._fragment(row).name

    def kept(self, batch: Batch, form: object, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what is joined of a batch in some form, as it was joined before at its generation."""
        if not batch.whole or batch.generation != self._generation:
            return blocks
        kept = self._blocks.get(form)
        if kept is not None:
            return iter(kept)
        return blocks if form in self._joining else self._keep(batch.generation, form, blocks)

    def _keep(self, generation: int, form: object, blocks: Iterator[bytes]) -> Iterator[bytes]:
        kept: list[bytes] = []
        kept_bytes = 0
        limit_bytes = self._cache.budget_bytes // _BLOCKS_SHARE
        self._joining.add(form)
        try:
            for block in blocks:
                yield block
                kept_bytes += len(block)
                if kept_bytes <= limit_bytes:
                    kept.append(block)
                else:
                    kept.clear()
        finally:
            self._joining.discard(form)
        if kept_bytes <= limit_bytes and generation == self._generation:
            if len(self._blocks) >= _KEPT_SHAPES:
                oldest = self._blocks.pop(next(iter(self._blocks)))
                self._cache.account(self, -sum(map(len, oldest)))
            self._blocks[form] = kept
            self._cache.account(self, kept_bytes)

    def names(self, batch: Batch) -> Iterator[list[bytes]]:
        """Yield the names of a batch's instances, in groups."""
        for group in self._groups(batch):
            yield [fragment.name for fragment in group]

    def instances(self, batch: Batch, shape: Shape) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield the names and the instances of a batch, in groups."""
        encode = self._encoder(shape)
        for group in self._groups(batch):
            texts = [fragment.texts.get(encode) for fragment in group]
            if None in texts:
                group, complete = self._complete(group, texts, encode)  # noqa: PLW2901 - what is left of it
            else:
                complete = cast("list[bytes]", texts)
            yield [fragment.name for fragment in group], complete

    def _encoder(self, shape: Shape) -> Encode:
        encode = self._encoders.get(shape)
        if encode is not None:
            self._encoders.move_to_end(shape)
            return encode
        try:
            encode = self._cache.compiler.compile_instance(self._served, shape, self._cache.refer)
        except (TypeError, ValueError) as error:
            raise CimError(Status.FAILED, f"class {self._served.name}: {error}") from error
        self._encoders[shape] = encode
        if len(self._encoders) > _KEPT_SHAPES:
            self._forget(self._encoders.popitem(last=False)[1])
        return encode

    def _forget(self, encode: Encode) -> None:
        """Let go of what was encoded for a shape."""
        held = (*self._walked.values(), *self._loose.values())
        self._cache.account(self, -sum(fragment.forget(encode) for fragment in held))

    def _complete(
        self, group: list[Fragment], texts: list[bytes | None], encode: Encode
    ) -> tuple[list[Fragment], list[bytes]]:
        """Make the texts that are missing; return those there are, with their fragments."""
        fragments, complete = [], []
        grown_bytes = 0
        for fragment, known in zip(group, texts, strict=True):
            text = known
            if text is None:
                text = self._try(encode, fragment.row)
                if text is None:
                    continue
                if self._served.cacheable:
                    taken_bytes = fragment.keep(encode, text)
                    grown_bytes += taken_bytes if fragment.counted else 0
            fragments.append(fragment)
            complete.append(text)
        self._cache.account(self, grown_bytes)
        return fragments, complete

    # Fragments of rows -------------------------------------------------------------------------

    def _groups(self, batch: Batch) -> Iterator[list[Fragment]]:
        if not (batch.whole and batch.generation >= 0 and self._served.cacheable):
            return _grouped(self._known(batch.rows))
        if self._generation == batch.generation:
            return _grouped(iter(self._order))
        return self._walk(batch)

    def _known(self, rows: Iterable[Row]) -> Iterator[Fragment]:
        for row in rows:
            fragment = self._try(self._fragment, row)
            if fragment is not None:
                yield fragment

    def _fragment(self, row: Row) -> Fragment:
        if not self._served.cacheable:
            return self._new(row)
        key = self._served.cache_key(row)
        fragment = self._walked.get(key) or self._loose.get(key)
        if fragment is None:
            fragment = self._new(row)
            if len(self._loose) >= _LOOSE_ROWS:
                self._cache.account(self, -sum(old.size for old in self._loose.values()))
                self._loose = {}
            self._loose[key] = fragment
            fragment.counted = True
            self._cache.account(self, fragment.size)
        return fragment

    def _walk(self, batch: Batch) -> Iterator[list[Fragment]]:
        """Yield the fragments of all rows, and keep them as what there is at this generation."""
        fresh: dict[_Key, Fragment] = {}
        fresh_bytes = 0
        limit_bytes = self._cache.budget_bytes // _TABLE_SHARE
        for group in _grouped(self._rewalked(batch.rows, fresh)):
            yield group
            # Only now has the group's reader made the instances, and their sizes are known.
            fresh_bytes += sum(fragment.size for fragment in group)
            if fresh_bytes > limit_bytes:
                fresh.clear()
        if fresh_bytes <= limit_bytes and batch.generation > self._generation:
            self._walked, self._order, self._loose, self._blocks = fresh, list(fresh.values()), {}, {}
            self._generation = batch.generation
            for fragment in self._order:
                fragment.counted = True
            self._cache.account(self, fresh_bytes - self.bytes)

    def _rewalked(self, rows: Iterable[Row], fresh: dict[_Key, Fragment]) -> Iterator[Fragment]:
        cache_key = self._served.cache_key
        for row in rows:
            key = cache_key(row)
            fragment = self._walked.get(key) or self._loose.get(key)
            if fragment is None:
                fragment = self._try(self._new, row)
            if fragment is not None:
                fresh[key] = fragment
                yield fragment

    def _new(self, row: Row) -> Fragment:
        return Fragment(row, self._encode_name(row))

    def _try(self, make: Callable[[Row], T], row: Row) -> T | None:
        """Return what is made of a row; None, with a line in the log, where it cannot be made."""
        try:
            return make(row)
        except Exception:
            keys = ", ".join(str(getattr(record, "key", "?")) for record in row)
            log.exception("an instance of %s (%s) cannot be told and is left out", self._served.name, keys)
            return None


def _grouped(fragments: Iterator[Fragment]) -> Iterator[list[Fragment]]:
    while group := list(islice(fragments, GROUP_ROWS)):
        yield group
