"""What is told of a peer."""

from __future__ import annotations

import os
import socket

import pytest

from xencim.cimom_glue.server.peer import Peer, Transport, is_loopback, peer_of, subject_user


def test_the_kernel_tells_the_user_of_a_unix_socket() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        assert peer_of(left, Transport.UNIX) == Peer(
            Transport.UNIX, f"uid {os.getuid()}", local=True, uid=os.getuid()
        )


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_addresses_of_this_machine(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "fe80::1%eth0"])
def test_addresses_of_others(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
    ],
)
def test_limits_count_by_network(address: str, bucket: str) -> None:
    assert Peer(Transport.HTTPS, address, local=False).bucket == bucket


def test_the_user_of_a_certificate_is_one_attribute_of_its_subject() -> None:
    certificate = {"subject": ((("organizationName", "x"),), (("commonName", "alice"),))}
    assert subject_user(certificate, "commonName") == "alice"
    assert subject_user(certificate, "emailAddress") is None
    assert subject_user({"subject": ((("commonName", "a"),), (("commonName", "b"),))}, "commonName") is None
    assert subject_user({}, "commonName") is None
    assert subject_user(None, "commonName") is None
