"""Answers to GetInstance that are given again: as long as nothing changes, to whom they were given."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from xencim.cimom_glue.server.replays import Replays
from xencim.cimom_glue.wire import Encoder, decode
from xencim.mof.repository import load
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.fake import FakeBackend, fake_machine
from xencim.providers.backends.records import PowerState
from xencim.providers.core.access import AccessPolicy, Principal

ROOT = Principal("root")
REQUEST = """<CIM CIMVERSION="2.0" DTDVERSION="2.0"><MESSAGE ID="{id}" PROTOCOLVERSION="1.0"><SIMPLEREQ>
<IMETHODCALL NAME="GetInstance"><LOCALNAMESPACEPATH><NAMESPACE NAME="root"/><NAMESPACE NAME="virt"/>
</LOCALNAMESPACEPATH><IPARAMVALUE NAME="InstanceName"><INSTANCENAME CLASSNAME="{cls}">{keys}</INSTANCENAME>
</IPARAMVALUE></IMETHODCALL></SIMPLEREQ></MESSAGE></CIM>"""
NAMED = (
    '<KEYBINDING NAME="CreationClassName"><KEYVALUE>Xen_ComputerSystem</KEYVALUE></KEYBINDING>'
    '<KEYBINDING NAME="Name"><KEYVALUE>vm-00000</KEYVALUE></KEYBINDING>'
)
MACHINE = ("Xen_ComputerSystem", NAMED)
POOL = ("Xen_DiskPool", '<KEYBINDING NAME="InstanceID"><KEYVALUE>DiskPool/default</KEYVALUE></KEYBINDING>')


@pytest.fixture
def world() -> World:
    placements = [Placement(FakeBackend(2))]
    return asyncio.run(assemble(load().repository, placements, AccessPolicy(), version="0"))


class Asking:
    def __init__(self, world: World) -> None:
        self.world = world
        self.replays = Replays(lambda: world.generation)
        self.encoder = Encoder()

    def __call__(self, number: int | str, what: tuple[str, str] = MACHINE) -> tuple[bool, bytes]:
        """Return whether the answer was a kept one, and the answer."""
        body = REQUEST.format(id=number, cls=what[0], keys=what[1]).encode()
        message = decode(body, {})
        kept = self.replays.find(message, ROOT)
        if kept is not None:
            return True, kept
        result = asyncio.run(self.world.engine.execute(message.operation, ROOT))  # type: ignore[arg-type]
        pieces = self.encoder.reply(message, result)
        return False, b"".join(self.replays.kept(message, ROOT, result, pieces))


def test_an_equal_request_has_the_same_answer_with_its_own_id(world: World) -> None:
    ask = Asking(world)
    first_kept, first = ask(7)
    again_kept, again = ask(1008)
    assert (first_kept, again_kept) == (False, True)
    assert again == first.replace(b'<MESSAGE ID="7"', b'<MESSAGE ID="1008"')
    assert b"vm-00000" in again


def test_any_change_ends_what_was_kept(world: World) -> None:
    ask = Asking(world)
    _, before = ask(1)
    assert ask(1) == (True, before)
    world.sites[0].inventory.put(replace(fake_machine(0), state=PowerState.PAUSED))
    kept, after = ask(1)
    assert not kept
    assert after != before
    assert ask(1) == (True, after)


def test_nobody_else_is_given_it(world: World) -> None:
    ask = Asking(world)
    ask(1)
    message = decode(REQUEST.format(id=1, cls=MACHINE[0], keys=MACHINE[1]).encode(), {})
    assert ask.replays.find(message, Principal("other")) is None
    assert ask.replays.find(message, ROOT) is not None


def test_pools_are_read_again_and_odd_ids_are_answered_anew(world: World) -> None:
    ask = Asking(world)
    assert [ask(1, POOL)[0], ask(2, POOL)[0]] == [False, False]
    ask(1)
    kept, answer = ask("a-b")
    assert not kept
    assert b'<MESSAGE ID="a-b"' in answer
