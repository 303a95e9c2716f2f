"""Damaged answers, read by the library under sanitizers: the same ones each time, and libFuzzer's.

XENCIM_FUZZ_S is for how many seconds libFuzzer hunts (20 where it is not set).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.cmpi.answers import Answers
from xencim.cimom_glue.cmpi.frames import Item, Kind, frame, text, u32
from xencim.cimom_glue.cmpi.values import data, path
from xencim.mof.repository import load
from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.assembly import Placement, assemble
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.core.access import AccessPolicy, Principal
from xencim.providers.core.operations import EnumerateInstances

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from tests.cmpi.conftest import Compile

CLASSES = ("Xen_ComputerSystem", "Xen_SystemDevice", "Xen_Memory")
TIMES = 2000
FUZZ_S = 20
AS_ITEMS, AS_ITEMS_OF_A_METHOD, AS_EVENT, AS_FRAMES = range(4)  # as fuzz.c has them


def method_answer() -> bytes:
    """Return an answer with every way a value may be, nested as deeply as it may be."""
    value = TypedValue("string", "x")
    for _ in range(7):
        value = TypedValue("string", (Instance("T_Inner", {"Inner": value}), None))
    reference = Path("T_Class", (("Of", Path("T_Root", (("Name", "x"),))), ("Id", 1)), "interop")
    values = (
        ("uint32", 5),
        ("datetime", None),
        ("reference", reference),
        ("string", value.value),
        ("uint64", (1, None, 2**64 - 1)),
        ("reference", (reference, None)),
        ("boolean", (True, False)),
        ("real64", 2.5),
        ("char16", "€"),
    )
    out = (
        bytes((Item.OUT,)) + text(kind) + data(kind, value, is_array=isinstance(value, tuple))
        for kind, value in values
    )
    returned = bytes((Item.VALUE,)) + data("uint32", 4096, is_array=False)
    return b"".join((returned, *out, bytes((Item.PATH,)), path(reference)))


async def contents() -> list[bytes]:
    """Return frames' content as the daemon makes it."""
    world = await assemble(load().repository, [Placement(FakeBackend(2))], AccessPolicy(), version="0.0.0")
    made = [method_answer()]
    for name in CLASSES:
        request = EnumerateInstances(namespace="root/virt", class_name=name)
        result = await world.engine.execute(request, Principal("root"))
        made.append(b"".join(Answers().contents(result)))
    await world.stop()
    return made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> FilePath:
    """A folder of answers as they ought to be, each before it the byte that says how it is read."""
    folder = tmp_path_factory.mktemp("corpus")
    method, *instances = asyncio.run(contents())
    made = {"method": (AS_ITEMS_OF_A_METHOD, method), "event": (AS_EVENT, instances[0])}
    for name, content in zip(CLASSES, instances, strict=True):
        made[name] = (AS_ITEMS, content)
        made[f"{name} in frames"] = (AS_FRAMES, frame(Kind.ITEMS, content) + frame(Kind.DONE))
    made["error"] = (AS_FRAMES, frame(Kind.ERROR, u32(6) + text("gone") + text("en")))
    for name, (way, content) in made.items():
        (folder / name).write_bytes(bytes((way,)) + content)
    return folder


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_answers_do_no_harm(compile_c: Compile, corpus: FilePath, seed: int) -> None:
    fuzz = compile_c("fuzz.c", with_library=True)
    done = subprocess.run(
        [fuzz, str(seed), str(TIMES), *sorted(corpus.iterdir())],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_libfuzzer_finds_nothing(compile_c: Compile, corpus: FilePath, tmp_path: FilePath) -> None:
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    seconds = int(os.environ.get("XENCIM_FUZZ_S", FUZZ_S))
    fuzz = compile_c("fuzz.c", with_library=True, with_libfuzzer=True)
    done = subprocess.run(
        [fuzz, f"-max_total_time={seconds}", "-max_len=65536", "-timeout=10", "-print_final_stats=1", corpus],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 100,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    runs = re.search(r"stat::number_of_executed_units: +(\d+)", done.stderr)
    assert runs is not None
    assert int(runs[1]) > 1000 * seconds // 20
