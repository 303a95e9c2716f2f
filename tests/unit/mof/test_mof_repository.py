"""Loading: the cache, a user's own schema, and the prefixes of our classes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from xencim.mof import cache, compiler, repository, sources
from xencim.mof.declarations import SchemaError, classes_named_by
from xencim.mof.model import ClassRepository
from xencim.mof.prefix import is_ours, prefixed, with_prefixes
from xencim.mof.repository import load
from xencim.mof.resolve import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from xencim.mof.model import ClassDecl

MINIATURE = {
    "qualifiers.mof": "Qualifier Key : boolean = false, Scope(property), Flavor(DisableOverride);",
    "Core/CIM_Thing.mof": "class CIM_Thing { [Key] string Name; };",
    "cim_schema_9.9.9.mof": '#pragma include ("Core/CIM_Thing.mof")',
}


def _model(found: ClassRepository) -> tuple[dict[str, ClassDecl], object]:
    return dict(found.classes), dict(found.qualifiers)


def test_without_a_schema_the_packaged_one_and_ours_are_there() -> None:
    schema = load()
    assert (schema.version, schema.taken_from_ours) == ("2.49.0", ())
    assert schema.repository.lineage("kvm_computersystem") == ()
    assert schema.repository.lineage("xen_computersystem") == (
        "Xen_ComputerSystem",
        "CIM_ComputerSystem",
        "CIM_System",
        "CIM_AllocatedLogicalElement",
        "CIM_EnabledLogicalElement",
        "CIM_LogicalElement",
        "CIM_ManagedSystemElement",
        "CIM_ManagedElement",
    )
    system = schema.repository.find("CIM_ComputerSystem")
    assert system is not None
    assert [p.name for p in system.keys] == ["Name", "CreationClassName"]


def test_every_class_of_our_own_says_what_it_is() -> None:
    ours = [decl for decl in load().repository.classes.values() if is_ours(decl.name)]
    assert ours
    assert [decl.name for decl in ours if not decl.qualifier("Description")] == []


def test_a_second_load_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(cache_dir=tmp_path / "new")
    monkeypatch.setattr(compiler, "compile_mof", None)
    second = load(cache_dir=tmp_path / "new")
    assert _model(second.repository) == _model(first.repository)
    assert second.version == first.version
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["schema.json"]


def test_a_cached_schema_needs_no_pywbem(tmp_path: Path) -> None:
    load(cache_dir=tmp_path)
    program = (
        "import pathlib, sys; from xencim.mof.repository import load; "
        "load(cache_dir=pathlib.Path(sys.argv[1])); print('pywbem' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"format": 1}',
        b'{"format": 1, "key": KEY, "types": [[]], "qualifiers": [], "classes": [], "supplied": []}',
        b'{"format": 1, "key": KEY, "types": [], "qualifiers": [], "classes": [[1]], "supplied": []}',
        b'{"format": 1, "key": KEY, "types": [], "qualifiers": [], "classes": [["A", 0, [], [], [7]]]}',
    ],
)
def test_a_broken_cache_is_written_anew(
    tmp_path: Path, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    expected = load(cache_dir=tmp_path)
    file = tmp_path / "schema.json"
    whole = file.read_bytes()
    file.write_bytes(broken.replace(b"KEY", json.dumps(json.loads(whole)["key"]).encode()))
    assert _model(load(cache_dir=tmp_path).repository) == _model(expected.repository)
    assert file.read_bytes() == whole
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("stale", [{"key": "of other texts"}, {"format": 0}])
def test_a_stale_cache_is_written_anew(tmp_path: Path, stale: dict[str, object]) -> None:
    expected = load(cache_dir=tmp_path)
    file = tmp_path / "schema.json"
    whole = file.read_bytes()
    file.write_text(json.dumps({**json.loads(whole), "classes": [], **stale}))
    assert _model(load(cache_dir=tmp_path).repository) == _model(expected.repository)
    assert file.read_bytes() == whole


def test_another_version_of_the_program_compiles_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(cache_dir=tmp_path)
    before = json.loads((tmp_path / "schema.json").read_bytes())["key"]
    monkeypatch.setattr(repository, "__version__", "other")
    load(cache_dir=tmp_path)
    assert json.loads((tmp_path / "schema.json").read_bytes())["key"] != before


def test_a_cache_that_cannot_be_written_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "file"
    place.write_text("no folder")
    with caplog.at_level(logging.WARNING):
        schema = load(cache_dir=place)
    assert schema.repository.find("CIM_System") is not None
    assert "the compiled schema cannot be kept" in caplog.text


def test_no_cache_is_read_where_there_is_none(tmp_path: Path) -> None:
    assert cache.read(tmp_path, "key") is None
    assert list(tmp_path.iterdir()) == []


def test_values_of_every_kind_survive_the_cache(tmp_path: Path) -> None:
    mof = """
        Qualifier List : string[] = {"a", null}, Scope(any);
        Qualifier When : datetime, Scope(any), Flavor(DisableOverride, Restricted, ToInstance, Translatable);
        class A { [List{"x"}, When("00000001000000.000000:000")] datetime P = "20240102030405.000006+060";
          real32 R = 1.5; boolean B[2] = {true, null}; uint64 Big = 18446744073709551615; };
        """
    declared = compiler.compile_mof({"a": mof}).supplied_from(compiler.compile_mof({"b": "class B { };"}))
    cache.write(tmp_path, "key", declared)
    assert cache.read(tmp_path, "key") == declared
    assert cache.read(tmp_path, "other") is None


def _write(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_schema_of_the_users_is_completed_from_ours(tmp_path: Path) -> None:
    theirs = """class CIM_ManagedElement {
      string Theirs; string InstanceID; uint64 Generation;
      string Caption; string Description; string ElementName;
    };"""
    mine = "class Xen_ComputerSystem : CIM_Thing { };"
    folder = _write(tmp_path / "s", {**MINIATURE, "CIM_ManagedElement.mof": theirs, "Xen_Mine.mof": mine})
    schema = load(folder, tmp_path / "cache")
    names = {name for name in load().repository.classes if not is_ours(name)}
    assert schema.version == "9.9.9"
    assert {name.lower() for name in schema.taken_from_ours} == names - {"cim_managedelement"}
    system = schema.repository.find("CIM_System")
    assert system is not None
    assert system.find_property("Theirs") is not None
    # Under our prefix, our classes are meant.
    assert schema.repository.lineage("Xen_ComputerSystem")[1] == "CIM_ComputerSystem"
    again = load(folder, tmp_path / "cache")
    assert _model(again.repository) == _model(schema.repository)
    assert (again.version, again.taken_from_ours) == (schema.version, schema.taken_from_ours)


def test_a_schema_may_be_an_archive_with_a_folder_around_it(tmp_path: Path) -> None:
    archive = tmp_path / "schema.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, text in MINIATURE.items():
            packed.writestr(f"cim/{name}", text)
    found = sources.given_schema(archive)
    assert found.version == "9.9.9"
    assert list(found.texts) == ["cim/qualifiers.mof", "cim/Core/CIM_Thing.mof"]


@pytest.mark.parametrize("kind", ["absent", "no archive", "empty", "not UTF-8", "no MOF", "not whole"])
def test_a_schema_that_cannot_be_used_is_an_error_that_names_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "schema"
    if kind == "no archive":
        path.write_text("no archive")
    elif kind != "absent":
        path.mkdir()
    contents = {"not UTF-8": b"\xff", "no MOF": b"class", "not whole": b"class CIM_System : CIM_Thing { };"}
    if kind in contents:
        (path / "a.mof").write_bytes(contents[kind])
    with pytest.raises(SchemaError) as raised:
        load(path)
    assert str(raised.value).startswith(f"{path}: ")


def test_the_digest_depends_on_the_borders_of_texts() -> None:
    assert sources.digest("ab", "c") != sources.digest("a", "bc") != sources.digest("abc")


def test_one_prefix_is_the_mof_itself() -> None:
    found = load().repository
    assert with_prefixes(found, ["Xen"]) is found
    assert with_prefixes(found, iter(("Xen", "Xen"))) is found


def test_a_prefix_leaves_no_other_behind() -> None:
    found = load().repository
    served = with_prefixes(found, ["KVM"])
    assert len(served.classes) == len(found.classes)
    for decl in served.classes.values():
        names = [decl.name, *classes_named_by(decl), *(p.class_origin for p in decl.properties)]
        names += [m.class_origin for m in decl.methods]
        assert [name for name in names if is_ours(name)] == []
        assert [name for name in classes_named_by(decl) if served.find(name) is None] == []
    assert served.lineage("KVM_ComputerSystem")[:2] == ("KVM_ComputerSystem", "CIM_ComputerSystem")
    assert served.find("CIM_System") is found.find("CIM_System")


def test_prefixes_stand_side_by_side() -> None:
    found = load().repository
    served = with_prefixes(found, ["LXC", "Xen"])
    ours = [decl.name for decl in found.classes.values() if is_ours(decl.name)]
    assert {decl.name for decl in served.classes.values() if not decl.name.startswith("CIM_")} == {
        *ours,
        *(f"LXC_{name[4:]}" for name in ours),
    }
    assert served.find("Xen_ComputerSystem") is found.find("Xen_ComputerSystem")
    assert set(served.subclasses("CIM_ComputerSystem", deep=False)) >= {
        "Xen_ComputerSystem",
        "LXC_ComputerSystem",
    }


def test_without_a_prefix_only_dmtf_classes_are_left() -> None:
    assert {name[:4] for name in with_prefixes(load().repository, ()).classes} == {"cim_"}


def test_a_prefix_goes_to_names_and_never_to_text() -> None:
    mof = """
        Qualifier Description : string, Scope(any);
        Qualifier EmbeddedInstance : string, Scope(property, method, parameter);
        Qualifier Propagated : string, Scope(property);
        [Description("Xen_A is Xen_A")]
        class Xen_A : CIM_Thing { [Description("Xen_A"), Propagated("Xen_B.P")] string P = "Xen_A"; };
        class Xen_B : Xen_A {
          [EmbeddedInstance("Xen_A")] string E;
          Xen_A REF R;
          [EmbeddedInstance("Xen_A")] string M(Xen_B REF Q, [EmbeddedInstance("CIM_Thing")] string T);
        };"""
    declared = compiler.compile_mof(MINIATURE | {"xen.mof": mof})
    served = with_prefixes(ClassRepository(resolve(declared.classes).values(), ()), ["KVM"])
    a, b = served.find("KVM_A"), served.find("KVM_B")
    assert a is not None
    assert b is not None
    assert (a.superclass, b.superclass) == ("CIM_Thing", "KVM_A")
    assert a.qualifier("Description") == "Xen_A is Xen_A"
    properties = {p.name: p for p in b.properties}
    assert properties["P"].value == "Xen_A"
    assert [(q.name, q.value) for q in properties["P"].qualifiers] == [
        ("Description", "Xen_A"),
        ("Propagated", "KVM_B.P"),
    ]
    assert {p.name: p.class_origin for p in b.properties} == {
        "Name": "CIM_Thing",
        "P": "KVM_A",
        "E": "KVM_B",
        "R": "KVM_B",
    }
    assert (properties["E"].embedded, properties["R"].reference_class) == ("KVM_A", "KVM_A")
    (method,) = b.methods
    assert method.class_origin == "KVM_B"
    assert [q.value for q in method.qualifiers] == ["KVM_A"]
    assert [(p.reference_class, p.embedded) for p in method.parameters] == [
        ("KVM_B", None),
        (None, "CIM_Thing"),
    ]


@pytest.mark.parametrize(
    ("name", "served"),
    [("Xen_A", "KVM_A"), ("xen_a", "KVM_a"), ("CIM_A", "CIM_A"), ("XenA", "XenA"), ("Xen_", "KVM_")],
)
def test_a_name_is_prefixed_when_it_is_ours(name: str, served: str) -> None:
    assert prefixed(name, "KVM") == served
