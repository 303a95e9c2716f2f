"""Indications through the provider library: delivered once and in order, whatever becomes of the daemon."""

from __future__ import annotations

import asyncio
import re
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import pywbem
from tests.cmpi.test_serve import serving

from xencim.cimom_glue.cli.client import connected
from xencim.cimom_glue.cmpi import CmpiServer, CmpiSettings
from xencim.cimom_glue.cmpi.feeds import FeedLog, Feeds
from xencim.cimom_glue.cmpi.feeds import log as feed_log
from xencim.mof.repository import load
from xencim.mof.values import Instance, TypedValue
from xencim.providers.assembly import Placement, assemble
from xencim.providers.backends.fake import FakeBackend, fake_machine
from xencim.providers.backends.records import Action
from xencim.providers.core.access import AccessPolicy
from xencim.providers.core.state import State
from xencim.providers.events import Recorded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.cmpi.conftest import Built, Watch

    from xencim.providers.assembly import World

FIRST, SECOND = fake_machine(0).uuid, fake_machine(1).uuid
WITHIN_S = 20
LIVES = 4
PAUSED = 9  # EnabledState Quiesce
CHAIN = re.compile(
    'IndicationIdentifier="(?P<machine>[^"]+)".*?SourceInstance=(?P<after>instance of .*),'
    "SourceInstanceModelPath=.*,PreviousInstance=(?P<before>instance of .*),ChangedPropertyNames="
)
ON, OFF = Action.START, Action.DESTROY


@dataclass
class Host:
    """A made-up host whose events are told to CIMOMs."""

    world: World
    backend: FakeBackend
    events: FeedLog
    socket: Path

    async def control(self, *actions: Action, machine: str = FIRST) -> None:
        for action in actions:
            await self.backend.control(machine, action, None)


@asynccontextmanager
async def hosting(directory: Path, *, before: tuple[Action, ...] = ()) -> AsyncIterator[Host]:
    """Run a daemon's world; ``before`` is what has happened on the host when it starts."""
    backend = FakeBackend(2)
    world = await assemble(
        load().repository,
        [Placement(backend)],
        AccessPolicy(),
        version="0.0.0",
        state=State.open(directory / "state.sqlite"),
    )
    for action in before:
        await backend.control(FIRST, action, None)
    events = FeedLog(world.state, world.events.machines, {"root/virt": "root/cimv2"})
    await events.start()
    settings = CmpiSettings(socket=directory / "cmpi.sock", stop_seconds=5)
    server = CmpiServer(settings, world.engine, Feeds(events, world.engine))
    await server.start()
    world.events.start(lambda _: None, events)
    try:
        yield Host(world, backend, events, directory / "cmpi.sock")
    finally:
        world.events.stop()
        await server.stop()
        await events.stop()
        await world.stop()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():  # noqa: ASYNC110 - what is looked at has no event to wait for
            await asyncio.sleep(0.01)


def summary(indication: str) -> tuple[str, str, str]:
    """Return class, and the states of the machine before and after, as an indication has them."""
    kind = re.search("instance of Xen_ComputerSystem(\\w+?)Indication", indication)
    before, after = (
        re.search(rf"{name}=instance of Xen_ComputerSystem{{.*?EnabledState=uint16 (\d+)", indication)
        for name in ("PreviousInstance", "SourceInstance")
    )
    assert kind is not None
    return kind[1], before[1] if before else "", after[1] if after else ""


MODIFIED = "CIM_InstModification"
STARTED, STOPPED = ("Modified", "3", "2"), ("Modified", "2", "3")


async def started(watch: Watch) -> None:
    assert await watch.tell("poll", "authorize", "activate", "enable") == ["rc 7", "rc 0", "rc 0", "rc 0"]


async def systems(watch: Watch, count: int) -> list[tuple[str, str, str]]:
    """Return what is told next of machines themselves."""
    found: list[tuple[str, str, str]] = []
    while len(found) < count:
        indication = await watch.next()
        if "Xen_ComputerSystem" in indication.partition("{")[0]:
            found.append(summary(indication))
    return found


@pytest.mark.parametrize("build", ["sanitized", "valgrind"])
async def test_events_are_delivered_in_order(
    build: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    built: Built = request.getfixturevalue(build)
    async with hosting(tmp_path) as host, built.watching(host.socket, MODIFIED) as watch:
        await started(watch)
        # More than the thread keeps one attachment for.
        await host.control(*(OFF, ON) * 50)
        told = await systems(watch, 100)
        assert await watch.tell("deactivate", "clean") == ["rc 0", "rc 0"]
        assert not host.events.recording
    assert told == [STOPPED, STARTED] * 50
    assert watch.left == []


async def test_an_indication_holds_what_the_embedded_server_tells(plain: Built, tmp_path: Path) -> None:
    async with hosting(tmp_path) as host, plain.watching(host.socket, "CIM_InstCreation") as watch:
        await started(watch)
        new = replace(fake_machine(1), name="new", uuid="11111111-2222-3333-4444-555555555555")
        host.world.sites[0].inventory.put(new)
        indication = await watch.next()
    assert indication.startswith("root/cimv2 instance of Xen_ComputerSystemCreatedIndication{")
    assert 'IndicationIdentifier="11111111-2222-3333-4444-555555555555"' in indication
    assert "SourceInstance=instance of Xen_ComputerSystem{" in indication
    assert re.search(r'SourceInstanceModelPath="//[^/]+/root/cimv2:Xen_ComputerSystem\.', indication)


async def test_a_provider_named_for_a_class_tells_of_it_alone(plain: Built, tmp_path: Path) -> None:
    name = "xencim_Xen_ComputerSystemModifiedIndication"
    async with hosting(tmp_path) as host, plain.watching(host.socket, "CIM_Event", provider=name) as watch:
        await started(watch)
        await host.control(OFF, ON)
        told = [summary(await watch.next()) for _ in range(2)]
    assert told == [STOPPED, STARTED]


@pytest.mark.parametrize(
    ("class_name", "principal", "status"),
    [
        (MODIFIED, "nobody", "rc 2 'nobody' has no read access: indications of root/virt"),
        ("CIM_ComputerSystem", "root", "rc 7 class CIM_ComputerSystem is no class of indications"),
        ("CIM_None", "root", "rc 4 "),
    ],
)
async def test_a_filter_may_be_refused(
    plain: Built, tmp_path: Path, class_name: str, principal: str, status: str
) -> None:
    async with (
        hosting(tmp_path) as host,
        plain.watching(host.socket, class_name, principal=principal) as watch,
    ):
        for told in await watch.tell("authorize", "activate"):
            assert told.startswith(status)
        assert not host.events.recording


async def test_what_happens_while_disabled_is_told_when_enabled(plain: Built, tmp_path: Path) -> None:
    async with hosting(tmp_path) as host, plain.watching(host.socket, MODIFIED) as watch:
        await started(watch)
        assert await watch.tell("clean", "disable") == ["rc 50", "rc 0"]
        await host.control(OFF)
        assert await watch.tell("enable") == ["rc 0"]
        await host.control(ON)
        assert await systems(watch, 2) == [STOPPED, STARTED]


async def test_changes_while_no_daemon_runs_are_told_by_the_next(sanitized: Built, tmp_path: Path) -> None:
    async with sanitized.watching(tmp_path / "cmpi.sock", MODIFIED) as watch:
        # No daemon is there yet: the filter is taken all the same.
        assert await watch.tell("activate", "enable") == ["rc 0", "rc 0"]
        async with hosting(tmp_path) as host:
            await until(lambda: host.events.recording)
            await host.control(OFF, ON, OFF)
            assert await systems(watch, 3) == [STOPPED, STARTED, STOPPED]
        async with hosting(tmp_path, before=(OFF,)) as host:
            await host.control(ON)
            assert await systems(watch, 1) == [STARTED]
        async with hosting(tmp_path, before=(OFF,)) as host:
            assert await systems(watch, 1) == [STOPPED]
            await watch.tell("deactivate", "clean")
            assert not host.events.recording
    assert watch.left == []


async def test_a_daemon_without_its_state_says_that_events_are_lost(
    plain: Built, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with plain.watching(tmp_path / "cmpi.sock", MODIFIED) as watch:
        async with hosting(tmp_path) as host:
            await started(watch)
            await host.control(OFF)
            assert await systems(watch, 1) == [STOPPED]
        (tmp_path / "state.sqlite").unlink()
        async with hosting(tmp_path) as host:
            await until(lambda: "a CIMOM has lost some events" in caplog.text)
            await host.control(OFF)
            assert await systems(watch, 1) == [STOPPED]


async def test_an_event_that_cannot_be_encoded_keeps_no_other(
    plain: Built, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with hosting(tmp_path) as host, plain.watching(host.socket, MODIFIED) as watch:
        await started(watch)
        wrong = Instance("Xen_ComputerSystemModifiedIndication", {"X": TypedValue("uint8", 256)})
        host.events.record(Recorded("root/virt", None, None, (wrong,)))
        await host.control(OFF)
        assert await systems(watch, 1) == [STOPPED]
    assert "an event of Xen_ComputerSystemModifiedIndication cannot be told to CIMOMs" in caplog.text
    assert "a CIMOM has lost 1 events" in caplog.text


async def test_a_library_that_has_gone_is_waited_for_and_then_forgotten(
    plain: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def follow_and_be_killed(host: Host) -> None:
        async with plain.watching(host.socket, MODIFIED) as watch:
            await started(watch)
            assert host.events.recording
            raise RuntimeError

    monkeypatch.setattr(feed_log, "KEPT_S", 0.2)
    async with hosting(tmp_path) as host:
        with pytest.raises(RuntimeError):
            await follow_and_be_killed(host)
        await until(lambda: not host.events.recording)


async def test_events_beyond_the_bound_are_dropped_and_told(
    plain: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feed_log, "MAX_WAITING", 300)
    async with hosting(tmp_path) as host, plain.watching(host.socket, MODIFIED) as watch:
        await started(watch)
        await watch.tell("disable")
        await host.control(*(OFF, ON) * 100)
        await until(lambda: "the oldest are dropped" in caplog.text)
        await watch.tell("enable")
        await host.control(OFF, machine=SECOND)
        told = 1
        while f'IndicationIdentifier="{SECOND}"' not in await watch.next():
            told += 1
    assert 1 < told < 300
    assert re.search(r"a CIMOM has lost \d+ events", caplog.text)


async def followed(watch: Watch) -> int:
    """Read until both machines are paused: each time, what was is what was told to be; count."""
    last: dict[str, str] = {}
    count = 0
    while len(last) < len((FIRST, SECOND)) or not all(
        f"EnabledState=uint16 {PAUSED}," in one for one in last.values()
    ):
        indication = await watch.next()
        if not indication.startswith("root/virt instance of Xen_ComputerSystemModified"):
            continue
        found = CHAIN.search(indication)
        assert found is not None
        after, before = found["after"], found["before"]
        assert last.get(found["machine"], before) == before
        assert before != after
        last[found["machine"]] = after
        count += 1
    return count


async def test_each_event_is_told_once_through_a_daemon_that_is_killed(plain: Built, tmp_path: Path) -> None:
    cmpi, socket = tmp_path / "cmpi.sock", tmp_path / "socket"

    def turn(machine: int, state: int) -> None:
        path = pywbem.CIMInstanceName(
            "Xen_ComputerSystem",
            {"CreationClassName": "Xen_ComputerSystem", "Name": f"vm-{machine:05}"},
            namespace="root/virt",
        )
        with connected(socket) as connection:
            connection.InvokeMethod("RequestStateChange", path, RequestedState=pywbem.Uint16(state))

    async with plain.watching(cmpi, MODIFIED) as watch:
        for life in range(LIVES):
            with serving(tmp_path, cmpi, "--socket", str(socket)) as process:
                if life == 0:
                    await started(watch)
                for state in (PAUSED,) if life == LIVES - 1 else (3, 2) * 3:
                    for machine in (0, 1):
                        await asyncio.to_thread(turn, machine, state)
                if life < LIVES - 1:
                    process.send_signal(signal.SIGKILL)
                else:
                    assert await followed(watch) > 2 * LIVES
