"""Labels of PCI devices: kept, and given to the hypervisor anew by whatever takes them from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.acm.flask.names import UNLABELLED_DEVICE, context_of
from xencim.acm.language import write_policy
from xencim.acm.model import LabelKind
from xencim.providers.core.state import State
from xencim.providers.security.applying import reset, roll_back
from xencim.providers.security.stores.store import digest_of

from ..made_up_flask import MadeUpFlask
from ..policy_client import asked, found, messages
from ..security_world import A_BANK, B_BANK, banks, secured, without_b_bank

if TYPE_CHECKING:
    from pathlib import Path

    from xencim.acm.model import Policy

    from ..security_world import Secured

DONE, FAILED, INVALID = 0, 4, 5
NIC, DISK = "0000:03:00.0", "0000:04:00.1"
FIRST, SECOND = banks(), banks("1.1", previous="1.0")
CALLED_A = context_of(A_BANK, LabelKind.RESOURCE)
CALLED_B = context_of(B_BANK, LabelKind.RESOURCE)


async def labelled(host: Secured) -> MadeUpFlask:
    """A hypervisor under the first policy that knows two devices by their labels."""
    host.fake.flask = flask = MadeUpFlask()
    await host.put_in_force(FIRST)
    for device, label in ((NIC.upper(), A_BANK), ("0:4:0.1", B_BANK)):
        assert (await asked(host, "LabelDevice", Device=device, Label=label)).return_value == DONE
    assert flask.devices == {NIC: CALLED_A, DISK: CALLED_B}
    return flask


def renamed(policy: Policy) -> Policy:
    """The same policy, in which the first bank's resources have another name."""
    return replace(
        policy,
        resource_labels=tuple(
            replace(label, name="First-Bank", previous=A_BANK) if label.name == A_BANK else label
            for label in policy.resource_labels
        ),
    )


async def test_a_newer_policy_and_the_way_back() -> None:
    async with secured() as host:
        flask = await labelled(host)
        await host.put_in_force(renamed(SECOND))
        assert flask.devices == {
            NIC: context_of("First-Bank", LabelKind.RESOURCE),
            DISK: CALLED_B,
        }
        await asked(host, "AssignLabel", Resource=f"device:{NIC}", Label=B_BANK)
        await roll_back(host.security, digest_of(write_policy(FIRST)), principal="alice")
        assert flask.devices == {NIC: CALLED_B, DISK: CALLED_B}


async def test_without_a_policy_and_with_one_again() -> None:
    async with secured() as host:
        flask = await labelled(host)
        await reset(host.security, principal="alice")
        assert flask.devices == {NIC: CALLED_A, DISK: CALLED_B}
        await host.put_in_force(SECOND)
        assert flask.devices == {NIC: CALLED_A, DISK: CALLED_B}


async def test_a_label_that_is_gone_is_given_no_more() -> None:
    async with secured() as host:
        flask = await labelled(host)
        await host.put_in_force(without_b_bank(SECOND))
        assert flask.devices == {NIC: CALLED_A}
        [gone] = await host.security.drift.look()
        assert gone.message.startswith(f"device {DISK!r}: its label {B_BANK!r} was taken away")


async def test_what_is_taken_back_leaves_devices_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    async with secured() as host:
        flask = await labelled(host)

        async def fails(_change: object) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr(host.security.store, "apply", fails)
        with pytest.raises(OSError, match="full"):
            await host.put_in_force(renamed(SECOND))
        assert flask.devices == {NIC: CALLED_A, DISK: CALLED_B}


async def test_a_hypervisor_that_started_anew(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    async with secured(state=State.open(file)) as host:
        await labelled(host)
    async with secured(state=State.open(file)) as host:
        host.fake.flask = flask = MadeUpFlask()
        await host.security.hypervisor.take_up(was_changing=False)
        assert flask.devices == {NIC: CALLED_A, DISK: CALLED_B}


async def test_a_device_that_is_not_there_keeps_no_policy_from_coming_into_force() -> None:
    async with secured() as host:
        flask = await labelled(host)
        flask.missing.add(NIC)
        await host.put_in_force(SECOND)
        assert flask.devices == {DISK: CALLED_B}
        [drift] = await host.security.drift.look()
        assert drift.message == (
            f"device {NIC!r} has label {A_BANK!r}, and the hypervisor was not given it: label it anew"
        )
        refused = await asked(host, "LabelDevice", Device=NIC, Label=A_BANK)
        assert (refused.return_value, messages(refused)) == (FAILED, [f"there is no device {NIC}"])


async def test_devices_among_the_labels() -> None:
    async with secured() as host:
        flask = await labelled(host)
        told = found(await asked(host, "GetLabels"), "Labels")
        assert [(one["Kind"], one["Object"], one["Label"]) for one in told] == [
            (6, NIC, A_BANK),
            (6, DISK, B_BANK),
        ]
        assert (await asked(host, "AssignLabel", Resource=f"device:{NIC}")).return_value == DONE
        assert flask.devices == {NIC: UNLABELLED_DEVICE, DISK: CALLED_B}
        assert [one["Object"] for one in found(await asked(host, "GetLabels"), "Labels")] == [DISK]
        wrong = await asked(host, "AssignLabel", Resource="device:eth0", Label=A_BANK)
        assert (wrong.return_value, messages(wrong)) == (
            INVALID,
            ["'eth0' is no PCI device: give its address, like 0000:03:00.0"],
        )
