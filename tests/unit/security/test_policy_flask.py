"""FLASK by the policy service: where the hypervisor has it, and where it is not built with XSM."""

from __future__ import annotations

import pytest

from xencim.acm.flask.names import context_of
from xencim.acm.model import LabelKind
from xencim.providers.backends.base import BackendError

from .made_up_flask import MadeUpFlask
from .policy_client import asked, messages
from .security_world import A_BANK, banks, secured

DONE, NOT_SUPPORTED, FAILED, INVALID = 0, 1, 4, 5


class Flask(MadeUpFlask):
    """One that notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[object, ...]] = []

    async def set_boolean(self, name: str, *, value: bool) -> None:
        if name != "guests_may":
            raise BackendError("not_found", f"The policy has no boolean {name}; it has guests_may")
        self.told.append((name, value))

    async def label_device(self, address: str, context: str) -> None:
        await super().label_device(address, context)
        self.told.append((address, context))

    async def set_enforcing(self, *, enforcing: bool) -> None:
        if not enforcing:
            raise BackendError("refused", "the hypervisor says no")
        self.told.append((enforcing,))


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("SetBoolean", {"Name": "guests_may", "Value": True}),
        ("LabelDevice", {"Device": "0000:03:00.0", "Label": A_BANK}),
        ("AssignLabel", {"Resource": "device:0000:03:00.0", "Label": A_BANK}),
        ("SetHypervisorEnforcement", {"Enforcing": True}),
    ],
)
async def test_a_hypervisor_without_it(method: str, parameters: dict[str, object]) -> None:
    async with secured(policy=banks()) as host:
        answer = await asked(host, method, **parameters)
        assert answer.return_value == NOT_SUPPORTED
        assert messages(answer) == [f"{host.fake.uri} has no FLASK: it is not built with XSM"]


async def test_a_hypervisor_with_it() -> None:
    async with secured() as host:
        host.fake.flask = flask = Flask()
        early = await asked(host, "LabelDevice", Device="0000:03:00.0", Label=A_BANK)
        assert early.return_value == FAILED
        await host.put_in_force(banks())
        for method, parameters in (
            ("SetBoolean", {"Name": "guests_may", "Value": False}),
            ("LabelDevice", {"Device": "0000:03:00.0", "Label": A_BANK}),
            ("SetHypervisorEnforcement", {"Enforcing": True}),
        ):
            answer = await asked(host, method, **parameters)
            assert answer.return_value == DONE
        assert flask.told == [
            ("guests_may", False),
            ("0000:03:00.0", context_of(A_BANK, LabelKind.RESOURCE)),
            (True,),
        ]
        unknown = await asked(host, "SetBoolean", Name="other", Value=True)
        assert (unknown.return_value, messages(unknown)) == (
            INVALID,
            ["The policy has no boolean other; it has guests_may"],
        )
        refused = await asked(host, "SetHypervisorEnforcement", Enforcing=False)
        assert (refused.return_value, messages(refused)) == (FAILED, ["the hypervisor says no"])
        label = await asked(host, "LabelDevice", Device="0000:03:00.0", Label="nobody's")
        assert label.return_value == INVALID
