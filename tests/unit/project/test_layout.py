"""The tree keeps its order: imports run one way, nothing grows too large, every spec is listed."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parent.parent.parent.parent
FOLDERS = ("acm", "cimom_glue", "mof", "providers")
# What each folder may import of ours, besides itself.
MAY_IMPORT = {
    "acm": set[str](),
    "mof": set[str](),
    "providers": {"mof", "acm"},
    "cimom_glue": {"providers", "mof", "acm"},
}
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_CLASS_FILE_LINES = 120
MAX_FOLDER_FILES = 15
MAX_TEST_FILE_LINES = 500
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK|breakpoint\(\)|pdb\.set_trace)\b")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines_of(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def imported(path: Path) -> set[str]:
    """Return the full names of all modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # Tests may share helpers of their own folder by a relative import.
            assert node.level == 0 or path in TESTS, f"{name_of(path)} imports relatively"
            names |= {f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=name_of)
def test_nobody_imports_a_folder_by_its_bare_name(path: Path) -> None:
    assert {name for name in imported(path) if name.split(".")[0] in FOLDERS} == set()


def test_imports_run_one_way() -> None:
    wrong = []
    for path in MODULES:
        folder = path.relative_to(ROOT).parts[0]
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "xencim" and parts[1] in FOLDERS and parts[1] not in MAY_IMPORT[folder] | {folder}:
                wrong.append(f"{name_of(path)} imports {name}")
    assert wrong == []


def test_backends_know_records_and_nothing_of_cim() -> None:
    allowed = "xencim.providers.backends."
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in MODULES
        if path.is_relative_to(ROOT / "providers" / "backends")
        for name in imported(path)
        if name.startswith("xencim.") and not name.startswith(allowed)
    ]
    assert wrong == []


def test_importing_everything_makes_no_second_copy() -> None:
    # __main__ is no module to import: it runs.
    modules = (path for path in MODULES if path.stem != "__main__")
    names = [".".join(("xencim", *path.relative_to(ROOT).with_suffix("").parts)) for path in modules]
    loading = "\n".join(f"import {name.removesuffix('.__init__')}" for name in names)
    asking = f"import sys\nprint(sorted(set(sys.modules) & set({FOLDERS!r})))"
    done = subprocess.run(
        (sys.executable, "-c", f"{loading}\n{asking}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_every_module_can_be_the_first_of_ours() -> None:
    # Each in a process of its own that has loaded what all of them need.
    program = """
import os, sys
kept = ("xencim.providers.backends", "xencim.providers.core")
import xencim.providers.catalogue
for name in list(sys.modules):
    if name.startswith("xencim.providers") and not name.startswith(kept):
        del sys.modules[name]
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            __import__(name)
        except Exception as error:
            print(f"{name}: {error}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
    paths = (path.relative_to(ROOT).with_suffix("") for path in MODULES)
    names = [
        ".".join(("xencim", *path.parts))
        for path in paths
        if path.parts[0] == "providers" and path.parts[1] not in {"backends", "core"}
    ]
    command = (sys.executable, "-c", program, *(name.removesuffix(".__init__") for name in names))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_files_are_small() -> None:
    limits = {**dict.fromkeys(MODULES, MAX_MODULE_LINES), **dict.fromkeys(TESTS, MAX_TEST_FILE_LINES)}
    assert {name_of(path): lines_of(path) for path, most in limits.items() if lines_of(path) > most} == {}


def test_folders_are_small() -> None:
    modules = [path for path in (*MODULES, *TESTS) if path.name not in {"__init__.py", "conftest.py"}]
    sizes = Counter(name_of(path.parent) for path in modules)
    assert {folder: size for folder, size in sizes.items() if size > MAX_FOLDER_FILES} == {}


def test_class_files_are_smaller() -> None:
    large = {name_of(path): lines_of(path) for path in spec_files() if lines_of(path) > MAX_CLASS_FILE_LINES}
    assert large == {}


def test_functions_are_short() -> None:
    long = {
        f"{name_of(path)}:{node.name}": length
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_nothing_is_left_over() -> None:
    found = [
        f"{name_of(path)}: {match[0]}"
        for path in (*MODULES, *TESTS)
        if path != Path(__file__)
        for match in LEFTOVERS.finditer(path.read_text("utf-8"))
    ]
    assert found == []


def test_every_module_says_what_it_is() -> None:
    assert [
        name_of(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ] == []


def spec_files() -> list[Path]:
    """Return the files that declare a class: those that set SPEC."""
    return [path for path in MODULES if re.search(r"^SPEC\b.*=", path.read_text("utf-8"), re.MULTILINE)]


def module_of(path: Path) -> ModuleType:
    return importlib.import_module(".".join(("xencim", *path.relative_to(ROOT).with_suffix("").parts)))


def test_every_spec_is_listed_by_its_folder() -> None:
    from xencim.providers.catalogue import SPECS  # noqa: PLC0415 - only this test needs all of it

    unlisted = []
    for path in spec_files():
        spec = module_of(path).SPEC
        folder = module_of(path.parent)
        if spec not in getattr(folder, "SPECS", ()) or spec not in SPECS:
            unlisted.append(name_of(path))
    assert unlisted == []
    assert len(SPECS) == len(set(SPECS))


def test_the_links_lead_to_the_folders() -> None:
    for folder in FOLDERS:
        link = ROOT / "src" / "xencim" / folder
        assert link.is_symlink()
        assert link.readlink() == Path("..", "..", folder)
