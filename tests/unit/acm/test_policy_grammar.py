"""Mutated documents: our grammar against the schema of Xen 4.1, our rules against rules written twice."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from xencim.acm.language import document_sha1, read_document, write_policy
from xencim.acm.model import PolicyError, XsErr

from .policy_strategies import broken_rules

if TYPE_CHECKING:
    import random
    from pathlib import Path

NAMES = ("DEFAULT", "client_v1", "test", "xm-test", "mytest")
ROUNDS = 150
TEXTS = ("", "a", "1.0", "1x0", "12", " ", "SystemManagement", "a:b", "123456789.0", "ä")
ATTRIBUTES = ("name", "from", "priority", "bootstrap", "other")


@cache
def sample(folder: Path, name: str) -> bytes:
    return (folder / f"{name}-security_policy.xml").read_bytes()


@cache
def original(folder: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(folder / "security_policy.xsd"))


def mutated(data: bytes, choose: random.Random) -> bytes:
    """Return a document with an element or two changed, moved, doubled or gone."""
    root = etree.fromstring(data)
    for _ in range(choose.randint(1, 2)):
        nodes = [node for node in root.iter() if isinstance(node.tag, str) and node is not root]
        node, other = choose.choice(nodes), choose.choice(nodes)
        parent = node.getparent()
        assert parent is not None
        match choose.randrange(7):
            case 0:
                parent.remove(node)
            case 1:
                parent.insert(choose.randint(0, len(parent)), etree.fromstring(etree.tostring(node)))
            case 2:
                if node is not other and node not in other.iterancestors():
                    other.append(node)
            case 3:
                node.text = choose.choice(TEXTS)
            case 4:
                node.tag = choose.choice((other.tag, "no-namespace", "{urn:x}y"))
            case 5:
                node.set(choose.choice(ATTRIBUTES), choose.choice((*TEXTS, "PrimaryPolicyComponent")))
            case _:
                node.attrib.clear()
    return etree.tostring(root)


@pytest.mark.parametrize("name", NAMES)
@given(choose=st.randoms(use_true_random=False))
@settings(max_examples=ROUNDS, deadline=None)
def test_what_the_original_accepts(shared_dir: Path, name: str, choose: random.Random) -> None:
    folder = shared_dir / "acm"
    data = mutated(sample(folder, name), choose)
    valid = original(folder).validate(etree.fromstring(data))
    try:
        document = read_document(data, "f")
    except PolicyError as error:
        refused = error.findings
    else:
        refused = ()
        assert valid or document.is_upgraded
        assert broken_rules(document.policy) == []
        assert read_document(write_policy(document.policy)).policy == document.policy
    assert all(finding.line for finding in refused)
    # A version that the schema lets through and nobody could ever read is the one exception.
    grammar = [one for one in refused if one.xserr is XsErr.BAD_XML and one.element != "Version"]
    assert not (valid and grammar)


@pytest.mark.parametrize("name", NAMES)
@given(choose=st.randoms(use_true_random=False))
@settings(max_examples=ROUNDS, deadline=None)
def test_broken_bytes_are_refused_or_read(shared_dir: Path, name: str, choose: random.Random) -> None:
    broken = bytearray(sample(shared_dir / "acm", name))
    for _ in range(choose.randint(1, 4)):
        at = choose.randrange(len(broken))
        broken[at : at + choose.randint(0, 3)] = choose.choice((b"", b"<", b"&", b">", b"\0", b"\xff", b"a"))
    try:
        policy = read_document(bytes(broken)).policy
        document_sha1(bytes(broken))
    except PolicyError:
        return
    assert broken_rules(policy) == []
