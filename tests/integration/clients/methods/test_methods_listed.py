"""No method is served of QEMU's hosts that no real client has ever called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xencim.providers.catalogue import ASSOCIATIONS, SPECS

from .actors import CANNOT, CLIENTS, operation
from .scenarios import ELSEWHERE, SCENARIOS

if TYPE_CHECKING:
    from xencim.providers.core.spec import AssocSpec, ClassSpec

ALL: tuple[ClassSpec | AssocSpec, ...] = (*SPECS, *ASSOCIATIONS)
SERVED = [spec for spec in ALL if spec.prefixes is None or "KVM" in spec.prefixes]
ASKED = {operation(step.wish) for scenario in SCENARIOS for step in scenario(Path("/unused"))}
METHODS = {(spec.cim_class, method.name) for spec in SERVED for method in getattr(spec, "methods", ())}
WRITES = {
    (spec.cim_class, f"{name.capitalize()}Instance")
    for spec in SERVED
    for name in ("create", "modify", "delete")
    if spec.writes is not None and getattr(spec.writes, name) is not None
}


def test_every_operation_is_in_a_scenario_or_has_its_test_elsewhere() -> None:
    elsewhere = {what for what in METHODS | WRITES if what in ELSEWHERE or (what[0], "") in ELSEWHERE}
    assert ASKED | elsewhere == METHODS | WRITES
    assert ASKED & elsewhere == set()


def test_what_has_its_test_elsewhere_has_it(repository: Path) -> None:
    for (cls, method), (file, reason) in ELSEWHERE.items():
        assert (method or cls) in (repository / "tests" / "integration" / file).read_text(), reason


def test_what_a_client_cannot_ask_for_is_known_and_asked_for_by_others() -> None:
    assert set(CANNOT) < set(CLIENTS)
    for missing in CANNOT.values():
        assert set(missing) < ASKED
