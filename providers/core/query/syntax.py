"""The query languages, and the syntax tree that their texts become.

What of the languages is read, docs/reference/queries.md tells.

Source: DSP0202 1.0 (CQL), DSP0212 1.0.1 (FQL), Microsoft's WQL.
Errors: CimError INVALID_QUERY, QUERY_FEATURE_NOT_SUPPORTED, SERVER_LIMITS_EXCEEDED.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.core.query.pattern import Pattern


@dataclass(frozen=True, slots=True)
class Language:
    """What sets a language apart from the others."""

    name: str
    read_pattern: Callable[[str], Pattern]
    is_wql: bool = False
    is_fql: bool = False

    def invalid(self, position: int, text: str, *, hint: str | None = None) -> CimError:
        """Return the error for a text that is not of the language; ``position`` counts from 1."""
        return CimError(Status.INVALID_QUERY, f"{self.name} query, position {position}: {text}", hint=hint)

    def unsupported(self, position: int, feature: str, *, hint: str | None = None) -> CimError:
        """Return the error for a part of the language that is not offered."""
        text = f"{self.name} query, position {position}: {feature} is not supported"
        return CimError(Status.QUERY_FEATURE_NOT_SUPPORTED, text, hint=hint)

    def too_large(self, text: str) -> CimError:
        """Return the error for a query beyond one of the limits."""
        return CimError(Status.SERVER_LIMITS_EXCEEDED, f"{self.name} query: {text}")


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; NULL is None."""

    value: str | int | float | bool | None
    position: int


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    """FQL's ``{1, 2}``."""

    values: tuple[Literal, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Property:
    """A property, or one inside embedded instances; ``index`` picks an element of an array.

    ``scopes`` are the classes of ``Class::Property``, each with its property's place in the path.
    """

    path: tuple[str, ...]
    index: int | None
    position: int
    scopes: tuple[tuple[int, str], ...] = ()


Operand: TypeAlias = Literal | ArrayLiteral | Property


@dataclass(frozen=True, slots=True)
class Compare:
    """``left op right``; ``op`` is one of = <> < <= > >=."""

    op: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Like:
    """``operand LIKE pattern``."""

    operand: Property
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class IsNull:
    """``operand IS NULL``."""

    operand: Property


@dataclass(frozen=True, slots=True)
class IsA:
    """The instance, or the one embedded in it, is of the class or of a subclass."""

    class_name: str
    operand: Property | None = None


@dataclass(frozen=True, slots=True)
class Quantified:
    """ANY or EVERY element of the array on the left of ``test`` passes it."""

    every: bool
    test: Compare | Like


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; unknown stays unknown."""

    term: Condition


@dataclass(frozen=True, slots=True)
class And:
    """All terms."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One term at least."""

    terms: tuple[Condition, ...]


Condition: TypeAlias = Compare | Like | IsNull | IsA | Quantified | Not | And | Or
