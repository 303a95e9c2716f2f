"""Signed bundles at the policy service: who is trusted, what leads back, what is told of the signer."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from xencim.acm.bundles import create_bundle, make_key
from xencim.acm.language import write_policy
from xencim.providers.backends.records import PolicyTrust, SecurityPolicy

from .policy_client import asked, found, messages
from .security_world import banks, secured

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from xencim.acm.model import Policy

DONE, NOT_SUPPORTED, FAILED, INVALID = 0, 1, 4, 5


def make_signer(folder: Path, name: str) -> Ed25519PrivateKey:
    """Make a key whose public half is in a trust store."""
    private, public = make_key()
    folder.mkdir(mode=0o755, exist_ok=True)
    (folder / f"{name}.pem").write_bytes(public)
    return load_pem_private_key(private, None)  # type: ignore[return-value]


@pytest.fixture
def trust(tmp_path: Path) -> PolicyTrust:
    return PolicyTrust(folder=str(tmp_path / "trust"))


@pytest.fixture
def alice(tmp_path: Path) -> Ed25519PrivateKey:
    return make_signer(tmp_path / "trust", "alice")


def bundle(policy: Policy, key: Ed25519PrivateKey) -> str:
    made = create_bundle(write_policy(policy), key, datetime(2026, 5, 6, tzinfo=UTC))
    return base64.b64encode(made).decode()


async def test_a_signed_policy_is_put_in_force(trust: PolicyTrust, alice: Ed25519PrivateKey) -> None:
    async with secured() as host:
        host.inventory.put(trust)
        tried = await asked(host, "ImportBundle", Bundle=bundle(banks(), alice), DryRun=True)
        assert (tried.return_value, tried.out["Signer"], "Policy" in tried.out) == (DONE, "alice", False)
        assert found(tried, "Plan")[0]["Feasible"] is True
        taken = await asked(host, "ImportBundle", Bundle=bundle(banks(), alice), ExpectedDigest="")
        assert taken.return_value == DONE
        assert host.inventory.view.all(SecurityPolicy)["policy"].signer == "alice"
        # Signed once, the document is known as signed however it comes back.
        await asked(host, "LoadPolicy", Representation=write_policy(banks("1.1", "1.0")).decode())
        assert host.inventory.view.all(SecurityPolicy)["policy"].signer is None
        digest = host.inventory.view.all(SecurityPolicy)["policy"].digest
        back = (await host.security.store.history())[1].to_digest
        assert (await asked(host, "RollBackPolicy", Digest=back, ExpectedDigest=digest)).return_value == DONE
        assert host.inventory.view.all(SecurityPolicy)["policy"].signer == "alice"
        kept, _ = await host.security.store.load()
        assert kept.signer == "alice"


async def test_no_bundle_leads_back(trust: PolicyTrust, alice: Ed25519PrivateKey) -> None:
    async with secured() as host:
        host.inventory.put(trust)
        for policy in (banks(), banks("1.1", "1.0")):
            assert (await asked(host, "ImportBundle", Bundle=bundle(policy, alice))).return_value == DONE
        old = await asked(host, "ImportBundle", Bundle=bundle(banks(), alice))
        assert old.return_value == FAILED
        assert host.security.in_force is not None
        assert str(host.security.in_force.policy.header.version) == "1.1"


async def test_nobody_trusted(trust: PolicyTrust, alice: Ed25519PrivateKey, tmp_path: Path) -> None:
    mallory = make_signer(tmp_path / "elsewhere", "mallory")
    signed = bundle(banks(), alice)
    async with secured() as host:
        unset = await asked(host, "ImportBundle", Bundle=signed)
        assert unset.return_value == NOT_SUPPORTED
        assert messages(unset) == [
            "the server trusts nobody's signature: policy.trust in its configuration names a folder of keys"
        ]
        host.inventory.put(trust)
        stranger = await asked(host, "ImportBundle", Bundle=bundle(banks(), mallory))
        assert stranger.return_value == FAILED
        assert messages(stranger)[0].startswith(
            "the bundle is signed by nobody who is trusted (trusted: alice)"
        )
        assert (await asked(host, "ImportBundle", Bundle="no base64!")).return_value == INVALID
        (tmp_path / "trust").chmod(0o777)
        assert "others may write" in messages(await asked(host, "ImportBundle", Bundle=signed))[0]
        assert host.security.in_force is None
