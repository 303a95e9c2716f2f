"""Registration with sfcb on a made-up tree: staged files, its repository tool, other providers' files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xencim.cimom_glue.registration.errors import RegistrationError
from xencim.cimom_glue.registration.record import registered_names, registered_users, user_name
from xencim.cimom_glue.registration.registration import Registrar
from xencim.cimom_glue.registration.sfcb import Sfcb
from xencim.cimom_glue.registration.staged import classes_in, sections_in, without_classes, without_sections

from .registration_world import OURS, wanted

THEIR_MOF = """\
// class Xen_Comment { };
[Description("class Xen_Text {")]
class Xen_Machine : CIM_Machine { string Theirs = "};"; };
[Key] // not so
class Xen_Other { [Description("[")] string Name; };
"""
THEIR_SECTIONS = """\
[Xen_Machine]
   provider: Theirs
   location: libtheirs
   type: instance
   namespace: root/virt root/other
#
[Xen_Other]
   provider: Theirs
   location: libtheirs
   type: instance
   namespace: root/virt
#
"""


def made(root: Path) -> int:
    """Return how often the repository was made."""
    path = root / "made"
    return len(path.read_text().splitlines()) if path.exists() else 0


def registrar(root: Path, ours: str = OURS) -> Registrar:
    return Registrar(Sfcb(root), [wanted(ours)], root / "state")


def stage_theirs(root: Path) -> tuple[Path, Path]:
    stage = root / "var/lib/sfcb/stage"
    mof, sections = stage / "mofs/root/virt/theirs.mof", stage / "regs/theirs.reg"
    mof.write_text(THEIR_MOF)
    sections.write_text(THEIR_SECTIONS)
    return mof, sections


def test_files_are_staged_and_the_repository_is_made_once(root: Path, library: Path) -> None:
    outcome = registrar(root).register(None, library, take_over=False, dry=False)
    assert outcome.changed
    stage = root / "var/lib/sfcb/stage"
    assert (stage / "regs/xencim.reg").read_text() == (
        "[Xen_Machine]\n   provider: xencim_Xen_Machine\n   location: xencim_cmpi\n"
        "   type: instance method\n   namespace: root/virt\n#\n"
    )
    assert (stage / "mofs/root/virt/xencim.mof").read_text() == (
        "// Written by xencim register: changes are lost at the next registration.\n\n"
        '[Description("A machine.")]\nclass Xen_Machine : CIM_Machine {\n\n'
        '  [Override("Owner")]\n  string Owner;\n\n  string Reference;\n\n  uint64 Memory;\n};\n'
    )
    assert (root / "lib/cmpi/libxencim_cmpi.so").resolve() == library
    assert made(root) == 1
    again = registrar(root).register(None, None, take_over=False, dry=False)
    assert not again.changed
    assert made(root) == 1
    assert registered_users(root / "state") == {user_name(root.stat().st_uid)}
    assert registered_names(root / "state") == {"root/virt": "root/virt", "interop": "root/interop"}


def test_a_dry_run_changes_nothing(root: Path, library: Path) -> None:
    outcome = registrar(root).register(None, library, take_over=False, dry=True)
    assert outcome.changed
    assert outcome.files is not None
    assert [Path(name).name for name in outcome.files] == ["xencim.mof", "xencim.reg"]
    assert not list(root.glob("var/lib/sfcb/stage/*/**/xencim.*"))
    assert not (root / "state").exists()
    assert not list((root / "lib/cmpi").iterdir())
    assert made(root) == 0


def test_status_names_what_differs(root: Path, library: Path) -> None:
    assert registrar(root).status() is None
    registrar(root).register(None, library, take_over=False, dry=False)
    found = registrar(root).status()
    assert found is not None
    assert found.differences == ()
    (root / "var/lib/sfcb/stage/regs/xencim.reg").unlink()
    (root / "lib/cmpi/libxencim_cmpi.so").unlink()
    found = registrar(root).status()
    assert found is not None
    assert found.differences == (
        "not registered: Xen_Machine root/virt",
        "libxencim_cmpi.so is not where the CIMOM looks for it",
    )
    newer = OURS.replace("uint64 Memory", "uint64 MemoryBytes")
    found = registrar(root, newer).status()
    assert found is not None
    assert "classes are not as they are served now, or the CIMOM's own have changed" in found.differences


def test_an_older_registration_is_brought_up_to_date(root: Path, library: Path) -> None:
    registrar(root).register(None, library, take_over=False, dry=False)
    newer = OURS.replace("uint64 Memory", "uint64 MemoryBytes")
    assert registrar(root, newer).register(None, None, take_over=False, dry=False).changed
    assert "MemoryBytes" in (root / "var/lib/sfcb/stage/mofs/root/virt/xencim.mof").read_text()
    record = next((root / "state/registrations").glob("*.json"))
    data = json.loads(record.read_text())
    data["version"] = "0.0.1"
    record.write_text(json.dumps(data))
    assert registrar(root, newer).register(None, None, take_over=False, dry=False).changed
    assert not registrar(root, newer).register(None, None, take_over=False, dry=False).changed


def test_somebody_elses_classes_stop_it_unless_they_are_taken_over(root: Path, library: Path) -> None:
    mof, sections = stage_theirs(root)
    with pytest.raises(RegistrationError, match="of libtheirs: Xen_Machine"):
        registrar(root).register(None, library, take_over=False, dry=False)
    assert made(root) == 0
    registrar(root).register(None, library, take_over=True, dry=False)
    assert [found.name for found in classes_in(mof.read_text())] == ["Xen_Other"]
    assert [(s.name, s.namespaces) for s in sections_in(sections.read_text())] == [
        ("Xen_Machine", ("root/other",)),
        ("Xen_Other", ("root/virt",)),
    ]
    assert registrar(root).unregister(dry=False).changed
    assert mof.read_text() == THEIR_MOF
    assert sections.read_text() == THEIR_SECTIONS
    assert not list(root.glob("var/lib/sfcb/stage/*/**/xencim.*"))
    assert not (root / "lib/cmpi/libxencim_cmpi.so").is_symlink()
    assert not registrar(root).unregister(dry=False).changed


def test_a_repository_that_cannot_be_made_is_told_and_mended(root: Path, library: Path) -> None:
    (root / "broken").touch()
    with pytest.raises(RegistrationError, match="sfcbrepos -f: exit code 1: cannot compile"):
        registrar(root).register(None, library, take_over=False, dry=False)
    assert not list(root.glob("var/lib/sfcb/stage/*/**/xencim.*"))
    (root / "broken").unlink()
    found = registrar(root).status()
    assert found is not None
    assert found.differences[0] == "the last registration was interrupted"
    assert registrar(root).register(None, None, take_over=False, dry=False).changed
    found = registrar(root).status()
    assert found is not None
    assert found.differences == ()


def test_a_library_that_is_nowhere_is_asked_for(root: Path) -> None:
    with pytest.raises(RegistrationError, match=r"libxencim_cmpi\.so is in none of"):
        registrar(root).register(None, None, take_over=False, dry=False)


def test_texts_are_cut_where_classes_and_sections_end() -> None:
    assert [(found.name, found.superclass) for found in classes_in(THEIR_MOF)] == [
        ("Xen_Machine", "CIM_Machine"),
        ("Xen_Other", None),
    ]
    assert without_classes(THEIR_MOF, ["XEN_MACHINE"]) == (
        "// class Xen_Comment { };\n" + THEIR_MOF[THEIR_MOF.index("[Key]") :]
    )
    assert (
        without_sections(THEIR_SECTIONS, ["xen_other"], "ROOT/VIRT")
        == (THEIR_SECTIONS[: THEIR_SECTIONS.index("[Xen_Other]")])
    )
