"""Holds a condition against the class it is about, before any row is tested.

Source: DSP0202 1.0 and DSP0212 1.0.1 (which types can be compared); DSP0200 1.4, 5.3.2.15 (the codes).
Errors: CimError INVALID_QUERY, naming class and property; QUERY_FEATURE_NOT_SUPPORTED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import INTEGER_RANGES, REAL_TYPES, WildcardDateTime, parse_datetime
from xencim.providers.core.query.evaluation import as_number
from xencim.providers.core.query.syntax import (
    And,
    ArrayLiteral,
    Compare,
    Condition,
    IsA,
    IsNull,
    Language,
    Like,
    Literal,
    Not,
    Operand,
    Or,
    Property,
    Quantified,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.mof.model import ClassDecl, PropertyDecl

_NUMBERS = frozenset({*INTEGER_RANGES, *REAL_TYPES})
_TEXTS = frozenset({"string", "char16"})


def properties_of(condition: Condition) -> Iterator[Property]:
    """Yield every property that the condition mentions."""
    match condition:
        case And(terms) | Or(terms):
            for term in terms:
                yield from properties_of(term)
        case Not(term):
            yield from properties_of(term)
        case Quantified(_, test):
            yield from properties_of(test)
        case IsNull(operand) | Like(operand, _):
            yield operand
        case Compare(_, left, right):
            yield from (side for side in (left, right) if isinstance(side, Property))
        case IsA(_, operand):
            if operand is not None:
                yield operand


class Check:
    """The check of one query against one class."""

    def __init__(self, language: Language, decl: ClassDecl) -> None:
        self._language = language
        self._decl = decl

    def condition(self, condition: Condition) -> None:
        """Check the condition and all within it."""
        match condition:
            case And(terms) | Or(terms):
                for term in terms:
                    self.condition(term)
            case Not(term):
                self.condition(term)
            case IsNull(operand):
                self._find(operand)
            case Like(operand):
                self._like(operand, in_array=False)
            case Compare():
                self._compare(condition, in_array=False)
            case Quantified(_, Like(operand)):
                self._like(operand, in_array=True)
            case Quantified(_, Compare() as compare):
                self._compare(compare, in_array=True)
            case IsA(_, Property() as operand):
                self._embedded(operand)

    def _embedded(self, operand: Property) -> None:
        decl = self._find(operand)
        if decl is not None and (decl.embedded is None or (decl.is_array and operand.index is None)):
            raise self._language.invalid(
                operand.position, f"{self._name(decl)} holds no embedded object, ISA needs one"
            )

    def _find(self, operand: Property) -> PropertyDecl | None:
        """Return the declaration; None for a path into an embedded object and for what FQL does not know."""
        name = operand.path[0]
        decl = self._decl.find_property(name)
        if decl is None:
            if self._language.is_fql:
                # DSP0212: a property that the instance does not have counts as NULL.
                return None
            raise self._language.invalid(operand.position, f"{self._decl.name} has no property {name[:80]}")
        if len(operand.path) > 1:
            if decl.embedded is None:
                raise self._language.invalid(operand.position, f"{self._name(decl)} holds no embedded object")
            return None
        if operand.index is not None and not decl.is_array:
            raise self._language.invalid(operand.position, f"{self._name(decl)} is no array")
        return decl

    def _name(self, decl: PropertyDecl) -> str:
        return f"{self._decl.name}.{decl.name}"

    def _shape(self, operand: Property, decl: PropertyDecl, *, in_array: bool) -> None:
        if in_array and not decl.is_array:
            raise self._language.invalid(operand.position, f"{self._name(decl)} is no array")
        if not in_array and decl.is_array and operand.index is None:
            hint = None if self._language.is_wql else "use ANY, EVERY or an index"
            raise self._language.invalid(operand.position, f"{self._name(decl)} is an array", hint=hint)

    def _like(self, operand: Property, *, in_array: bool) -> None:
        decl = self._find(operand)
        if decl is None:
            return
        self._shape(operand, decl, in_array=in_array)
        if decl.type not in _TEXTS:
            raise self._language.invalid(
                operand.position, f"{self._name(decl)} is a {decl.type}, LIKE needs text"
            )

    def _compare(self, compare: Compare, *, in_array: bool) -> None:
        sides = (compare.left, compare.right)
        whole = not in_array and compare.op in {"=", "<>"} and all(self._is_whole(side) for side in sides)
        for side, other in (sides, sides[::-1]):
            decl = self._find(side) if isinstance(side, Property) else None
            if not isinstance(side, Property) or decl is None:
                continue
            if not whole:
                self._shape(side, decl, in_array=in_array and side is compare.left)
            self._comparable(side, decl, compare.op)
            if isinstance(other, ArrayLiteral) and not whole:
                raise self._language.invalid(other.position, f"{self._name(decl)} is compared with an array")
            for literal in _literals(other):
                self._literal(decl, literal)
            other_decl = self._find(other) if isinstance(other, Property) else None
            if other_decl is not None and _family(decl.type) != _family(other_decl.type):
                types = f"a {decl.type} with {self._name(other_decl)}, a {other_decl.type}"
                raise self._language.invalid(side.position, f"cannot compare {self._name(decl)}, {types}")

    def _is_whole(self, side: Operand) -> bool:
        """Tell whether the side is a whole array, which can be compared with another."""
        if isinstance(side, Property):
            decl = self._find(side)
            return decl is None or (decl.is_array and side.index is None)
        return isinstance(side, ArrayLiteral)

    def _comparable(self, operand: Property, decl: PropertyDecl, sign: str) -> None:
        if decl.type == "reference" or decl.embedded is not None:
            what = "a reference" if decl.type == "reference" else "an embedded object"
            raise self._language.unsupported(operand.position, f"comparing {self._name(decl)}, {what},")
        if decl.type == "boolean" and sign not in {"=", "<>"}:
            raise self._language.invalid(
                operand.position, f"{self._name(decl)} is a boolean, {sign} needs an order"
            )

    def _literal(self, decl: PropertyDecl, literal: Literal) -> None:
        value = literal.value
        fits = (
            value is None
            or (decl.type == "boolean" and isinstance(value, bool))
            or (decl.type in _TEXTS and isinstance(value, str))
            or (decl.type in _NUMBERS and self._is_number(value))
            or (decl.type == "datetime" and isinstance(value, str) and _is_datetime(value))
        )
        if not fits:
            shown = repr(value)[:80]
            raise self._language.invalid(
                literal.position, f"{shown} cannot be compared with {self._name(decl)}, a {decl.type}"
            )

    def _is_number(self, value: str | float) -> bool:
        if isinstance(value, str):
            return self._language.is_wql and as_number(value) is not None
        return not isinstance(value, bool)


def _family(cim_type: str) -> str:
    """Return the name of the types among which values are compared."""
    if cim_type in _NUMBERS:
        return "number"
    return "string" if cim_type in _TEXTS else cim_type


def _literals(operand: Operand) -> tuple[Literal, ...]:
    if isinstance(operand, Literal):
        return (operand,)
    return operand.values if isinstance(operand, ArrayLiteral) else ()


def _is_datetime(text: str) -> bool:
    try:
        return not isinstance(parse_datetime(text), WildcardDateTime)
    except ValueError:
        return False
