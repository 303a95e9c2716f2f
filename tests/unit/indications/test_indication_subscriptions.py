"""Filters, destinations and subscriptions: made, changed and deleted by clients, kept, and run out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Path, TypedValue
from xencim.providers.backends.records import IndicationFilter, ListenerDestination
from xencim.providers.core import operations as op
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.events import subscriptions
from xencim.providers.core.results import Done

from .indication_world import (
    ALL,
    ANN,
    BOB,
    INTEROP,
    RITA,
    ROOT,
    WITHIN_S,
    create,
    destination_record,
    filter_record,
    instance,
    running,
    subscribe,
    subscription_record,
)

if TYPE_CHECKING:
    import pathlib

    from xencim.mof.values import Instance, Value
    from xencim.providers.assembly import World
    from xencim.providers.core.access import Principal

FILTER = "CIM_IndicationFilter"
DESTINATION = "CIM_ListenerDestinationCIMXML"
SUBSCRIPTION = "CIM_IndicationSubscription"
URL = "http://127.0.0.1:1"


async def values(world: World, path: Path) -> dict[str, Value]:
    """Return the properties of an instance that are not NULL."""
    found = await world.engine.execute(op.GetInstance(namespace=INTEROP, instance_name=path), ROOT)
    [batch] = found.batches  # type: ignore[union-attr]
    [row] = batch.rows
    every = {p.decl.name: batch.served.value(row, p.decl.name) for p in batch.served.properties}
    return {name: value for name, value in every.items() if value is not None}


async def modify(world: World, path: Path, **given: Value) -> None:
    change = instance(path.class_name, **given)
    request = op.ModifyInstance(namespace=INTEROP, instance_name=path, modified_instance=change)
    assert await world.engine.execute(request, ROOT) == Done()


async def delete(world: World, path: Path, principal: Principal = ROOT) -> None:
    request = op.DeleteInstance(namespace=INTEROP, instance_name=path)
    assert await world.engine.execute(request, principal) == Done()


async def refusal(world: World, new: Instance, principal: Principal = ROOT) -> CimError:
    with pytest.raises(CimError) as caught:
        await create(world, new, principal)
    return caught.value


async def test_a_subscription_shows_what_it_was_given_and_what_goes_without_saying() -> None:
    async with running() as world:
        before = datetime.now(UTC)
        filter_path, destination_path, path = await subscribe(
            world, URL, OnFatalErrorPolicy="2", SubscriptionDuration=3600, SubscriptionInfo="mine"
        )
        assert await values(world, filter_path) == {
            "SystemCreationClassName": "Xen_HostSystem",
            "SystemName": "fake.example",
            "CreationClassName": FILTER,
            "Name": "filter of l",
            "ElementName": "filter of l",
            "Caption": "Filter of root",
            "IndividualSubscriptionSupported": True,
            "Query": ALL,
            "QueryLanguage": "WQL",
        }
        assert await values(world, destination_path) == {
            "SystemCreationClassName": "Xen_HostSystem",
            "SystemName": "fake.example",
            "CreationClassName": DESTINATION,
            "Name": "l",
            "ElementName": "l",
            "Caption": "Listener of root",
            "Destination": URL,
            "Protocol": 2,
        }
        told = await values(world, path)
        started, left = told.pop("SubscriptionStartTime"), told.pop("SubscriptionTimeRemaining")
        assert isinstance(started, datetime)
        assert before <= started <= datetime.now(UTC)
        assert told.pop("TimeOfLastStateChange") == started
        assert left in {3598, 3599, 3600}
        assert told == {
            "Filter": replace(filter_path, host=None),
            "Handler": replace(destination_path, host=None),
            "OnFatalErrorPolicy": 2,
            "SubscriptionState": 2,
            "SubscriptionDuration": 3600,
            "SubscriptionInfo": "mine",
            "AlertOnStateChange": False,
        }


async def test_keys_that_a_client_gives_are_its_own() -> None:
    async with running() as world:
        path = await create(
            world,
            instance(
                FILTER,
                SystemCreationClassName="CIM_ComputerSystem",
                SystemName="other",
                CreationClassName=FILTER,
                Name="f",
                Query=ALL,
                QueryLanguage="DMTF:CQL",
                SourceNamespaces=("root/cimv2", "root/virt"),
            ),
        )
        assert (path.key("SystemName"), path.key("SystemCreationClassName")) == (
            "other",
            "CIM_ComputerSystem",
        )
        assert (await values(world, path))["SourceNamespaces"] == ("root/cimv2", "root/virt")


REFUSED = [
    (instance(FILTER, Name="f", QueryLanguage="WQL"), Status.INVALID_PARAMETER, "needs property query"),
    (instance(FILTER, Query=ALL, QueryLanguage="WQL"), Status.INVALID_PARAMETER, "needs property name"),
    (
        instance(FILTER, Name="f", Query=ALL, QueryLanguage="SQL"),
        Status.QUERY_LANGUAGE_NOT_SUPPORTED,
        "'SQL' is no query language here",
    ),
    (
        instance(FILTER, Name="f", Query="SELECT * FROM Xen_Thing", QueryLanguage="WQL"),
        Status.INVALID_QUERY,
        "has no class 'Xen_Thing'",
    ),
    (
        instance(FILTER, Name="f", Query="SELECT * FROM CIM_ComputerSystem", QueryLanguage="WQL"),
        Status.INVALID_QUERY,
        "CIM_ComputerSystem of the filter's query is no class of indications",
    ),
    (
        instance(FILTER, Name="f", Query=f"{ALL} WHERE PreviousInstance IS NULL", QueryLanguage="WQL"),
        Status.INVALID_QUERY,
        "CIM_InstIndication has no property PreviousInstance",
    ),
    (
        instance(FILTER, Name="f", Query=ALL, QueryLanguage="WQL", SourceNamespaces=("root/x",)),
        Status.INVALID_NAMESPACE,
        "there is no namespace 'root/x'",
    ),
    (
        instance(FILTER, Name="f", Query=ALL, QueryLanguage="WQL", TemplateVariable=("a",)),
        Status.INVALID_PARAMETER,
        "CIM_IndicationFilter.templatevariable cannot be set to ('a',)",
    ),
    (instance(FILTER, Name="f", Colour="red"), Status.INVALID_PARAMETER, "has no property 'Colour'"),
    (instance(FILTER, Name=("a", "b")), Status.TYPE_MISMATCH, "property CIM_IndicationFilter.Name"),
    (instance(DESTINATION, Name="l"), Status.INVALID_PARAMETER, "needs property destination"),
    *(
        (instance(DESTINATION, Name="l", Destination=url), Status.INVALID_PARAMETER, "is no address")
        for url in (
            "ftp://h",
            "http://",
            "https://u:p@h",
            "http://h:99999",
            "http://h /x",
            "http://h\r\nX: y",
        )
    ),
    (
        instance(DESTINATION, Name="l", Destination=URL, PersistenceType=1),
        Status.INVALID_PARAMETER,
        "PersistenceType cannot be 1",
    ),
    (
        instance(DESTINATION, Name="l", Destination=URL, Protocol=6),
        Status.INVALID_PARAMETER,
        "protocol cannot be set to 6",
    ),
    (
        instance(DESTINATION, Name="l", Destination=URL, password="secret"),
        Status.INVALID_PARAMETER,
        "password cannot be set",
    ),
    (instance(SUBSCRIPTION), Status.INVALID_PARAMETER, "needs reference Filter"),
    (
        instance(SUBSCRIPTION, Filter=Path(FILTER, (("Name", "f"),)), Handler=Path(FILTER)),
        Status.NOT_FOUND,
        "which is not there",
    ),
    (
        instance(SUBSCRIPTION, RepeatNotificationPolicy=3),
        Status.INVALID_PARAMETER,
        "RepeatNotificationPolicy cannot be 3, only None (2)",
    ),
    (
        instance(SUBSCRIPTION, OnFatalErrorPolicy=1),
        Status.INVALID_PARAMETER,
        "OnFatalErrorPolicy cannot be 1",
    ),
    (
        instance(SUBSCRIPTION, AlertOnStateChange=True),
        Status.INVALID_PARAMETER,
        "alertonstatechange cannot be set to True",
    ),
    (instance("CIM_IndicationService"), Status.NOT_SUPPORTED, "Making instances of class"),
    (instance("CIM_Nothing"), Status.INVALID_CLASS, "CIM_Nothing"),
]


async def test_what_is_refused_says_why() -> None:
    async with running() as world:
        for new, status, text in REFUSED:
            error = await refusal(world, new)
            assert (error.status, text in error.description) == (status, True), (text, error.description)


async def test_names_are_taken_once_and_limits_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_DESTINATIONS", 2)
    async with running() as world:
        filter_path, destination_path, _ = await subscribe(world, URL)
        again = instance(SUBSCRIPTION, Filter=filter_path, Handler=destination_path)
        assert (await refusal(world, again)).status is Status.ALREADY_EXISTS
        same = instance(DESTINATION, Name="l", Destination=URL)
        assert (await refusal(world, same)).status is Status.ALREADY_EXISTS
        await create(world, instance(DESTINATION, Name="m", Destination="h:5"))
        third = await refusal(world, instance(DESTINATION, Name="n", Destination=URL))
        assert third.description == "there are 2 of them already, which is the most"


async def test_rights_readers_make_nothing_and_others_keep_off() -> None:
    async with running() as world:
        mine = instance(FILTER, Name="f", Query=ALL, QueryLanguage="WQL")
        assert (await refusal(world, mine, RITA)).status is Status.ACCESS_DENIED
        filter_path = await create(world, mine, ANN)
        destination_path = await create(world, instance(DESTINATION, Name="l", Destination=URL), ANN)
        both = instance(SUBSCRIPTION, Filter=filter_path, Handler=destination_path)
        assert (await refusal(world, both, BOB)).description == (
            "destination 'l' belongs to 'ann' (admin access is needed)"
        )
        path = await create(world, both, ANN)
        for one in (path, filter_path, destination_path):
            with pytest.raises(CimError) as caught:
                await delete(world, one, BOB)
            assert caught.value.status is Status.ACCESS_DENIED
        await delete(world, path, ANN)
        await delete(world, filter_path, ROOT)
        await delete(world, destination_path, ANN)
        assert not world.server.view.all(IndicationFilter)
        assert not world.server.view.all(ListenerDestination)


async def test_what_is_used_is_not_deleted() -> None:
    async with running() as world:
        filter_path, destination_path, path = await subscribe(world, URL)
        for used in (filter_path, destination_path):
            with pytest.raises(CimError, match="has subscriptions: delete them first"):
                await delete(world, used)
        await delete(world, path)
        await delete(world, filter_path)
        await delete(world, destination_path)


async def test_changes_keep_what_is_not_given() -> None:
    async with running() as world:
        filter_path, destination_path, path = await subscribe(world, URL, SubscriptionInfo="old")
        await modify(world, filter_path, ElementName="new", Query="SELECT * FROM CIM_InstDeletion")
        changed = await values(world, filter_path)
        assert (changed["ElementName"], changed["QueryLanguage"]) == ("new", "WQL")
        [feed] = world.subscriptions.feeds
        assert feed.query.class_name == "CIM_InstDeletion"
        await modify(world, destination_path, Destination="https://h.example:5990/x", Name="l")
        assert (await values(world, destination_path))["Destination"] == "https://h.example:5990/x"
        await modify(world, path, SubscriptionState=4)
        assert world.subscriptions.feeds == ()
        told = await values(world, path)
        assert (told["SubscriptionState"], told["SubscriptionInfo"]) == (4, "old")
        assert told["TimeOfLastStateChange"] > told["SubscriptionStartTime"]  # type: ignore[operator]
        request = op.SetProperty(
            namespace=INTEROP,
            instance_name=path,
            property_name="SubscriptionState",
            new_value=TypedValue(None, "2"),
        )
        assert await world.engine.execute(request, ROOT) == Done()
        assert len(world.subscriptions.feeds) == 1


async def test_a_property_list_says_what_is_changed() -> None:
    async with running() as world:
        _, _, path = await subscribe(world, URL, SubscriptionInfo="old", SubscriptionDuration=9)
        request = op.ModifyInstance(
            namespace=INTEROP,
            instance_name=path,
            modified_instance=instance(SUBSCRIPTION, SubscriptionInfo="new", SubscriptionState=4),
            property_list=("SubscriptionInfo", "subscriptionduration"),
        )
        await world.engine.execute(request, ROOT)
        told = await values(world, path)
        assert (told["SubscriptionInfo"], told["SubscriptionState"]) == ("new", 2)
        assert "SubscriptionDuration" not in told


async def test_all_of_an_instance_may_be_sent_back() -> None:
    async with running() as world:
        for path in await subscribe(world, URL, SubscriptionDuration=3600, SubscriptionInfo="old"):
            read = await values(world, path)
            await modify(world, path, **read)
            assert read.keys() == (await values(world, path)).keys()
        await modify(world, path, **{**read, "SubscriptionInfo": "new", "SubscriptionTimeRemaining": 17})
        assert (await values(world, path))["SubscriptionInfo"] == "new"
        with pytest.raises(CimError, match="subscriptionstarttime cannot be set"):
            await modify(world, path, SubscriptionStartTime=datetime(2026, 1, 1, tzinfo=UTC))


async def test_keys_are_not_changed() -> None:
    async with running() as world:
        path, _, _ = await subscribe(world, URL)
        with pytest.raises(CimError, match=r"key CIM_IndicationFilter\.Name cannot be changed"):
            await modify(world, path, Name="other")


async def test_everything_outlives_the_server(tmp_path: pathlib.Path) -> None:
    async with running(path=tmp_path / "state") as world:
        paths = await subscribe(world, URL, SubscriptionInfo="kept", RepeatNotificationPolicy=2)
        before = [await values(world, path) for path in paths]
    async with running(path=tmp_path / "state") as world:
        assert [await values(world, path) for path in paths] == before
        assert len(world.subscriptions.feeds) == 1
        await delete(world, paths[2])
    async with running(path=tmp_path / "state") as world:
        assert world.subscriptions.feeds == ()
        [record] = world.server.view.all(ListenerDestination).values()
        assert record.subscriptions == ()


async def test_a_subscription_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "_TIMER_S", (0.0, 60.0))
    async with running() as world:
        await world.subscriptions.add_filter(filter_record())
        await world.subscriptions.add_destination(destination_record())
        gone = asyncio.Event()
        end = world.server.subscribe(lambda _old, _new: gone.set() if not _any_left(world) else None)
        started = datetime.now(UTC) - timedelta(seconds=1)
        record = subscription_record(started=started, changed=started, duration_s=1)
        await world.subscriptions.add_subscription("l", record)
        async with asyncio.timeout(WITHIN_S):
            await gone.wait()
        end()
        assert world.subscriptions.feeds == ()


def _any_left(world: World) -> bool:
    return any(record.subscriptions for record in world.server.view.all(ListenerDestination).values())


async def test_what_ran_out_while_nobody_was_there_is_gone_at_the_start(tmp_path: pathlib.Path) -> None:
    started = datetime.now(UTC) - timedelta(days=1)
    async with running(path=tmp_path / "state") as world:
        await world.subscriptions.add_filter(filter_record())
        record = subscription_record(started=started, changed=started, duration_s=100)
        await world.subscriptions.add_destination(destination_record(subscriptions=(record,)))
    async with running(path=tmp_path / "state") as world:
        assert not _any_left(world)


async def test_a_filter_of_a_namespace_that_is_gone_lets_nothing_through(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(path=tmp_path / "state") as world:
        await world.subscriptions.add_filter(filter_record())
        await world.subscriptions.add_destination(destination_record(subscriptions=(subscription_record(),)))
        await world.state.run(
            lambda connection: connection.execute(
                "UPDATE indication_filters SET body = json_set(body, '$.namespaces', json('[\"root/x\"]'))"
            )
        )
    async with running(path=tmp_path / "state") as world:
        assert world.subscriptions.feeds == ()
        assert "filter f lets nothing through: there is no namespace 'root/x'" in caplog.text
