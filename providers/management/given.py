"""What a client gave in one embedded instance, held against what is told.

A property that is given is applied, or it says what is so already, or it is refused by its name; NULL
says nothing. Whether it was applied is seen by asking the class's own spec what it would tell now.

Source: DSP1042 1.0, 8.2 (settings as input of methods).
Errors: CimError INVALID_PARAMETER, naming parameter, class and property.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import Const

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xencim.mof.values import Instance, Value
    from xencim.providers.core.spec import ClassSpec, Row


@dataclass(frozen=True, slots=True)
class Given:
    """The properties of an embedded instance that are not NULL, by their names in MOF."""

    what: str  # the parameter, for errors
    class_name: str
    values: Mapping[str, Value]

    def text(self, name: str) -> str | None:
        """Return a property's text, None where it is not given or empty."""
        value = self.values.get(name)
        return str(value) if value not in (None, "") else None

    def number(self, name: str) -> int | None:
        """Return a property's number, None where it is not given."""
        value = self.values.get(name)
        return value if isinstance(value, int) else None

    def without(self, names: Iterable[str], **instead: Value) -> Given:
        """Return the same without some properties, and with others in their place."""
        left = {name: value for name, value in self.values.items() if name not in set(names)}
        return replace(self, values={**left, **instead})

    def refusal(self, name: str, reason: str, status: Status = Status.INVALID_PARAMETER) -> CimError:
        """Return the error that refuses a property."""
        return CimError(status, f"{self.what}: property {name} of {self.class_name}: {reason}")


def given(what: str, instance: Instance) -> Given:
    """Return what an embedded instance says; its properties are converted already."""
    values = {name: typed.value for name, typed in instance.properties.items() if typed.value is not None}
    return Given(what, instance.class_name, values)


def told(spec: ClassSpec, row: Row, name: str) -> Value:
    """Return what a class tells of a row's property, None where it tells nothing."""
    prop = next((p for p in (*spec.keys, *spec.props) if p.name.lower() == name.lower()), None)
    if prop is None:
        return None
    if isinstance(prop.get, Const):
        return prop.get.value
    if not callable(prop.get):
        raise TypeError(f"{name} of {spec.cim_class} is told by its class's name")
    return prop.get(*row)


def same(value: Value, present: Value) -> bool:
    """Tell whether a value says what is so already; empty, zero and NULL are one, FALSE is not."""
    is_nothing = not value and value is not False
    return value == present or (is_nothing and not present and present is not False)


def differing(spec: ClassSpec, row: Row, asked: Given) -> dict[str, Value]:
    """Return the properties given that are not so already."""
    return {name: value for name, value in asked.values.items() if not same(value, told(spec, row, name))}


def demand_told(spec: ClassSpec, row: Row, asked: Given, wanted: Mapping[str, Value]) -> None:
    """Refuse by name whatever is wanted and would not be told of the row."""
    for name, value in wanted.items():
        present = told(spec, row, name)
        if not same(value, present):
            tells = "has no value here" if present is None else f"is {present!r}"
            raise asked.refusal(name, f"it {tells} and cannot become {value!r}")
