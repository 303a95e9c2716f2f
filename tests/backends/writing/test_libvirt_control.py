"""What a machine can be told in each of libvirt's states, on a domain made up for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.writing.control import carry_out
from xencim.providers.backends.records import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.backends.libvirt.calls.session import Session

CRASHED = [6, 1]


@dataclass
class Domain:
    """A crashed domain; ``active``: it was kept for inspection (on_crash preserve)."""

    active: bool
    done: list[str] = field(default_factory=list)

    def state(self) -> list[int]:
        return CRASHED

    def name(self) -> str:
        return "web"

    def isActive(self) -> int:  # noqa: N802 - as libvirt calls it
        return int(self.active)

    def create(self) -> None:
        self.done.append("create")

    def destroy(self) -> None:
        self.done.append("destroy")


def told(domain: Domain, action: Action) -> list[str]:
    def call(function: Callable[..., Any], *arguments: object) -> object:
        return function(*arguments)

    connection = SimpleNamespace(lookupByUUIDString=lambda _uuid: domain)
    carry_out(cast("Session", SimpleNamespace(call=call, connection=connection)), "uuid", action)
    return domain.done


def test_a_crashed_machine_that_was_kept_is_destroyed() -> None:
    assert told(Domain(active=True), Action.DESTROY) == ["destroy"]


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.DESTROY])
def test_a_crashed_machine_that_was_kept_does_nothing_else(action: Action) -> None:
    with pytest.raises(BackendError, match=f"web is crashed: it cannot {action.value}") as caught:
        told(Domain(active=True), action)
    assert caught.value.kind == "invalid_state"


def test_a_crashed_machine_that_is_off_is_started() -> None:
    assert told(Domain(active=False), Action.START) == ["create"]
    with pytest.raises(BackendError, match="web is crashed: it cannot destroy"):
        told(Domain(active=False), Action.DESTROY)
