"""A server that is killed while it changes the policy: what is in force is the one or the other, wholly."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from xencim.acm.language import write_policy
from xencim.providers.backends.records import AssignedLabel, SecurityPolicy
from xencim.providers.core.state import State
from xencim.providers.security.stores.store import digest_of

from .security_world import A_BANK, banks, secured

if TYPE_CHECKING:
    from pathlib import Path

# Applies one policy after the other, each renaming the label that all machines have.
SERVER = """
import asyncio, pathlib, sys
from xencim.acm.language import read_policy
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Labelled, VirtualMachine
from xencim.providers.backends.xen import flask_text
from xencim.providers.backends.xen.flask import FlaskControl
from xencim.providers.core.reservations import Reservations
from xencim.providers.core.state import State
from xencim.providers.security.applying import apply
from xencim.providers.security.enforcement.keeper import Security
from xencim.providers.security.labelling import Target, assign

folder, hangs = pathlib.Path(sys.argv[1]), sys.argv[2] == "hangs"

class Hanging(FlaskControl):
    async def mode(self):
        return flask_text.Mode.ENFORCING

    async def load(self, binary):
        print("loading", flush=True)
        await asyncio.sleep(3600)

async def main():
    inventory, backend = Inventory(), FakeBackend(40)
    await backend.start(inventory)
    security = Security(inventory, backend, Reservations())
    await security.start(State.open(folder / "state.sqlite"), "root/virt fake:40")
    documents = sorted(folder.glob("*.xml"))
    await apply(security, documents[0].read_bytes(), principal="alice")
    for uuid in inventory.view.all(VirtualMachine):
        await assign(security, Target(Labelled.MACHINE, uuid), "Label0", principal="alice")
    print("ready", flush=True)
    for document in documents[1:]:
        backend.flask = Hanging() if hangs else None
        await apply(security, document.read_bytes(), principal="alice")
        print(document.name, flush=True)

asyncio.run(main())
"""
POLICIES = 200


def write_policies(folder: Path, count: int) -> dict[str, int]:
    """Write policies that follow each other and return each one's number by its digest."""
    digests = {}
    for number in range(count):
        policy = banks(f"1.{number}", previous=f"1.{number - 1}" if number else None)
        xml = write_policy(policy).replace(
            b"<Name>A-Bank</Name>",
            (f'<Name from="Label{number - 1}">' if number else "<Name>").encode()
            + f"Label{number}</Name>".encode(),
        )
        (folder / f"{number:04d}.xml").write_bytes(xml)
        digests[digest_of(xml)] = number
    return digests


def run_and_kill(folder: Path, *, hangs: bool, lines: int) -> None:
    """Run the server until it has said so much, and kill it."""
    words = (sys.executable, "-c", SERVER, str(folder), "hangs" if hangs else "works")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for _ in range(lines):
            assert server.stdout.readline()
        server.send_signal(signal.SIGKILL)
    assert server.returncode == -signal.SIGKILL


@pytest.mark.parametrize("lines", [1, 2, 7])
async def test_killed_between_and_in_updates(tmp_path: Path, lines: int) -> None:
    digests = write_policies(tmp_path, POLICIES)
    await asyncio.to_thread(run_and_kill, tmp_path, hangs=False, lines=lines)
    async with secured(40, state=State.open(tmp_path / "state.sqlite")) as host:
        (policy,) = host.inventory.view.all(SecurityPolicy).values()
        number = digests[policy.digest]
        assert number >= lines - 1  # what was told of is not lost
        labels = host.inventory.view.all(AssignedLabel).values()
        assert {str(label) for label in labels} == {f"ACM:banks:Label{number}"}
        assert len(labels) == 40
        latest = next(e for e in await host.security.store.history() if e.action == "applied")
        assert latest.to_digest == policy.digest


async def test_killed_while_the_hypervisor_loads(tmp_path: Path) -> None:
    digests = write_policies(tmp_path, 2)
    await asyncio.to_thread(run_and_kill, tmp_path, hangs=True, lines=2)
    async with secured(40, state=State.open(tmp_path / "state.sqlite")) as host:
        (policy,) = host.inventory.view.all(SecurityPolicy).values()
        assert digests[policy.digest] == 0
        latest = (await host.security.store.history())[0]
        assert (latest.action, latest.principal) == ("failed", "xencim")
        assert latest.detail == "the server ended in the middle: applied from banks 1.0 to banks 1.1"
        assert A_BANK not in {label.label for label in host.inventory.view.all(AssignedLabel).values()}
