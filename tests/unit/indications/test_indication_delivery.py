"""Delivery: order, retries, refusals, limits and what outlives a stop; no listener waits for another."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from xencim.cimom_glue.indications import delivery, lane, queue
from xencim.mof.values import Instance, TypedValue
from xencim.providers.backends.records import Delivery, ListenerDestination, VirtualMachine
from xencim.providers.core import operations as op
from xencim.providers.events import Outgoing

from .indication_world import (
    INTEROP,
    OK,
    REFUSAL,
    ROOT,
    WITHIN_S,
    delivering,
    http_reply,
    instance,
    listening,
    running,
    subscribe,
)

if TYPE_CHECKING:
    import pathlib

    from xencim.providers.assembly import World


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(lane, "LAST_RETRY_S", 0.02)
    monkeypatch.setattr(lane, "_SHOW_S", 0.0)


def outgoing(number: int, destination: str = "l") -> Outgoing:
    return Outgoing(destination, "f", Instance("X", {"N": TypedValue("uint32", number)}))


async def shown(world: World, name: str, **wanted: object) -> None:
    """Wait until a destination's record tells something."""
    changed = asyncio.Event()
    end = world.server.subscribe(lambda _old, _new: changed.set())
    try:
        async with asyncio.timeout(WITHIN_S):
            while True:
                record = world.server.view.get(Delivery, name)
                if record is not None and all(getattr(record, key) == value for key, value in wanted.items()):
                    return
                changed.clear()
                await changed.wait()
    finally:
        end()


async def test_indications_come_in_order_over_one_connection() -> None:
    async with running() as world, listening() as listener, delivering(world) as deliverer:
        await subscribe(world, listener.url)
        deliverer.accept([outgoing(number) for number in range(300)])
        await listener.count(300)
        assert listener.numbers == list(range(300))
        assert listener.about("N") == [str(number) for number in range(300)]
        assert len(set(listener.about("SequenceContext"))) == 1
        assert listener.connections == 1


async def test_a_listener_that_comes_late_gets_everything_in_order() -> None:
    async with running() as world, listening() as listener:
        await listener.stop()
        async with delivering(world) as deliverer:
            await subscribe(world, listener.url)
            for number in range(50):
                deliverer.accept([outgoing(number)])
            await shown(world, "l", error=f"[Errno 111] Connect call failed ('127.0.0.1', {listener.port})")
            await listener.start()
            await listener.count(50)
            assert listener.numbers == list(range(50))
            await shown(world, "l", error=None, failing_since=None, dropped=0)


async def test_what_waits_outlives_the_server(tmp_path: pathlib.Path) -> None:
    async with listening() as listener:
        await listener.stop()
        async with running(path=tmp_path / "state") as world, delivering(world) as deliverer:
            await subscribe(world, listener.url)
            deliverer.accept([outgoing(number) for number in range(5)])
        await listener.start()
        async with running(path=tmp_path / "state") as world, delivering(world) as deliverer:
            deliverer.accept([outgoing(5)])
            await listener.count(6)
        assert listener.numbers == [0, 1, 2, 3, 4, 5]
        assert len(set(listener.about("SequenceContext"))) == 1


async def test_nothing_is_sent_twice_after_a_stop(tmp_path: pathlib.Path) -> None:
    async with listening() as listener:
        async with running(path=tmp_path / "state") as world, delivering(world) as deliverer:
            await subscribe(world, listener.url)
            deliverer.accept([outgoing(number) for number in range(100)])
            await listener.count(40)
        async with running(path=tmp_path / "state") as world, delivering(world):
            while 99 not in listener.numbers:
                await listener.count(len(listener.messages) + 1)
        # One may have been taken without its answer being read: that which was under way at the stop.
        assert sorted(set(listener.numbers)) == list(range(100))
        assert len(listener.numbers) <= 101


async def test_a_mute_listener_delays_no_other() -> None:
    async with running() as world, listening() as mute, listening() as other, delivering(world) as deliverer:
        mute.muted = True
        await subscribe(world, mute.url, "mute")
        await subscribe(world, other.url, "other")
        for number in range(20):
            deliverer.accept([outgoing(number, "mute"), outgoing(number, "other")])
        await other.count(20)
        assert (mute.numbers, other.numbers) == ([], list(range(20)))


async def test_what_is_refused_again_and_again_is_dropped_and_the_next_one_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "REFUSED_ATTEMPTS", 3)
    async with running() as world, listening() as listener, delivering(world) as deliverer:
        listener.replies += [http_reply(REFUSAL), http_reply(b"", "400 Bad Request")] * 2
        await subscribe(world, listener.url)
        deliverer.accept([outgoing(0), outgoing(1)])
        await listener.count(1)
        assert listener.numbers == [1]
        await shown(world, "l", dropped=1, failing_since=None)


@pytest.mark.parametrize(
    "reply",
    [
        http_reply(REFUSAL),
        http_reply(b"", "503 Service Unavailable"),
        http_reply(b"no XML"),
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + b"x" * 999_999,
    ],
)
async def test_one_bad_reply_is_got_over(reply: bytes) -> None:
    async with running() as world, listening() as listener, delivering(world) as deliverer:
        listener.replies += [reply]
        await subscribe(world, listener.url)
        deliverer.accept([outgoing(0), outgoing(1)])
        await listener.count(2)
        assert listener.numbers == [0, 1]


async def test_a_reply_may_end_with_the_connection_or_follow_a_100() -> None:
    async with running() as world, listening() as listener, delivering(world) as deliverer:
        listener.replies += [b"HTTP/1.1 100 Continue\r\n\r\n" + http_reply(OK)]
        await subscribe(world, listener.url)
        deliverer.accept([outgoing(0), outgoing(1)])
        await listener.count(1)
        assert listener.numbers == [1]


async def test_too_many_that_wait_are_dropped_counted_and_seen_as_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "MAX_WAITING", 10)
    async with running() as world, listening() as listener, delivering(world) as deliverer:
        await listener.stop()
        await subscribe(world, listener.url)
        deliverer.accept([outgoing(number) for number in range(25)])
        await shown(world, "l", waiting=10, dropped=15)
        await listener.start()
        await listener.count(10)
        while deliverer._lanes["l"].waiting:
            await world.state.run(queue.load)
        deliverer.accept([outgoing(25)])
        await listener.count(11)
        assert listener.numbers == [*range(10), 25]


async def test_losses_are_told_after_a_restart(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_WAITING", 1)
    async with listening() as listener:
        async with running(path=tmp_path / "state") as world, delivering(world) as deliverer:
            await subscribe(world, listener.url)
            deliverer.accept([outgoing(0), outgoing(1), outgoing(2)])
            await listener.count(1)
        async with running(path=tmp_path / "state") as world, delivering(world):
            await shown(world, "l", dropped=2, failing_since=None)


async def test_the_service_tells_of_trouble() -> None:
    async with running() as world:
        namespace = world.engine.registry.namespace(INTEROP)
        [service] = namespace.of_class("CIM_IndicationService")
        world.server.put(Delivery(destination="a", waiting=3, failing_since=datetime(2026, 1, 2, tzinfo=UTC)))
        world.server.put(Delivery(destination="b", dropped=2))
        [row] = service.rows(service.site.context())  # type: ignore[attr-defined]
        told = [service.value(row, name) for name in ("OperationalStatus", "HealthState", "PrimaryStatus")]
        assert told == [(3,), 10, 2]
        assert service.value(row, "StatusDescriptions") == (
            "a: not reached since 2026-01-02 00:00:00 UTC (None), 3 waiting; b: 2 dropped",
        )


@pytest.mark.parametrize(("policy", "left"), [(3, [False]), (4, [])])
async def test_a_fatal_error_disables_or_removes_the_subscription(policy: int, left: list[bool]) -> None:
    async with running() as world, listening() as listener, delivering(world) as deliverer:
        await listener.stop()
        await subscribe(world, listener.url, OnFatalErrorPolicy=policy, FailureTriggerTimeInterval=0)
        deliverer.accept([outgoing(0), outgoing(1)])
        await shown(world, "l", dropped=2, failing_since=None)
        record = world.server.view.all(ListenerDestination)["l"]
        assert [one.enabled for one in record.subscriptions] == left
        assert world.subscriptions.feeds == ()


async def test_a_moved_listener_gets_what_waited() -> None:
    async with running() as world, listening() as old, listening() as new, delivering(world) as deliverer:
        await old.stop()
        _, destination, _ = await subscribe(world, old.url)
        deliverer.accept([outgoing(0)])
        await shown(world, "l", waiting=1)
        change = instance("CIM_ListenerDestinationCIMXML", Destination=new.url)
        request = op.ModifyInstance(
            namespace=INTEROP, instance_name=destination, modified_instance=change, property_list=None
        )
        await world.engine.execute(request, ROOT)
        await new.count(1)
        assert new.numbers == [0]


async def test_a_deleted_destination_is_forgotten(tmp_path: pathlib.Path) -> None:
    async with running(path=tmp_path / "state") as world, listening() as listener:
        async with delivering(world) as deliverer:
            await listener.stop()
            paths = await subscribe(world, listener.url)
            deliverer.accept([outgoing(0)])
            await shown(world, "l", waiting=1)
            for path in reversed(paths):
                await world.engine.execute(op.DeleteInstance(namespace=INTEROP, instance_name=path), ROOT)
            await asyncio.gather(*deliverer._others)
            assert await world.state.run(queue.load) == []
        assert world.server.view.get(Delivery, "l") is None


async def test_machines_that_change_are_told_about_in_order() -> None:
    async with running() as world, listening() as listener, delivering(world):
        await subscribe(world, listener.url, query="SELECT * FROM Xen_ComputerSystemModifiedIndication")
        [site] = world.sites
        machine = next(iter(site.inventory.view.all(VirtualMachine).values()))
        for autostart in (True, False) * 20:
            machine = replace(machine, autostart=autostart)
            site.inventory.put(machine)
        # The first of them changes nothing: the machine starts with the host.
        await listener.count(39)
        assert listener.numbers == list(range(39))


async def test_a_full_disk_loses_nothing_once_there_is_room(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add, failures = queue.add, [sqlite3.OperationalError("database or disk is full")] * 3

    def add_later(*arguments: Any) -> list[int]:  # noqa: ANN401 - as queue.add takes them
        if failures:
            raise failures.pop()
        return add(*arguments)

    monkeypatch.setattr(queue, "add", add_later)
    monkeypatch.setattr(delivery, "_DISK_RETRY_S", 0.01)
    async with running() as world, listening() as listener, delivering(world) as deliverer:
        await subscribe(world, listener.url)
        deliverer.accept([outgoing(0), outgoing(1)])
        await listener.count(2)
        assert listener.numbers == [0, 1]
        assert "2 indications wait in memory: the state in memory: database or disk is full" in caplog.text


async def test_what_a_full_disk_does_not_take_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> list[int]:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(queue, "add", fail)
    monkeypatch.setattr(delivery, "_MAX_ARRIVED", 5)
    async with running() as world, listening() as listener, delivering(world) as deliverer:
        await subscribe(world, listener.url)
        deliverer.accept([outgoing(number) for number in range(8)])
        await shown(world, "l", dropped=3, waiting=5)
