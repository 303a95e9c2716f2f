"""Compiled declarations on disk, as JSON: one file, good for one set of MOF texts.

Equal qualifiers are stored once and come back as one object. A cache that is absent, broken or of other
texts counts for nothing; one that cannot be written is a line in the log.

Errors: none.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xencim.mof.declarations import Declarations
from xencim.mof.model import ClassDecl, MethodDecl, ParameterDecl, PropertyDecl, Qualifier, QualifierDecl
from xencim.mof.values import format_datetime, parse_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.mof.values import Scalar, Value

_LOG = logging.getLogger(__name__)
_FORMAT = 1
_NAME = "schema.json"


def read(folder: Path, key: str) -> Declarations | None:
    """Return the declarations stored for ``key``, None when there are none to be trusted."""
    try:
        stored = json.loads((folder / _NAME).read_text("utf-8"))
        if stored["format"] != _FORMAT or stored["key"] != key:
            return None
        return _unpack(stored)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        _LOG.warning("%s is of no use and is written anew: %r", folder / _NAME, error)
        return None


def write(folder: Path, key: str, declarations: Declarations) -> None:
    """Store the declarations for ``key``, whole or not at all."""
    packed = json.dumps(
        {"format": _FORMAT, "key": key, **_Packer().pack(declarations)}, separators=(",", ":")
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=_NAME)
        try:
            # Nothing in it is secret, and root's commands share it with a server that runs as somebody else.
            os.fchmod(descriptor, 0o644)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(packed)
            Path(name).replace(folder / _NAME)
        except BaseException:
            Path(name).unlink()
            raise
    except OSError as error:
        _LOG.warning("the compiled schema cannot be kept: %s", error)


class _Packer:
    """Turns declarations into lists, and equal qualifiers into one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._qualifiers: list[list[Any]] = []

    def pack(self, declarations: Declarations) -> dict[str, Any]:
        classes = [self._class(c) for c in declarations.classes.values()]
        types = [self._type(q) for q in declarations.qualifiers.values()]
        supplied = declarations.supplied
        return {"types": types, "qualifiers": self._qualifiers, "classes": classes, "supplied": supplied}

    def _type(self, decl: QualifierDecl) -> list[Any]:
        flavors = [decl.overridable, decl.tosubclass, decl.toinstance, decl.translatable]
        head = [decl.name, decl.type, _pack_value(decl.value), decl.is_array, decl.array_size]
        return [*head, sorted(decl.scopes), *flavors]

    def _class(self, decl: ClassDecl) -> list[Any]:
        return [
            decl.name,
            decl.superclass,
            [[*self._element(p), _pack_value(p.value)] for p in decl.properties],
            [
                [m.name, m.return_type, [self._element(p) for p in m.parameters], self._refer(m.qualifiers)]
                for m in decl.methods
            ],
            self._refer(decl.qualifiers),
        ]

    def _element(self, element: PropertyDecl | ParameterDecl) -> list[Any]:
        head = [element.name, element.type, element.is_array, element.array_size, element.reference_class]
        return [*head, self._refer(element.qualifiers)]

    def _refer(self, qualifiers: Iterable[Qualifier]) -> list[int]:
        return [self._number(q) for q in qualifiers]

    def _number(self, q: Qualifier) -> int:
        flavors = [q.overridable, q.tosubclass, q.toinstance, q.translatable]
        packed = [q.name, q.type, _pack_value(q.value), q.is_array, *flavors]
        number = self._numbers.setdefault(repr(packed), len(self._numbers))
        if number == len(self._qualifiers):
            self._qualifiers.append(packed)
        return number


def _pack_value(value: Value) -> object:
    if isinstance(value, datetime | timedelta):
        return format_datetime(value)
    if isinstance(value, tuple):
        return [_pack_value(item) for item in value]
    return value


def _unpack(stored: dict[str, Any]) -> Declarations:
    types = [
        QualifierDecl(name, kind, _unpack_value(kind, value), is_array, size, frozenset(scopes), *flavors)
        for name, kind, value, is_array, size, scopes, *flavors in stored["types"]
    ]
    qualifiers = [
        Qualifier(name, kind, _unpack_value(kind, value), is_array, False, *flavors)
        for name, kind, value, is_array, *flavors in stored["qualifiers"]
    ]
    classes = [_unpack_class(packed, qualifiers) for packed in stored["classes"]]
    return Declarations(
        {q.name.lower(): q for q in types},
        {c.name.lower(): c for c in classes},
        tuple(stored["supplied"]),
    )


def _unpack_class(packed: list[Any], known: list[Qualifier]) -> ClassDecl:
    owner, superclass, properties, methods, numbers = packed
    return ClassDecl(
        owner,
        superclass,
        tuple(_unpack_property(p, owner, known) for p in properties),
        tuple(_unpack_method(m, owner, known) for m in methods),
        _look_up(numbers, known),
    )


def _unpack_property(packed: list[Any], owner: str, known: list[Qualifier]) -> PropertyDecl:
    name, kind, is_array, size, reference, numbers, value = packed
    qualifiers = _look_up(numbers, known)
    return PropertyDecl(name, kind, is_array, size, reference, qualifiers, _unpack_value(kind, value), owner)


def _unpack_method(packed: list[Any], owner: str, known: list[Qualifier]) -> MethodDecl:
    method, return_type, parameters, own = packed
    return MethodDecl(
        method,
        return_type,
        tuple(
            ParameterDecl(name, kind, is_array, size, reference, _look_up(numbers, known))
            for name, kind, is_array, size, reference, numbers in parameters
        ),
        _look_up(own, known),
        owner,
    )


def _look_up(numbers: list[int], known: list[Qualifier]) -> tuple[Qualifier, ...]:
    return tuple([known[number] for number in numbers])


def _unpack_value(kind: str, value: Any) -> Value:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return tuple([_unpack_scalar(kind, item) for item in value])
    return _unpack_scalar(kind, value)


def _unpack_scalar(kind: str, value: Any) -> Scalar | None:  # noqa: ANN401 - JSON
    if kind == "datetime" and value is not None:
        return parse_datetime(value)
    return value  # type: ignore[no-any-return]
