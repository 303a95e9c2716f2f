"""The archives that are installed: built from the tree, and holding all of it that runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from typing import TYPE_CHECKING

import pytest

import xencim

if TYPE_CHECKING:
    from pathlib import Path

HAS_COMPILER = all(shutil.which(program) for program in ("make", os.environ.get("CC", "cc")))
FOLDERS = ("acm", "cimom_glue", "mof", "providers")


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source archive, and the wheel from that, as a release does."""
    target = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(repository)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = target.glob("*.whl")
    return found


def test_the_wheel_holds_every_module_and_every_source_of_mof_and_c(wheel: Path, repository: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"xencim/{path.relative_to(repository)}"
        for folder in FOLDERS
        for path in (repository / folder).rglob("*")
        if path.is_file()
        and not path.is_relative_to(repository / "cimom_glue" / "packaging")
        and path.suffix in {".py", ".mof", ".c", ".h", ".ldif"}
    }
    expected |= {"xencim/__init__.py", "xencim/__main__.py", "xencim/py.typed"}
    expected |= {"xencim/libxencim_cmpi.so"} if HAS_COMPILER else set()
    assert expected == {name for name in names if name.startswith("xencim/")}
    assert any(name.endswith("LICENSE") for name in names)


def test_a_wheel_without_the_library_is_for_every_platform(
    wheel: Path, repository: Path, tmp_path: Path
) -> None:
    assert wheel.stem.endswith("-any") is not HAS_COMPILER
    done = subprocess.run(
        (
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(tmp_path),
            str(repository),
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "XENCIM_NO_CMPI": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = tmp_path.glob("*.whl")
    assert found.name == f"xencim-{xencim.__version__}-py3-none-any.whl"
    assert "xencim/libxencim_cmpi.so" not in zipfile.ZipFile(found).namelist()


def test_the_wheel_names_the_command_and_the_version(wheel: Path) -> None:
    info = f"xencim-{xencim.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        entry_points = archive.read(f"{info}/entry_points.txt").decode()
        metadata = archive.read(f"{info}/METADATA").decode()
    assert "xencim = xencim.cimom_glue.cli.main:main" in entry_points
    assert f"\nVersion: {xencim.__version__}\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata


def test_every_dependency_has_its_reason(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]
    reasons = (repository / "docs" / "development" / "dependencies.md").read_text("utf-8")
    extras = (name for names in project["optional-dependencies"].values() for name in names)
    names = [requirement.split(">")[0] for requirement in (*project["dependencies"], *extras)]
    assert [name for name in names if name not in reasons] == []
