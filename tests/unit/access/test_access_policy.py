"""Who may do what: the security policy's right stands beside those over machines."""

from __future__ import annotations

import pytest

from xencim.providers.core.access import Access, AccessPolicy, Principal, Rule
from xencim.providers.core.errors import CimError, Status

RULES = AccessPolicy(
    read=Rule(users=frozenset({"reader"})),
    operate=Rule(groups=frozenset({"operators"})),
    admin=Rule(users=frozenset({"admin"})),
    policy=Rule(groups=frozenset({"security"})),
)
READ, OPERATE, ADMIN, POLICY = Access.READ, Access.OPERATE, Access.ADMIN, Access.POLICY


@pytest.mark.parametrize(
    ("principal", "has"),
    [
        (Principal("nobody"), set()),
        (Principal("reader"), {READ}),
        (Principal("other", frozenset({"operators"})), {READ, OPERATE}),
        (Principal("admin"), {READ, OPERATE, ADMIN}),
        (Principal("officer", frozenset({"security"})), {READ, POLICY}),
        (Principal("admin", frozenset({"security"})), set(Access)),
        (Principal("officer", frozenset({"security"}), anonymous=True), set()),
    ],
)
def test_each_kind_of_access(principal: Principal, has: set[Access]) -> None:
    assert {access for access in Access if RULES.has(principal, access)} == has


def test_by_default_the_administrators_have_both() -> None:
    rules = AccessPolicy()
    for principal in (Principal("root"), Principal("a", frozenset({"xencim-admin"}))):
        assert all(rules.has(principal, access) for access in Access)
    officer = Principal("o", frozenset({"xencim-policy"}))
    assert [access for access in Access if rules.has(officer, access)] == [READ, POLICY]


def test_a_refusal_names_who_lacks_what() -> None:
    with pytest.raises(CimError) as refused:
        RULES.demand(Principal("admin"), POLICY, "LoadPolicy of the service")
    assert refused.value.status is Status.ACCESS_DENIED
    assert refused.value.description.startswith("'admin' has no policy access: LoadPolicy of the service")
