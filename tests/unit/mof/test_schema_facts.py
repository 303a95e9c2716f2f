"""The packaged schema says what the official archives say, fact by fact, and nothing else."""

from __future__ import annotations

import pathlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from xencim.mof import generate, sources
from xencim.mof.compiler import _Compiler, _Repository
from xencim.mof.repository import load
from xencim.mof.selection import DESCRIPTIONS, DIRECT, EXPERIMENTAL

if TYPE_CHECKING:
    from collections.abc import Iterable

FREE_TEXT = ("Description", "MappingStrings", "ModelCorrespondence", "UMLPackagePath")
Parsed = dict[str, Any]


@pytest.fixture(scope="module")
def final(shared_dir: pathlib.Path) -> pathlib.Path:
    return _archive(shared_dir / "schema" / "cim_schema_2.49.0Final-MOFs.zip")


@pytest.fixture(scope="module")
def experimental(shared_dir: pathlib.Path) -> pathlib.Path:
    return _archive(shared_dir / "schema" / "cim_schema_2.41.0Experimental-MOFs.zip")


def _archive(path: pathlib.Path) -> pathlib.Path:
    if not path.is_file():
        pytest.skip(f"the official archive {path} is not there")
    return path


def _parse(texts: dict[str, str]) -> tuple[Parsed, Parsed]:
    """Return pywbem's own view of MOF, before any conversion of ours: classes and qualifier types."""
    repository = _Repository()
    compiler = _Compiler(repository, log_func=None)
    for text in texts.values():
        compiler.compile_string(text, "root")
    return repository._classes, repository._qualifiers


@pytest.fixture(scope="module")
def ours() -> tuple[Parsed, Parsed]:
    return _parse(sources.packaged_schema().texts)


@pytest.fixture(scope="module")
def official(
    final: pathlib.Path, experimental: pathlib.Path, ours: tuple[Parsed, Parsed]
) -> tuple[Parsed, Parsed]:
    classes, qualifiers = _parse(generate._files_of(ours[0], sources.given_schema(final).texts))
    trial, _ = _parse(generate._files_of(EXPERIMENTAL, sources.given_schema(experimental).texts))
    return trial | classes, qualifiers


def _elements(decl: Any) -> list[Any]:  # noqa: ANN401 - pywbem has no types
    parameters = [p for m in decl.methods.values() for p in m.parameters.values()]
    return [decl, *decl.properties.values(), *decl.methods.values(), *parameters]


def _strip(decl: Any) -> Any:  # noqa: ANN401 - pywbem has no types
    """Return a class without free text, and with the flavours that pywbem leaves open."""
    bare = decl.copy()
    for element in _elements(bare):
        for name in FREE_TEXT:
            element.qualifiers.pop(name, None)
        for qualifier in element.qualifiers.values():
            _close(qualifier)
    return bare


def _close(flavored: Any) -> None:  # noqa: ANN401 - pywbem has no types
    """Set flavours that the MOF does not say to the standard's default."""
    flavored.overridable = flavored.overridable is not False
    flavored.tosubclass = flavored.tosubclass is not False


def _names(items: Iterable[Any]) -> list[str]:
    return [item.name for item in items]


def test_every_class_is_the_official_one_without_its_free_text(
    ours: tuple[Parsed, Parsed], official: tuple[Parsed, Parsed]
) -> None:
    assert ours[0].keys() == official[0].keys()
    for key, mine in ours[0].items():
        bare, expected = _strip(mine), _strip(official[0][key])
        # pywbem compares without order and case of names, but with flavours, defaults and array sizes.
        assert bare == expected
        assert (bare.classname, bare.superclass) == (expected.classname, expected.superclass)
        assert _names(bare.properties.values()) == _names(expected.properties.values())
        assert _names(bare.methods.values()) == _names(expected.methods.values())
        for method in bare.methods.values():
            assert _names(method.parameters.values()) == _names(
                expected.methods[method.name].parameters.values()
            )


def test_the_only_free_text_is_our_own(ours: tuple[Parsed, Parsed]) -> None:
    found = {
        (decl.classname, element.name if element is not decl else "", name): element.qualifiers[name].value
        for decl in ours[0].values()
        for element in _elements(decl)
        for name in FREE_TEXT
        if name in element.qualifiers
    }
    described = {name: text for name, text in DESCRIPTIONS.items() if name.lower() in ours[0]}
    assert found == {(name, "", "Description"): text for name, text in described.items()}


def test_every_qualifier_type_is_the_official_one(
    ours: tuple[Parsed, Parsed], official: tuple[Parsed, Parsed]
) -> None:
    assert ours[1].keys() == official[1].keys()
    for key, mine in ours[1].items():
        expected = official[1][key].copy()
        _close(expected)
        assert mine == expected
        assert mine.name == expected.name


def test_the_generator_writes_what_is_there(
    final: pathlib.Path, experimental: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--final", str(final), "--experimental", str(experimental), "--check"]
    assert (generate.main(arguments), capsys.readouterr().err) == (0, "")


def test_only_the_classes_needed_are_there(ours: tuple[Parsed, Parsed]) -> None:
    classes = {key: decl for key, decl in load().repository.classes.items() if not key.startswith("cim_")}
    needed = {name.lower() for name in DIRECT}
    for decl in classes.values():
        needed |= {name.lower() for name in re.findall(r"CIM_\w+", _names_in(decl.name))}
    assert needed <= ours[0].keys()


def _names_in(class_name: str) -> str:
    text = "\n".join(sources.packaged_classes().values())
    body = re.search(rf"class {class_name}\b.*?^}};", text, re.DOTALL | re.MULTILINE | re.IGNORECASE)
    assert body is not None
    return re.sub(r'"(?:[^"\\]|\\.)*"', "", body[0])


def test_the_index_includes_every_file(ours: tuple[Parsed, Parsed]) -> None:
    folder = pathlib.Path(generate.__file__).with_name("schema")
    index = (folder / "cim_schema_2.49.0.mof").read_text()
    included = re.findall(r'#pragma include \("([^"]+)"\)', index)
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*.mof")}
    assert sorted(included) == sorted(present - {"cim_schema_2.49.0.mof"})
    assert len(ours[0]) == len(included) - 1


@pytest.mark.parametrize("packed", [True, False])
def test_a_full_official_schema_takes_the_place_of_ours(
    final: pathlib.Path, tmp_path: pathlib.Path, *, packed: bool
) -> None:
    path = final
    if not packed:
        path = tmp_path
        for name, text in sources.given_schema(final).texts.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(text)
        (path / "cim_schema_2.49.0.mof").write_text("// the index")
    schema = load(path)
    assert schema.version == "2.49.0"
    assert schema.taken_from_ours == EXPERIMENTAL
    assert len(schema.repository.subclasses(None, deep=True)) == len(schema.repository.classes) > 1600
    system = schema.repository.find("Xen_ComputerSystem")
    assert system is not None
    identity = system.find_property("OtherIdentifyingInfo")
    assert identity is not None
    assert isinstance(identity.qualifier("Description"), str)


def test_an_experimental_schema_has_all_of_ours(experimental: pathlib.Path) -> None:
    schema = load(experimental)
    assert (schema.version, schema.taken_from_ours) == ("2.41.0", ())
