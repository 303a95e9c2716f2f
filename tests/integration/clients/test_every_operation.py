"""Every operation: answered in valid CIM-XML, refused without credentials and without the right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import pywbem
from lxml import etree

from xencim.providers.catalogue import SPECS
from xencim.providers.core.access import Access

from .every_operation import EVERY, METHOD, NOT_OFFERED, OPENS, PULLS, READS
from .programs import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import ServerProcess

    Judge = Callable[[bytes, str], None]

ACCESS_DENIED = 2
METHODS = sorted(
    {(f"Xen_{spec.cim_class}", method.name, method.access) for spec in SPECS for method in spec.methods}
)
# Who has less than a method needs.
SHORT_OF = {
    Access.READ: ["stranger"],
    Access.OPERATE: ["stranger", "reader"],
    Access.ADMIN: ["stranger", "reader", "operator"],
    Access.POLICY: ["stranger", "reader", "operator"],
}


@pytest.fixture(scope="module")
def judge(shared_dir: Path) -> Judge:
    """Validate a reply against a DTD of DSP0203."""
    dtds: dict[str, etree.DTD] = {}

    def check(reply: bytes, version: str) -> None:
        if version not in dtds:
            dtds[version] = etree.DTD(str(shared_dir / "dtd" / f"DSP0203_{version}.dtd"))
        assert dtds[version].validate(etree.fromstring(reply)), str(dtds[version].error_log)

    return check


def record(connection: Any) -> list[bytes]:  # noqa: ANN401 - a WBEMConnection
    """Return a list that every further reply's body comes to."""
    replies: list[bytes] = []
    connection.session.hooks["response"].append(lambda response, **_: replies.append(response.content))
    return replies


@pytest.mark.parametrize("name", [*READS, *METHOD])
def test_replies_are_valid(own_server: ServerProcess, judge: Judge, name: str) -> None:
    with connect(own_server) as connection:
        replies = record(connection)
        assert EVERY[name](connection)
        [reply] = replies
        judge(reply, "2.4.0")
        judge(reply, "2.3.1")


@pytest.mark.parametrize("name", OPENS)
def test_pulled_replies_are_valid(fake_server: ServerProcess, judge: Judge, name: str) -> None:
    with connect(fake_server) as connection:
        replies = record(connection)
        opened: Any = OPENS[name](connection)
        pull = partial(getattr(connection, PULLS[name]), opened.context)
        assert pull(MaxObjectCount=0)[0] == []
        first = pull(MaxObjectCount=1)
        if not first.eos:
            connection.CloseEnumeration(first.context)
        for reply in replies:
            judge(reply, "2.4.0")
        assert len(replies) == (3 if first.eos else 4)


@pytest.mark.parametrize("name", NOT_OFFERED)
def test_what_is_not_offered_says_so(fake_server: ServerProcess, judge: Judge, name: str) -> None:
    with connect(fake_server) as connection:
        replies = record(connection)
        with pytest.raises(pywbem.CIMError) as caught:
            NOT_OFFERED[name](connection)
        assert caught.value.status_code == pywbem.CIM_ERR_NOT_SUPPORTED
        assert caught.value.status_description.endswith(" is not offered by this server")
        judge(replies[0], "2.4.0")
        judge(replies[0], "2.3.1")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_without_credentials_everything_is_401(fake_server: ServerProcess, scheme: str) -> None:
    connection = pywbem.WBEMConnection(
        fake_server.url(scheme), None, "root/virt", ca_certs=fake_server.certificate
    )
    replies = record(connection)
    for name, ask in EVERY.items():
        with pytest.raises(pywbem.AuthError) as caught:
            ask(connection)
        assert "401" in str(caught.value), name
    for class_name, method, _access in METHODS:
        with pytest.raises(pywbem.AuthError):
            connection.InvokeMethod(method, class_name)
    connection.close()
    assert not any(b"CIM" in reply for reply in replies)


def test_without_any_right_everything_is_denied(fake_server: ServerProcess) -> None:
    with connect(fake_server, account="stranger") as connection:
        for name, ask in EVERY.items():
            with pytest.raises(pywbem.CIMError) as caught:
                ask(connection)
            assert caught.value.status_code == ACCESS_DENIED, name
            assert "'stranger' has no " in caught.value.status_description


@pytest.mark.parametrize(("class_name", "method", "access"), METHODS)
def test_every_method_without_the_right_is_denied(
    fake_server: ServerProcess, class_name: str, method: str, access: Access
) -> None:
    for account in SHORT_OF[access]:
        with connect(fake_server, account=account) as connection:
            with pytest.raises(pywbem.CIMError) as caught:
                connection.InvokeMethod(method, class_name)
            assert caught.value.status_code == ACCESS_DENIED
            assert caught.value.status_description.startswith(f"'{account}' has no ")


def test_the_method_with_the_right_is_carried_out(own_server: ServerProcess) -> None:
    for account in ("operator", "admin"):
        with connect(own_server, account=account) as connection:
            EVERY["InvokeMethod"](connection)
