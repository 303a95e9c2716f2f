"""Damaged answers, read by the library under sanitizers: the same ones each time."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.cmpi.answers import Answers
from xencim.cimom_glue.cmpi.frames import Item, text
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
TIMES = 4000


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


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_answers_do_no_harm(compile_c: Compile, tmp_path: FilePath, seed: int) -> None:
    fuzz = compile_c("fuzz.c", with_library=True)
    files = []
    for number, content in enumerate(asyncio.run(contents())):
        files.append(tmp_path / f"{number}")
        files[-1].write_bytes(content)
    done = subprocess.run(
        [fuzz, str(seed), str(TIMES), *files], capture_output=True, text=True, check=False, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "")
