"""A compiled policy decides as Simple Type Enforcement does, for all pairs of labels: the binary is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xencim.acm.decisions.rules import Rules
from xencim.acm.flask.asking import enforced
from xencim.acm.flask.compiler import assemble, compile_source
from xencim.acm.model import UNLABELED, LabelKind

from .policies import decided, machine, policy, random_policies, resource, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "all is there")


@pytest.mark.parametrize("seed", range(25))
def test_binary_and_definition_agree(seed: int) -> None:
    for known in random_policies(seed, 1):
        assert enforced(known, assemble(compile_source(known))) == decided(known)


@pytest.mark.parametrize("seed", range(100, 103))
def test_binary_and_management_path_agree(seed: int) -> None:
    for known in random_policies(seed, 1):
        rules, found = Rules(known), enforced(known, assemble(compile_source(known)))
        machines = {label.name for label in known.machine_labels} | {UNLABELED}
        devices = {label.name for label in known.resource_labels}
        assert found.shares == {(a, b) for a in machines for b in machines if rules.may_share(a, b)}
        assert found.uses == {
            (a, d) for a in machines for d in devices if rules.may_share(a, d, LabelKind.RESOURCE)
        }
        assert found.starts == {a for a in machines if rules.may_run(a)}


@pytest.mark.skipif("XENCIM_XEN_SOURCES" not in os.environ, reason="XENCIM_XEN_SOURCES names no tree of Xen")
@pytest.mark.parametrize("seed", range(200, 210))
def test_on_xens_own_base_too(seed: int) -> None:
    tree = Path(os.environ["XENCIM_XEN_SOURCES"])
    for known in random_policies(seed, 1):
        assert enforced(known, assemble(compile_source(known, base=tree))) == decided(known)


def test_without_simple_type_enforcement_everything_is_shared() -> None:
    known = policy(machine("host"), machine("a"), resource("disk", "none"), bootstrap="host", ste_types=None)
    names = {"host", "a", "__UNLABELED__"}
    found = enforced(known, assemble(compile_source(known)))
    assert found.shares == {(one, other) for one in names for other in names}
    assert found.uses == {(one, "disk") for one in names}
    assert found.starts == found.control_shares == names
