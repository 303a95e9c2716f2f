"""All registrations at once, from the command line; the library that came along; who may read the record."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.cli.main import main
from xencim.cimom_glue.registration import tools
from xencim.cimom_glue.registration.record import read_records
from xencim.cimom_glue.registration.registration import Registrar
from xencim.cimom_glue.registration.sfcb import Sfcb

from .registration_world import wanted

if TYPE_CHECKING:
    from pathlib import Path

    from xencim.cimom_glue.registration.registration import Cimom


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory, and commands that want a small world."""

    def registrar(_config: object, cimom: Cimom) -> Registrar:
        return Registrar(cimom, [wanted()], tmp_path / "state")

    monkeypatch.setattr("xencim.cimom_glue.cli.registration.command._registrar", registrar)
    monkeypatch.setenv("XENCIM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("XENCIM_CONFIG", raising=False)
    return tmp_path / "state"


@pytest.fixture
def packaged(library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tools, "_PACKAGED", library)
    return library


def two(root: Path) -> tuple[Path, Path]:
    other = root.with_name("other")
    shutil.copytree(root, other)
    return root, other


def test_the_packaged_library_is_found_by_itself(root: Path, packaged: Path) -> None:
    Registrar(Sfcb(root), [wanted()], root / "state").register(None, None, take_over=False, dry=False)
    assert (root / "lib/cmpi/libxencim_cmpi.so").readlink() == packaged


@pytest.mark.usefixtures("packaged")
def test_again_brings_all_up_to_date(root: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = two(root)
    for one in roots:
        assert main(["register", "sfcb", "--root", str(one)]) == 0
    staged = [one / "var/lib/sfcb/stage/regs/xencim.reg" for one in roots]
    staged[1].unlink()
    capsys.readouterr()
    assert main(["register", "again"]) == 0
    assert f"sfcb in {root} is registered as it should be" in capsys.readouterr().out
    assert [path.exists() for path in staged] == [True, True]
    assert len(read_records(state)) == 2


@pytest.mark.usefixtures("packaged")
def test_one_that_cannot_be_undone_keeps_no_other_from_it(
    root: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = two(root)
    for one in roots:
        assert main(["register", "sfcb", "--root", str(one)]) == 0
    shutil.rmtree(roots[1] / "share")
    capsys.readouterr()
    assert main(["unregister", "all"]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [f"no longer registered with sfcb in {roots[0]}"]
    assert f"xencim: sfcb in {roots[1]}: there is no /share/sfcb/CIM/CIM_Schema.mof" in told.err
    assert [record.root for record in read_records(state)] == [str(roots[1])]


@pytest.mark.usefixtures("state")
def test_all_of_them_take_nothing_that_is_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unregister", "all", "--root", "/opt"]) != 0
    assert "--root goes with one CIMOM, not with all" in capsys.readouterr().err
    assert main(["register", "again", "--namespace", "root/cimv2"]) != 0
    assert "--namespace goes with one CIMOM, not with again" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.usefixtures("packaged")
def test_records_are_the_servers_own_users(root: Path) -> None:
    state = root / "state"
    state.mkdir()
    os.chown(state, 12345, 12346)
    Registrar(Sfcb(root), [wanted()], state).register(None, None, take_over=False, dry=False)
    (record,) = state.glob("registrations/*.json")
    for path in (record, record.parent):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)
