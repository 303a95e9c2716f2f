"""Makes closures of conditions: a row is tested without looking at the tree again.

A test answers True, False or None: unknown, where NULL or values that cannot be compared meet. A row
matches when the answer is True. FQL knows no unknown for = and <>: NULL differs from every value.

Source: DSP0202 1.0 (three-valued logic); DSP0212 1.0.1 (a property that is not there is NULL).
Errors: none of its own.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from xencim.mof.values import Instance, Path, Value, WildcardDateTime, parse_datetime
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


class Source(Protocol):
    """An instance as a query sees it; names come as the query wrote them, in any case."""

    def value(self, name: str) -> Value:
        """Return the property's value; KeyError where the instance has no such property."""
        ...

    def is_a(self, class_name: str, embedded: Instance | None = None) -> bool:
        """Tell whether the instance, or one embedded in it, is of the class or of a subclass."""
        ...


Test: TypeAlias = Callable[[Source], bool | None]
Getter: TypeAlias = Callable[[Source], Value]
ValueTest: TypeAlias = Callable[[Value], bool | None]

_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_UNORDERED = (bool, tuple, Path, Instance, WildcardDateTime)


def compile_condition(language: Language, condition: Condition) -> Test:
    """Return the test of the condition."""
    match condition:
        case And(terms):
            return _all([compile_condition(language, term) for term in terms])
        case Or(terms):
            return _any([compile_condition(language, term) for term in terms])
        case Not(term):
            return _not(compile_condition(language, term))
        case IsNull(operand):
            get = _getter(operand)
            return lambda source: get(source) is None
        case IsA(class_name, operand):
            return _is_a(class_name, operand)
        case Like():
            return _on_value(_getter(condition.operand), _like(condition))
        case Compare():
            return _compare(language, condition)
        case Quantified():
            return _quantified(language, condition)


def _all(tests: list[Test]) -> Test:
    def test(source: Source) -> bool | None:
        answer: bool | None = True
        for term in tests:
            found = term(source)
            if found is False:
                return False
            if found is None:
                answer = None
        return answer

    return test


def _any(tests: list[Test]) -> Test:
    def test(source: Source) -> bool | None:
        answer: bool | None = False
        for term in tests:
            found = term(source)
            if found is True:
                return True
            if found is None:
                answer = None
        return answer

    return test


def _not(term: Test) -> Test:
    def test(source: Source) -> bool | None:
        found = term(source)
        return None if found is None else not found

    return test


def _on_value(get: Getter, test_value: ValueTest) -> Test:
    return lambda source: test_value(get(source))


def _is_a(class_name: str, operand: Property | None) -> Test:
    if operand is None:
        return lambda source: source.is_a(class_name)
    get = _getter(operand)

    def test(source: Source) -> bool | None:
        value = get(source)
        return source.is_a(class_name, value) if isinstance(value, Instance) else None

    return test


# Values -----------------------------------------------------------------------------------------


def _getter(operand: Operand) -> Getter:
    match operand:
        case Literal(value):
            return lambda _source: value
        case ArrayLiteral(values):
            constants: Value = tuple(literal.value for literal in values)
            return lambda _source: constants
        case Property(path, index, _, scopes):
            get = _path_getter(path, dict(scopes))
            return get if index is None else _element(get, index)


def _path_getter(path: tuple[str, ...], scopes: dict[int, str]) -> Getter:
    first, *rest = path

    def get(source: Source) -> Value:
        try:
            return source.value(first)
        except KeyError:
            return None

    def get_inner(source: Source) -> Value:
        value = get(source)
        for place, name in enumerate(rest, 1):
            if not isinstance(value, Instance):
                return None
            if place in scopes and not source.is_a(scopes[place], value):
                return None
            value = value.get(name)
        return value

    return get_inner if rest else get


def _element(get: Getter, index: int) -> Getter:
    def get_element(source: Source) -> Value:
        values = get(source)
        return values[index] if isinstance(values, tuple) and index < len(values) else None

    return get_element


# Comparisons ------------------------------------------------------------------------------------


def _compare(language: Language, compare: Compare) -> Test:
    sign, left, right = compare.op, compare.left, compare.right
    if isinstance(left, Literal) and isinstance(right, Property):
        sign, left, right = _MIRRORED[sign], right, left
    get = _getter(left)
    if isinstance(right, Literal):
        return _on_value(get, _against(language, sign, right))
    get_other = _getter(right)
    if language.is_fql and sign in {"=", "<>"}:
        return lambda source: _null_aware(sign, get(source), get_other(source))
    return lambda source: _compare_values(sign, get(source), get_other(source))


def _null_aware(sign: str, left: Value, right: Value) -> bool | None:
    if left is None or right is None:
        return (left is right) is (sign == "=")
    return _compare_values(sign, left, right)


def _compare_values(sign: str, left: Value, right: Value) -> bool | None:
    """Compare two values that may be anything."""
    if isinstance(left, str) and isinstance(right, datetime | timedelta):
        left, right, sign = right, left, _MIRRORED[sign]
    if isinstance(right, str) and isinstance(left, datetime | timedelta):
        right = _as_datetime(right)
    if left is None or right is None or _kind(left) is not _kind(right):
        return None
    if sign not in {"=", "<>"} and isinstance(left, _UNORDERED):
        return None
    try:
        return _OPERATIONS[sign](left, right)
    except TypeError:
        # A datetime without a zone beside one that has it.
        return None


def _kind(value: Value) -> type:
    if isinstance(value, bool):
        return bool
    if isinstance(value, int | float):
        return float
    if isinstance(value, str) and not isinstance(value, WildcardDateTime):
        return str
    return type(value)


def _as_datetime(text: str) -> datetime | timedelta | WildcardDateTime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None


_QUOTED_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?\Z", re.ASCII)


def as_number(text: str) -> int | float | None:
    """Return the number in quotes, which WQL takes for a number where the property is one."""
    found = _QUOTED_NUMBER.match(text)
    if found is None:
        return None
    return float(text) if found[1] else int(text)


def _against(language: Language, sign: str, literal: Literal) -> ValueTest:
    """Return the test against a constant; what the constant can mean is decided once."""
    constant = literal.value
    operation = _OPERATIONS[sign]
    of_null = (sign == "<>") if language.is_fql and sign in {"=", "<>"} else None
    if isinstance(constant, str):
        moment = _as_datetime(constant)
        number = as_number(constant) if language.is_wql else None

        def test_text(value: Value) -> bool | None:
            if type(value) is str:
                return operation(value, constant)
            if value is None:
                return of_null
            if number is not None and _kind(value) is float:
                return operation(value, number)
            return _compare_values(sign, value, constant if moment is None else moment)

        return test_text

    kinds = {bool} if isinstance(constant, bool) else {int, float}

    def test(value: Value) -> bool | None:
        if type(value) in kinds:
            return operation(value, constant)
        return of_null if value is None else _compare_values(sign, value, constant)

    return test


def _like(like: Like) -> ValueTest:
    matches = like.pattern.matches
    return lambda value: matches(value) if isinstance(value, str) else None


def _quantified(language: Language, quantified: Quantified) -> Test:
    """Test ANY as an OR over the elements, EVERY as an AND; an array that is NULL is unknown."""
    every, test = quantified.every, quantified.test
    get = _getter(test.operand if isinstance(test, Like) else test.left)
    prepare = _element_test(language, test)

    def test_elements(source: Source) -> bool | None:
        values = get(source)
        if not isinstance(values, tuple):
            return None
        test_value = prepare(source)
        answer: bool | None = every
        for value in values:
            found = test_value(value)
            if found is (not every):
                return found
            if found is None:
                answer = None
        return answer

    return test_elements


def _element_test(language: Language, test: Compare | Like) -> Callable[[Source], ValueTest]:
    """Return what makes an element's test for a row: only a property on the right differs by row."""
    if isinstance(test, Like):
        like = _like(test)
        return lambda _source: like
    if isinstance(test.right, Literal):
        against = _against(language, test.op, test.right)
        return lambda _source: against
    sign = test.op
    get_other = _getter(test.right)
    compare = _null_aware if language.is_fql and sign in {"=", "<>"} else _compare_values

    def prepare(source: Source) -> ValueTest:
        other = get_other(source)
        return lambda value: compare(sign, value, other)

    return prepare
