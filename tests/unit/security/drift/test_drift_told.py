"""Each kind of drift that the server can notice is told by an alert, once, and again when it comes back."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.acm.model import UNLABELED
from xencim.providers.backends.records import (
    Disk,
    Drift,
    DriftKind,
    Labelled,
    Mode,
    Network,
    PowerState,
)
from xencim.providers.core.state import State
from xencim.providers.events.alerts import DRIFT, Alert, alert_of
from xencim.providers.security.applying import set_mode
from xencim.providers.security.labelling import Target, assign

from ..made_up_flask import MadeUpFlask
from ..security_world import A_BANK, B_BANK, IMAGES, OFF, OFF_TOO, RUNNING, banks, secured, without_b_bank

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ..security_world import Secured

ENABLED = 2


@asynccontextmanager
async def told(host: Secured) -> AsyncIterator[list[Alert]]:
    """Whatever listeners are told of drift meanwhile."""
    alerts: list[Alert] = []

    def changed(old: object, new: object) -> None:
        alert = alert_of(old, new)  # type: ignore[arg-type]
        if alert is not None and alert.name == DRIFT:
            alerts.append(alert)

    await host.security.drift.look()
    unsubscribe = host.inventory.subscribe(changed)
    try:
        yield alerts
    finally:
        unsubscribe()


async def once(host: Secured, alerts: list[Alert], kind: DriftKind) -> str:
    """Look twice; one thing of a kind was told, once. Return what was."""
    await host.security.drift.look()
    await host.security.drift.look()
    assert [alert.values["DriftKind"] for alert in alerts] == [("uint16", kind)]
    return alerts.pop().message


async def test_a_label_taken_away() -> None:
    async with secured(policy=banks()) as host, told(host) as alerts:
        await host.put_in_force(without_b_bank(banks("1.1", "1.0")))
        assert await once(host, alerts, DriftKind.LABEL_TAKEN_AWAY) == (
            f"machine {OFF_TOO!r}: its label 'B-Bank' was taken away by an update: assign another"
        )


async def test_a_policy_that_somebody_has_changed_on_disk(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state.sqlite")
    async with secured(policy=banks(), state=state) as host, told(host) as alerts:

        def tamper(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE security_documents SET xml = ?", (b"<x/>",))

        await state.run(tamper)
        assert await once(host, alerts, DriftKind.POLICY_DIFFERS) == (
            "the policy that is kept is not what was put in force: its digest differs"
        )


async def test_a_label_of_another_policy() -> None:
    async with secured(policy=banks()) as host, told(host) as alerts:
        label = host.security.labels.get(Labelled.MACHINE, host.vm(OFF).uuid)
        assert label is not None
        host.security.labels.put((replace(label, policy="rivals"),))
        assert await once(host, alerts, DriftKind.LABEL_OF_ANOTHER_POLICY) == (
            f"machine {OFF!r}: its label 'A-Bank' is of policy 'rivals', and in force is 'banks'"
        )


async def test_objects_that_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"x")
    async with secured(policy=banks()) as host, told(host) as alerts:
        network = "spare"
        host.inventory.put(replace(next(iter(host.inventory.view.all(Network).values())), name=network))
        await assign(host.security, Target(Labelled.NETWORK, network), A_BANK, principal="alice")
        await host.label_disk(str(path), A_BANK)
        uuid = host.vm(OFF).uuid
        await host.site.backend.undefine(uuid)
        assert await once(host, alerts, DriftKind.OBJECT_GONE) == (
            f"machine {uuid!r} has label 'A-Bank', and is not defined on this host"
        )
        path.rename(tmp_path / "elsewhere")
        assert await once(host, alerts, DriftKind.OBJECT_GONE) == (
            f"disk 'file:{path}' has label 'A-Bank', and is not there any more: moved, or deleted"
        )
        host.inventory.remove(Network, network)
        assert await once(host, alerts, DriftKind.OBJECT_GONE) == (
            f"network {network!r} has label 'A-Bank', and is not there any more"
        )


async def test_something_else_in_an_objects_place_and_once_more(tmp_path: Path) -> None:
    path, other = tmp_path / "disk", tmp_path / "other"
    for one in (path, other):
        one.write_bytes(b"x")
    async with secured(policy=banks()) as host, told(host) as alerts:
        await host.label_disk(str(path), A_BANK)
        path.rename(tmp_path / "kept")
        other.rename(path)
        what = await once(host, alerts, DriftKind.OBJECT_REPLACED)
        assert what.startswith(f"disk 'file:{path}' has label 'A-Bank', and something else is there now")
        await host.label_disk(str(path), A_BANK)
        assert await host.security.drift.look() == ()
        assert (host.inventory.view.all(Drift), alerts) == ({}, [])
        (tmp_path / "third").write_bytes(b"z")
        (tmp_path / "third").rename(path)
        assert await once(host, alerts, DriftKind.OBJECT_REPLACED) == what


async def test_two_labels_on_one_disk(tmp_path: Path) -> None:
    path, link = tmp_path / "disk", tmp_path / "link"
    path.write_bytes(b"x")
    os.link(path, link)
    async with secured(policy=banks()) as host, told(host) as alerts:
        await host.label_disk(str(path), A_BANK)
        await host.label_disk(str(link), B_BANK)
        assert "are the same, with labels" in await once(host, alerts, DriftKind.TWO_LABELS)


async def test_what_was_attached_to_a_running_machine_past_the_server() -> None:
    async with secured(policy=banks()) as host, told(host) as alerts:
        path = f"{IMAGES}/strange.qcow2"
        await host.label_disk(path, B_BANK)
        machine = host.vm(RUNNING)
        disk = Disk(target="xvdz", bus="xen", source_type="file", source=path, driver_type="raw")
        attached = replace(machine.current, disks=(*machine.current.disks, disk))
        await host.fake.reconfigure(machine.uuid, current=attached)
        what = await once(host, alerts, DriftKind.RUNS_AGAINST_POLICY)
        assert what.startswith(f"machine {RUNNING!r} runs against the policy: disk 'xvdz' (file:{path}): ")


async def test_a_machine_started_past_the_server_is_told_as_that_alone() -> None:
    async with secured(policy=banks()) as host, told(host) as alerts:
        await host.request(OFF, ENABLED)
        host.inventory.put(replace(host.vm(OFF_TOO), state=PowerState.RUNNING, id=77))
        what = await once(host, alerts, DriftKind.UNMANAGED_START)
        assert what.startswith(
            f"{OFF_TOO!r} was started past this server: alert: label 'B-Bank' is in conflict"
        )
        [drift] = host.inventory.view.all(Drift).values()
        assert (drift.kind, drift.is_news) == (DriftKind.RUNS_AGAINST_POLICY, False)
        host.inventory.put(replace(host.vm(OFF_TOO), state=PowerState.SHUT_OFF, id=None))
        assert await host.security.drift.look() == ()


async def test_what_was_permitted_for_a_trial_is_no_news() -> None:
    async with secured(policy=banks()) as host, told(host) as alerts:
        await set_mode(host.security, Mode.PERMISSIVE, principal="alice")
        for name in (OFF, OFF_TOO):
            await host.request(name, ENABLED)
        assert len(await host.security.drift.look()) == 1
        assert alerts == []


async def test_a_hypervisor_that_knows_a_machine_or_a_device_otherwise() -> None:
    async with secured(policy=banks()) as host:
        host.fake.flask = flask = MadeUpFlask()
        await host.security.hypervisor.load(banks())
        await assign(host.security, Target(Labelled.DEVICE, "0000:03:00.0"), A_BANK, principal="alice")
        async with told(host) as alerts:
            flask.labels = {RUNNING: A_BANK}
            assert await once(host, alerts, DriftKind.HYPERVISOR_DIFFERS) == (
                f"machine {RUNNING!r} runs with label 'A-Bank' by its hypervisor, and has label '{UNLABELED}'"
            )
            flask.forget_devices()
            assert await once(host, alerts, DriftKind.HYPERVISOR_DIFFERS) == (
                "device '0000:03:00.0' has label 'A-Bank', and the hypervisor was not given it: label it anew"
            )


async def test_a_server_that_starts_anew_does_not_tell_it_again(tmp_path: Path) -> None:
    file, path = tmp_path / "state.sqlite", tmp_path / "disk"
    path.write_bytes(b"x")
    async with secured(policy=banks(), state=State.open(file)) as host, told(host) as alerts:
        await host.label_disk(str(path), A_BANK)
        path.unlink()
        await once(host, alerts, DriftKind.OBJECT_GONE)
    async with secured(state=State.open(file)) as host:
        await host.security.drift.look()
        [drift] = host.inventory.view.all(Drift).values()
        assert (drift.kind, drift.is_news) == (DriftKind.OBJECT_GONE, False)
