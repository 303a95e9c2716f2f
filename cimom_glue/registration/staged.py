"""The texts in sfcb's staging directory: which classes and registrations are in them, and without some.

Source: DSP0004 2.8, annex A (class declarations); sfcb's default.reg.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# Strings and comments hold braces and words that mean nothing.
_TOKEN = re.compile(
    r"""(?P<skip>"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/)"""
    r"""|(?P<head>\bclass\s+(?P<name>\w+)\s*(?::\s*(?P<above>\w+)\s*)?(?=\{))|(?P<mark>[\[\]{};])""",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class StagedClass:
    """A class declaration and where it is in its text, qualifiers included."""

    name: str
    superclass: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """A registration of a class; ``kinds`` are the words behind ``type``."""

    name: str
    location: str
    kinds: tuple[str, ...]
    namespaces: tuple[str, ...]


def classes_in(text: str) -> Iterator[StagedClass]:
    """Yield the classes that a MOF text declares."""
    depth = 0
    begin: int | None = None
    head: re.Match[str] | None = None
    for token in _TOKEN.finditer(text):
        if token["head"] and depth == 0:
            head = token
            begin = token.start() if begin is None else begin
        elif token["mark"] in {"[", "{"}:
            if depth == 0 and begin is None and token["mark"] == "[":
                begin = token.start()
            depth += 1
        elif token["mark"] in {"]", "}"}:
            depth -= 1
        elif token["mark"] == ";" and depth == 0:
            if head is not None and begin is not None:
                yield StagedClass(head["name"], head["above"], begin, token.end())
            begin = head = None


def without_classes(text: str, names: Collection[str]) -> str:
    """Return a MOF text without some of its classes."""
    unwanted = {name.lower() for name in names}
    for found in reversed(tuple(classes_in(text))):
        if found.name.lower() in unwanted:
            text = text[: found.start] + text[found.end :].lstrip("\n")
    return text


def sections_in(text: str) -> Iterator[Section]:
    """Yield the registrations in a text."""
    for lines in _split(text):
        values = {
            key.strip().lower(): value.split()
            for key, _, value in (line.partition(":") for line in lines[1:] if not line.startswith("#"))
        }
        yield Section(
            name=lines[0].strip().strip("[]"),
            location=" ".join(values.get("location", ())),
            kinds=tuple(values.get("type", ())),
            namespaces=tuple(values.get("namespace", ())),
        )


def without_sections(text: str, names: Collection[str], namespace: str) -> str:
    """Return a text without the registrations of some classes in a namespace."""
    unwanted = {name.lower() for name in names}
    kept = []
    for lines in _split(text):
        if lines[0].strip().strip("[]").lower() in unwanted:
            rest = _other_namespaces(lines, namespace)
            if not rest:
                continue
            lines = [  # noqa: PLW2901 - the same section, in fewer namespaces
                f"   namespace: {' '.join(rest)}" if _is_namespace(line) else line for line in lines
            ]
        kept += lines
    return "".join(f"{line}\n" for line in kept)


def _split(text: str) -> Iterator[list[str]]:
    lines: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            if lines:
                yield lines
            lines = [line]
        elif lines:
            lines.append(line)
    if lines:
        yield lines


def _is_namespace(line: str) -> bool:
    return line.partition(":")[0].strip().lower() == "namespace"


def _other_namespaces(lines: list[str], namespace: str) -> list[str]:
    found = [line.partition(":")[2].split() for line in lines if _is_namespace(line)]
    return [name for names in found for name in names if name.lower() != namespace.lower()]
