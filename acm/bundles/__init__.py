"""Policies in signed bundles."""

from xencim.acm.bundles.bundle import Bundle, create_bundle, verify_bundle
from xencim.acm.bundles.keys import TrustStore, key_id, load_private_key, make_key

__all__ = [
    "Bundle",
    "TrustStore",
    "create_bundle",
    "key_id",
    "load_private_key",
    "make_key",
    "verify_bundle",
]
