"""Destinations as the configuration names them: what is wrong with one is said by its name."""

from __future__ import annotations

import pytest

from xencim.cimom_glue.config.destinations import DESTINATIONS
from xencim.providers.backends.records import Destination, Transport

SERVER = {"name": "b", "url": "https://b.example:5989", "user": "mover", "password_file": "/etc/b"}


def test_a_server_is_reached_by_tls_on_its_own_host() -> None:
    [found] = DESTINATIONS.read([SERVER])
    assert found == Destination(
        name="b",
        url="https://b.example:5989",
        user="mover",
        password_file="/etc/b",
        transport=Transport(kind="tls", data="tls", host="b.example"),
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"url": "http://b.example:5989"}, "url 'http://b.example:5989' is not https://HOST:PORT"),
        ({"url": "https://u:p@b.example"}, "is not https://HOST:PORT"),
        ({"transport": "ext"}, "transport 'ext' is not one of tls, ssh, tcp, unix"),
        ({"hypervisor_host": "b/system?command=x"}, "is neither a host's name nor an address"),
        ({"hypervisor_socket": "/run/x"}, "hypervisor_socket is of no use with this transport"),
        (
            {"transport": "unix", "hypervisor_socket": "/run/x?y", "data_socket": "/run/z"},
            "is no absolute path",
        ),
        ({"uri": "qemu:///system"}, "there is no setting uri"),
        ({"user": ""}, "every setting is a string, and none is empty"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match="destination 'b': ") as caught:
        DESTINATIONS.read([{**SERVER, **changes}])
    assert text in str(caught.value)


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="there are two destinations 'B'"):
        DESTINATIONS.read([SERVER, {**SERVER, "name": "B"}])
