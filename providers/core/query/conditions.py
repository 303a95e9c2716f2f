"""Reads the condition of a query: everything after WHERE, and a filter as a whole.

    condition  = conjunction *( OR conjunction )
    conjunction = unary *( AND unary )
    unary      = NOT unary / "(" condition ")" / predicate
    predicate  = [ ANY / EVERY ] operand ( op operand / [NOT] LIKE string / IS [NOT] NULL / ISA class )

Source: DSP0202 1.0; DSP0212 1.0.1; Microsoft's WQL.
Errors: CimError, see syntax.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.query.pattern import Pattern, PatternError
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
    from xencim.providers.core.errors import CimError
    from xencim.providers.core.query.lexer import Token

# Each level costs the reader four of Python's frames and the evaluation three.
MAX_DEPTH = 50
# Comparisons of one query; evaluation is linear in them.
MAX_TERMS = 512
# Positions of all patterns of one query: about 25 ms of building at worst.
MAX_PATTERN_SIZE = 2048

_OPERATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "||"})
_QUANTIFIERS = frozenset({"ANY", "EVERY"})
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}
RESERVED = frozenset(
    {"SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "LIKE", "IS", "ISA", "TRUE", "FALSE", "NULL"}
)


class Reader:
    """A place in the tokens, and what the languages have in common."""

    def __init__(self, language: Language, tokens: list[Token]) -> None:
        self.language = language
        # The names by which the instance itself goes: its class as in FROM, and the alias.
        self.instance_names: frozenset[str] = frozenset()
        self._tokens = tokens
        self._at = 0
        self._terms = 0
        self._pattern_size = 0

    @property
    def token(self) -> Token:
        """The token to be read next."""
        return self._tokens[self._at]

    def peek(self) -> Token:
        """Return the token after the next one."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Return the next token and step over it; the end stays."""
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def skip(self, word: str) -> bool:
        """Step over the keyword or sign, if it is next."""
        if self.token.word != word:
            return False
        self.take()
        return True

    def need(self, word: str) -> None:
        """Step over the keyword or sign; it has to be there."""
        if not self.skip(word):
            raise self.expected(word)

    def name(self, what: str) -> str:
        """Return the next token, which has to be a name and no keyword."""
        if self.token.kind != "name" or self.token.word in RESERVED:
            raise self.expected(what)
        return self.take().text

    def expected(self, what: str) -> CimError:
        """Return the error for a next token that is not what has to be there."""
        return self.language.invalid(self.token.position, f"expected {what}, found {self.token}")

    def unsupported(self, feature: str, *, hint: str | None = None) -> CimError:
        """Return the error for a feature that begins at the next token and is not offered."""
        return self.language.unsupported(self.token.position, feature, hint=hint)

    # The grammar ------------------------------------------------------------------------------

    def condition(self, depth: int = 0) -> Condition:
        """Read terms joined by OR, which binds least."""
        terms = [self._conjunction(depth)]
        while self.skip("OR"):
            terms.append(self._conjunction(depth))
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _conjunction(self, depth: int) -> Condition:
        terms = [self._unary(depth)]
        while self.skip("AND"):
            terms.append(self._unary(depth))
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _unary(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise self.language.too_large(f"nested deeper than {MAX_DEPTH}")
        if self.skip("NOT"):
            return Not(self._unary(depth + 1))
        if self.skip("("):
            inner = self.condition(depth + 1)
            self.need(")")
            return inner
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise self.language.too_large(f"more than {MAX_TERMS} comparisons")
        return self._predicate()

    def _predicate(self) -> Condition:
        if (
            self.token.word in _QUANTIFIERS
            and self.peek().kind == "name"
            and self.peek().word not in RESERVED
        ):
            return self._quantified()
        if self.token.word == "ISA" and not self.language.is_fql:
            return self._is_a()
        start = self.token
        left = self.operand()
        if self.token.word == "ISA":
            return self._isa_of(left, start)
        if self.skip("IS"):
            return self._is_null(left, start)
        negated = self.token.word == "NOT" and self.peek().word == "LIKE"
        if negated:
            self.take()
        if self.token.word == "LIKE":
            like = self._like(left, start)
            return Not(like) if negated else like
        return self._comparison(left, start)

    def _quantified(self) -> Condition:
        if self.language.is_wql:
            raise self.language.invalid(
                self.token.position,
                f"WQL has no array predicate {self.token.word}",
                hint="DMTF:CQL has it",
            )
        every = self.take().word == "EVERY"
        start = self.token
        array = self.operand()
        if self.token.word == "IN":
            raise self.unsupported(
                "IN … SATISFIES (CQL's Satisfies Array)", hint="use ANY or EVERY with a comparison"
            )
        if not isinstance(array, Property) or array.index is not None:
            raise self.language.invalid(start.position, "ANY and EVERY take an array property")
        if self.token.word == "NOT" and self.peek().word == "LIKE":
            # NOT belongs to the element's test: the other quantifier with LIKE, negated, says the same.
            self.take()
            return Not(Quantified(not every, self._like(array, start)))
        if self.token.word == "LIKE":
            return Quantified(every, self._like(array, start))
        comparison = self._comparison(array, start)
        if not isinstance(comparison, Compare) or isinstance(comparison.right, ArrayLiteral):
            raise self.language.invalid(
                start.position, "ANY and EVERY compare with a value, no NULL, no array"
            )
        return Quantified(every, comparison)

    def _comparison(self, left: Operand, start: Token) -> Condition:
        operator = self.token.word
        if operator not in _OPERATORS:
            raise self.expected(
                "an operator (= <> < <= > >= LIKE)" if self.language.is_fql else "an operator"
            )
        self.take()
        right = self.operand()
        if isinstance(left, Literal) and left.value is None:
            left, right = right, left
        if isinstance(right, Literal) and right.value is None:
            return self._null_comparison(left, operator, start)
        if self.language.is_fql and not isinstance(left, Property):
            raise self.language.invalid(start.position, "a property has to stand on the left")
        if operator not in {"=", "<>"} and any(_is_unordered(side) for side in (left, right)):
            raise self.language.invalid(
                start.position, f"booleans and arrays have no order, {operator} needs one"
            )
        return Compare(operator, left, right)

    def _null_comparison(self, operand: Operand, operator: str, start: Token) -> Condition:
        hint = "write IS NULL or IS NOT NULL" if not self.language.is_fql else "write = NULL or <> NULL"
        allowed = self.language.is_fql or self.language.is_wql
        if not isinstance(operand, Property) or operator not in {"=", "<>"} or not allowed:
            raise self.language.invalid(start.position, f"no comparison {operator} with NULL", hint=hint)
        return IsNull(operand) if operator == "=" else Not(IsNull(operand))

    def _is_null(self, operand: Operand, start: Token) -> Condition:
        if self.language.is_fql:
            raise self.language.invalid(start.position, "FQL has no IS", hint="write = NULL or <> NULL")
        if not isinstance(operand, Property):
            raise self.language.invalid(start.position, "IS takes a property")
        negated = self.skip("NOT")
        self.need("NULL")
        return Not(IsNull(operand)) if negated else IsNull(operand)

    def _like(self, operand: Operand, start: Token) -> Like:
        if not isinstance(operand, Property):
            raise self.language.invalid(start.position, "LIKE takes a property")
        self.need("LIKE")
        token = self.token
        if token.kind == "name" and token.word not in RESERVED:
            raise self.unsupported("LIKE with a pattern that is not a constant")
        if token.kind != "string":
            raise self.expected("a pattern in quotes")
        self.take()
        return Like(operand, self._pattern(token))

    def _pattern(self, token: Token) -> Pattern:
        try:
            pattern = self.language.read_pattern(str(token.value))
        except PatternError as error:
            place = f"the pattern {token}, at its character {error.position + 1}"
            raise self.language.invalid(token.position, f"{place}: {error}") from None
        self._pattern_size += pattern.size
        if self._pattern_size > MAX_PATTERN_SIZE:
            raise self.language.too_large(f"patterns of more than {MAX_PATTERN_SIZE} characters together")
        return pattern

    def _isa_of(self, operand: Operand, start: Token) -> IsA:
        if self.language.is_fql:
            raise self.language.invalid(self.token.position, "FQL has no ISA")
        if not isinstance(operand, Property):
            raise self.language.invalid(start.position, "ISA takes the instance")
        is_itself = len(operand.path) == 1 and operand.path[0].lower() in self.instance_names
        return self._is_a(None if is_itself and operand.index is None else operand)

    def _is_a(self, operand: Property | None = None) -> IsA:
        self.need("ISA")
        if self.token.kind == "string":
            return IsA(str(self.take().value), operand)
        return IsA(self.name("a class"), operand)

    # Operands -----------------------------------------------------------------------------------

    def operand(self) -> Operand:
        """Read a constant or a property."""
        token = self.token
        found = self._operand()
        if self.token.word in _ARITHMETIC:
            raise self.unsupported("arithmetic (CQL's Arithmetic Expression)")
        if isinstance(found, Property) and found.path[0].startswith("__") and self.token.word != "ISA":
            raise self.language.unsupported(token.position, f"the system property {found.path[0][:40]}")
        return found

    def _operand(self) -> Operand:
        token = self.token
        if token.kind in {"string", "number"}:
            return Literal(self.take().value, token.position)
        if token.word in _CONSTANTS:
            self.take()
            return Literal(_CONSTANTS[token.word], token.position)
        if token.word in {"+", "-"} and self.peek().kind == "number":
            self.take()
            number = self.take().value
            return Literal(
                -number if token.word == "-" and not isinstance(number, str) else number, token.position
            )
        if token.word == "{":
            return self._array()
        if token.kind == "name" and token.word not in RESERVED:
            return self.property()
        if token.word == "(":
            raise self.unsupported("an expression in parentheses as an operand")
        raise self.expected("a property or a constant")

    def _array(self) -> ArrayLiteral:
        position = self.token.position
        if not self.language.is_fql:
            raise self.language.invalid(
                position, f"{self.language.name} has no array constants", hint="DMTF:FQL has them"
            )
        self.need("{")
        values: list[Literal] = []
        while not self.skip("}"):
            if values:
                self.need(",")
            value = self._operand() if self.token.word != "{" else None
            if not isinstance(value, Literal):
                raise self.language.invalid(position, "an array constant holds constants")
            values.append(value)
        return ArrayLiteral(tuple(values), position)

    def property(self) -> Property:
        """Read a property path with its index; the name of the instance before it is dropped."""
        position = self.token.position
        names = [self.name("a property")]
        scopes: dict[int, str] = {}
        if self.token.word == "(":
            raise self.language.unsupported(position, f"the function {names[0][:40]}()")
        while self.token.word == "." and self.peek().kind == "name":
            self.take()
            names.append(self.take().text)
            if self.token.word == "::" and not (self.language.is_wql or self.language.is_fql):
                self.take()
                scope = names.pop()
                scopes[len(names)] = scope
                names.append(self.name("a property"))
        index = self._index()
        self._refuse_scoping()
        dropped = len(names) > 1 and names[0].lower() in self.instance_names
        if dropped:
            del names[0]
        placed = tuple((place - dropped, name) for place, name in scopes.items())
        return Property(tuple(names), index, position, placed)

    def _index(self) -> int | None:
        if self.token.word != "[":
            return None
        if self.language.is_wql:
            raise self.language.invalid(self.token.position, "WQL has no array index", hint="DMTF:CQL has it")
        self.take()
        if self.token.word == "*":
            raise self.unsupported("[*] (CQL's Array Range)", hint="use ANY or EVERY")
        token = self.token
        if token.kind != "number" or not isinstance(token.value, int):
            if token.kind == "name":
                raise self.unsupported("an index that is not a constant")
            raise self.expected("an index, counted from 0")
        self.take()
        if self.token.word in {"..", ","}:
            raise self.unsupported("a range of indexes (CQL's Array Range)")
        self.need("]")
        return int(token.value)

    def _refuse_scoping(self) -> None:
        if self.token.word == "#":
            raise self.unsupported(
                "a symbolic constant (Property#'Name')", hint="use its number in the ValueMap"
            )
        if self.token.word == "::":
            raise self.unsupported("Class::Property (CQL's Property Scoping)")
        if self.token.word == ":":
            raise self.unsupported("another namespace (CQL's Foreign Namespace Support)")
        if self.token.word in {".", "["}:
            raise self.unsupported("a path that goes on after an index")


def _is_unordered(operand: Operand) -> bool:
    return isinstance(operand, ArrayLiteral) or (
        isinstance(operand, Literal) and isinstance(operand.value, bool)
    )
