"""Hosts whose policy and labels follow a real slapd, through good publications and bad, gone and back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xencim.acm.directory.connection import connected
from xencim.acm.directory.publication import Assignment, Content, Publication
from xencim.acm.directory.store import DirectoryStore
from xencim.acm.language import write_policy
from xencim.acm.model import ConflictSet, Header, Label, LabelKind, Policy, PolicyReference, Version
from xencim.cimom_glue.app import Application
from xencim.cimom_glue.cli.doctor.directory import check_directory
from xencim.cimom_glue.config import ConfigError, load
from xencim.cimom_glue.directory import make_follower
from xencim.providers.backends.records import Action, Labelled, VirtualMachine
from xencim.providers.security.applying import reset
from xencim.providers.security.directory import Directory
from xencim.providers.security.enforcement.refusals import DeniedError
from xencim.providers.security.labelling import Target, assign

from .slapd import BASE, SLAPD, Authority, Slapd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from xencim.cimom_glue.config import Config
    from xencim.providers.core.served import Site

pytestmark = pytest.mark.skipif(
    SLAPD is None, reason="slapd is not installed (Debian's package of that name)"
)
KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(letter * 32) for letter in (b"k", b"x"))
OFF, OFF_TOO = "vm-00002", "vm-00006"
LABELS = (Assignment(f"machine:{OFF}", "A"), Assignment(f"machine:{OFF_TOO}", "B"))


def policy(version: int) -> Policy:
    names = ("host", "__UNLABELED__", "A", "B")
    own = {name: frozenset({name, "__UNLABELED__"}) for name in names}
    labels = tuple(
        Label(name, LabelKind.MACHINE, frozenset(names) if name == "host" else own[name], frozenset({name}))
        for name in names
    )
    return Policy(
        Header(
            "banks",
            Version(1, version),
            previous=PolicyReference("banks", f"1.{version - 1}") if version else None,
        ),
        ste_types=names,
        chinese_wall_types=names,
        conflict_sets=(ConflictSet("rivals", frozenset("AB")),),
        bootstrap="host",
        machine_labels=labels,
    )


def signed(
    serial: int, labels: tuple[Assignment, ...] = LABELS, *, version: int = 0, key: Ed25519PrivateKey = KEY
) -> Publication:
    content = Content("banks", serial, write_policy(policy(version)), labels)
    return Publication(content, key.sign(content.statement()))


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    (tmp_path / "slapd").mkdir()
    server = Slapd(tmp_path / "slapd", Authority(tmp_path / "authority"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def config(tmp_path: Path, slapd: Slapd) -> Config:
    trust, settings = tmp_path / "trust", slapd.settings()
    trust.mkdir(mode=0o755)
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (trust / "office.pem").write_bytes(public)
    (tmp_path / "state").mkdir()
    given: dict[str, str | list[str]] = {
        "backends": ["fake:8"],
        "state_dir": str(tmp_path / "state"),
        "policy.trust": str(trust),
        "policy.directory.url": settings.url,
        "policy.directory.base": BASE,
        "policy.directory.name": "banks",
        "policy.directory.ca": str(settings.ca_file),
        "policy.directory.interval_s": "3600",
        **{f"server.{way}": "off" for way in ("http", "https", "socket")},
    }
    (tmp_path / "xencim.toml").touch()
    flags = {f"XENCIM_{key.replace('.', '_').upper()}": value for key, value in given.items()}
    environ = {name: value if isinstance(value, str) else ",".join(value) for name, value in flags.items()}
    return load(file=str(tmp_path / "xencim.toml"), environ=environ).config


@pytest.fixture
async def site(config: Config) -> AsyncIterator[Site]:
    """A host that follows nothing by itself."""
    alone = replace(config, policy=replace(config.policy, directory=load(environ={}).config.policy.directory))
    application = Application(alone)
    await application.start()
    try:
        yield application.world.sites[0]
    finally:
        await application.stop()


@pytest.fixture
def directory(config: Config, site: Site) -> Directory:
    follower = make_follower(config, config.state_dir / "kept")
    assert follower is not None
    return Directory("test banks", follower, [site.security], 3600)


def labels(site: Site) -> dict[str, str]:
    names = {uuid: machine.name for uuid, machine in site.inventory.view.all(VirtualMachine).items()}
    return {names.get(label.object, label.object): label.label for label in site.security.labels.all()}


def version(site: Site) -> str:
    assert site.security.in_force is not None
    return str(site.security.in_force.policy.header.version)


async def test_what_is_published_is_in_force(slapd: Slapd, site: Site, directory: Directory) -> None:
    store = DirectoryStore(slapd.settings())
    await directory.look()
    (problem,) = directory.problems
    assert problem.startswith("The directory has no such publication")
    assert labels(site) == {}
    await asyncio.to_thread(store.publish, signed(1, (*LABELS, Assignment("machine:elsewhere", "B"))))
    await directory.look()
    assert (directory.problems, version(site), labels(site)) == ((), "1.0", {OFF: "A", OFF_TOO: "B"})
    entries = await site.security.store.history()
    assert {entry.principal for entry in entries} == {"directory test banks"}
    assert site.security.in_force is not None
    assert site.security.in_force.signer == "office"
    uuids = [machine.uuid for name in (OFF, OFF_TOO) if (machine := site.inventory.view.machine_named(name))]
    await site.backend.control(uuids[0], Action.START, None)
    with pytest.raises(DeniedError, match="rivals"):
        await site.backend.control(uuids[1], Action.START, None)
    # What was done here meanwhile is made as it is published, and what is published no more is taken away.
    await assign(site.security, Target(Labelled.MACHINE, uuids[1]), "A", principal="alice")
    await reset(site.security, principal="alice")
    await directory.look()
    assert (directory.problems, version(site)) == ((), "1.0")
    await asyncio.to_thread(store.publish, signed(2, LABELS[:1], version=1))
    await directory.look()
    assert (directory.problems, version(site), labels(site)) == ((), "1.1", {OFF: "A"})


async def test_the_last_good_one_stays(
    slapd: Slapd, site: Site, directory: Directory, config: Config
) -> None:
    store = DirectoryStore(slapd.settings())
    await asyncio.to_thread(store.publish, signed(1))
    await directory.look()
    await asyncio.to_thread(store.publish, signed(2, version=1, key=OTHER_KEY))
    await directory.look()
    (problem,) = directory.problems
    assert problem.startswith("The publication banks 2 is not signed by a trusted key")
    assert problem.endswith("; banks 1 stays in use")
    check = await asyncio.to_thread(check_directory, config)
    assert (check.ok, "not signed by a trusted key" in check.detail) == (False, True)
    slapd.stop()
    await directory.look()
    assert directory.problems[0].startswith("The directory is away")
    assert (version(site), labels(site)) == ("1.0", {OFF: "A", OFF_TOO: "B"})
    slapd.start()
    await asyncio.to_thread(store.publish, signed(3, version=1))
    await directory.look()
    assert (directory.problems, version(site)) == ((), "1.1")


async def test_a_changed_entry_is_not_believed(slapd: Slapd, site: Site, directory: Directory) -> None:
    await asyncio.to_thread(DirectoryStore(slapd.settings()).publish, signed(1))
    await directory.look()
    with connected(slapd.settings()) as session:
        document = write_policy(policy(1))
        session.replace(f"cn=banks,{BASE}", {"xencimPolicyDocument": document}, was={"xencimSerial": "1"})
    await directory.look()
    assert "was changed after it was signed" in directory.problems[0]
    assert version(site) == "1.0"


async def test_what_runs_is_in_the_way_of_a_policy(slapd: Slapd, site: Site, directory: Directory) -> None:
    store = DirectoryStore(slapd.settings())
    await asyncio.to_thread(store.publish, signed(1, LABELS[:1]))
    await directory.look()
    # A policy that does not follow the one in force: told, tried again, and nothing else happens.
    await asyncio.to_thread(store.publish, signed(2, version=2))
    for _ in range(2):
        await directory.look()
        (problem,) = directory.problems
        assert problem.startswith("banks 2 cannot be put in force: ")
        assert "its FromPolicy must name that" in problem
        assert (version(site), labels(site)) == ("1.0", {OFF: "A"})


async def test_a_server_follows_what_it_is_configured_for(slapd: Slapd, config: Config) -> None:
    await asyncio.to_thread(DirectoryStore(slapd.settings()).publish, signed(1))
    check = await asyncio.to_thread(check_directory, config)
    assert check.ok
    assert check.detail == "banks 1 with 2 labels, signed by 'office' and not yet taken over"
    application = Application(config)
    await application.start()
    try:
        (site,) = application.world.sites
        came = asyncio.Event()
        unsubscribe = site.inventory.subscribe(lambda _old, _new: came.set())
        async with asyncio.timeout(20):
            while len(labels(site)) < len(LABELS):
                came.clear()
                await came.wait()
        unsubscribe()
        assert (version(site), labels(site)) == ("1.0", {OFF: "A", OFF_TOO: "B"})
    finally:
        await application.stop()
    check = await asyncio.to_thread(check_directory, config)
    assert check.detail == "banks 1 with 2 labels, signed by 'office', and in use"
    # Without the directory, a server begins with what was in force.
    slapd.stop()
    application = Application(config)
    await application.start()
    try:
        (site,) = application.world.sites
        assert (version(site), labels(site)) == ("1.0", {OFF: "A", OFF_TOO: "B"})
    finally:
        await application.stop()


def test_a_directory_needs_keys_that_can_be_read(config: Config, tmp_path: Path) -> None:
    (tmp_path / "trust" / "office.pem").write_text("no key")
    with pytest.raises(ConfigError, match=r"policy\.trust: .*no public key in PEM"):
        make_follower(config, tmp_path / "kept")
    assert not check_directory(config).ok
