"""Write ``mof/schema``, the part of the DMTF schema that we build on, from the official archives.

    python -m xencim.mof.generate --final ZIP --experimental ZIP [--check]

What is written are facts: classes, superclasses, properties, types, parameters, reference classes,
defaults, qualifier types, and all qualifiers but free text. Which classes: those of ``selection``, those
that our own MOF names, and all that these cannot do without. ``--check`` writes nothing and fails on a
difference.

Source: DMTF CIM Schema 2.49.0 Final, and 2.41.0 Experimental for ``selection.EXPERIMENTAL``.
Errors: one line on standard error, exit code 1.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.mof import sources
from xencim.mof.compiler import compile_mof
from xencim.mof.declarations import Declarations, SchemaError, classes_named_by
from xencim.mof.model import ClassDecl, MethodDecl, ParameterDecl, PropertyDecl, Qualifier
from xencim.mof.selection import DESCRIPTIONS, DIRECT, EXPERIMENTAL
from xencim.mof.writer import class_text, qualifier_decl_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FREE_TEXT = frozenset({"description", "mappingstrings", "modelcorrespondence", "umlpackagepath"})
_HEADER = "// Facts of the DMTF CIM Schema {version}, written by xencim.mof.generate.\n\n"
_FOLDER = pathlib.Path(__file__).with_name("schema")


def generate(final: pathlib.Path, experimental: pathlib.Path) -> dict[str, str]:
    """Return the files of the schema: their text by their path."""
    official, trial = sources.given_schema(final), sources.given_schema(experimental)
    declared, tried = compile_mof(official.texts), compile_mof(_files_of(EXPERIMENTAL, trial.texts))
    places = _places(trial.texts) | _places(official.texts)
    versions = dict.fromkeys(declared.classes, f"{official.version} Final")
    for name, decl in tried.classes.items():
        if name in declared.classes:
            raise SchemaError(f"{decl.name} is in {final} too: take it out of selection.EXPERIMENTAL")
        declared.classes[name] = decl
        versions[name] = f"{trial.version} Experimental"
    wanted = closure(declared.classes, (*DIRECT, *_named_by_ours(official.texts)))
    files = {
        "qualifiers.mof": _HEADER.format(version=f"{official.version} Final") + _qualifier_types(declared)
    }
    for name, decl in wanted.items():
        files[places[name]] = _HEADER.format(version=versions[name]) + class_text(
            facts(decl), declared.qualifiers
        )
    includes = "".join(f'#pragma include ("{path}")\n' for path in files)
    files[f"cim_schema_{official.version}.mof"] = (
        _HEADER.format(version=f"{official.version} Final") + includes
    )
    return files


def closure(declared: Mapping[str, ClassDecl], names: Iterable[str]) -> dict[str, ClassDecl]:
    """Return the named classes and what they cannot do without: superclasses first, associations last."""
    found: dict[str, ClassDecl] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name.lower() in found:
            continue
        if name.lower() not in declared:
            raise SchemaError(f"no class {name} in the archives: is it one for selection.EXPERIMENTAL?")
        found[name.lower()] = declared[name.lower()]
        todo += classes_named_by(declared[name.lower()])
    ordered: dict[str, ClassDecl] = {}
    for name in sorted(found, key=lambda key: (found[key].is_association, key)):
        _add_with_superclasses(name, found, ordered)
    return ordered


def facts(decl: ClassDecl) -> ClassDecl:
    """Return the class without free text, but with our own line about it where there is one."""
    own = DESCRIPTIONS.get(decl.name)
    # Restricted: a line about a class is none about its subclasses.
    described = (Qualifier("Description", "string", own, tosubclass=False, translatable=True),) if own else ()
    return replace(
        decl,
        properties=tuple(_element_facts(p) for p in decl.properties),
        methods=tuple(_method_facts(m) for m in decl.methods),
        qualifiers=(*_without_text(decl.qualifiers), *described),
    )


def _element_facts(element: PropertyDecl) -> PropertyDecl:
    return replace(element, qualifiers=_without_text(element.qualifiers))


def _method_facts(method: MethodDecl) -> MethodDecl:
    parameters: tuple[ParameterDecl, ...] = tuple(
        replace(p, qualifiers=_without_text(p.qualifiers)) for p in method.parameters
    )
    return replace(method, qualifiers=_without_text(method.qualifiers), parameters=parameters)


def _without_text(qualifiers: tuple[Qualifier, ...]) -> tuple[Qualifier, ...]:
    return tuple(q for q in qualifiers if q.name.lower() not in FREE_TEXT)


def _add_with_superclasses(name: str, found: dict[str, ClassDecl], ordered: dict[str, ClassDecl]) -> None:
    if name in ordered:
        return
    decl = found[name]
    if decl.superclass:
        _add_with_superclasses(decl.superclass.lower(), found, ordered)
    ordered[name] = decl


def _places(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the file of each class: the archives have one class a file, named after it."""
    return {pathlib.PurePosixPath(path).stem.lower(): path for path in texts}


def _files_of(names: Iterable[str], texts: Mapping[str, str]) -> dict[str, str]:
    """Return the files of the named classes, and those of the qualifier types."""
    wanted = {name.lower() for name in names} | {"qualifiers", "qualifiers_optional"}
    return {path: text for path, text in texts.items() if pathlib.PurePosixPath(path).stem.lower() in wanted}


def _named_by_ours(official: Mapping[str, str]) -> list[str]:
    """Return the DMTF classes that our own MOF names."""
    ours = compile_mof(_files_of((), official) | sources.packaged_classes()).classes
    named = [name for decl in ours.values() for name in classes_named_by(decl)]
    return [name for name in named if name.lower() not in ours]


def _qualifier_types(declared: Declarations) -> str:
    return "\n".join(qualifier_decl_text(q) for q in declared.qualifiers.values())


def _differences(files: Mapping[str, str], folder: pathlib.Path) -> list[str]:
    present = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*.mof")}
    return [
        *(
            path
            for path, text in files.items()
            if path not in present or present[path].read_text("utf-8") != text
        ),
        *(path for path in present if path not in files),
    ]


def _write(files: Mapping[str, str], folder: pathlib.Path) -> None:
    for path in _differences(files, folder):
        target = folder / path
        if path in files:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(files[path], encoding="utf-8")
        else:
            target.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m xencim.mof.generate", description=__doc__)
    parser.add_argument("--final", type=pathlib.Path, required=True, help="the archive of 2.49.0 Final")
    parser.add_argument(
        "--experimental", type=pathlib.Path, required=True, help="that of 2.41.0 Experimental"
    )
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    options = parser.parse_args(arguments)
    try:
        files = generate(options.final, options.experimental)
    except SchemaError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not options.check:
        _write(files, _FOLDER)
        return 0
    differences = _differences(files, _FOLDER)
    sys.stderr.write("".join(f"{path} differs\n" for path in differences))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
