"""A compiled policy decides as Simple Type Enforcement does, for all pairs of labels: the binary is asked."""

from __future__ import annotations

import pytest

from xencim.acm.flask.asking import enforced
from xencim.acm.flask.compiler import assemble, compile_source

from .policies import decided, machine, policy, random_policies, resource, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "all is there")


@pytest.mark.parametrize("seed", range(25))
def test_binary_and_definition_agree(seed: int) -> None:
    for known in random_policies(seed, 1):
        assert enforced(known, assemble(compile_source(known))) == decided(known)


def test_without_simple_type_enforcement_everything_is_shared() -> None:
    known = policy(machine("host"), machine("a"), resource("disk", "none"), bootstrap="host", ste_types=None)
    names = {"host", "a", "__UNLABELED__"}
    found = enforced(known, assemble(compile_source(known)))
    assert found.shares == {(one, other) for one in names for other in names}
    assert found.uses == {(one, "disk") for one in names}
    assert found.starts == found.control_shares == names
