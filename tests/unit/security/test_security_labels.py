"""Labels of objects: what is labelled, by whatever path; imported ones; where a host has drifted."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.acm.model import FindingKind, PolicyError, XsErr
from xencim.providers.backends.records import (
    Action,
    AssignedLabel,
    Disk,
    Labelled,
    Network,
    Nic,
    VirtualMachine,
)
from xencim.providers.core.state import State
from xencim.providers.security.applying import reset
from xencim.providers.security.enforcement.refusals import DeniedError
from xencim.providers.security.importing import MAX_BYTES, OldLabel, import_labels, parse
from xencim.providers.security.labelling import NO_LABEL, Target, assign, target_named

from .made_up_flask import MadeUpFlask
from .security_world import A_BANK, B_BANK, HOST, IMAGES, OFF, OFF_TOO, RUNNING, Secured, banks, secured


async def refused(
    host: Secured, target: Target, label: str | None, old: str | None = None
) -> tuple[XsErr, str]:
    with pytest.raises(PolicyError) as error:
        await assign(host.security, target, label, principal="alice", old=old)
    (finding,) = error.value.findings
    return finding.xserr, finding.message


def labels_of(host: Secured, kind: Labelled) -> list[AssignedLabel]:
    return [label for label in host.inventory.view.all(AssignedLabel).values() if label.kind is kind]


async def try_disk(host: Secured, name: str, path: Path) -> None:
    machine = host.vm(name)
    disk = Disk(target="xvdb", bus="xen", source_type="file", source=str(path), driver_type="raw")
    wanted = replace(machine.current, disks=(machine.current.disks[0], disk))
    await host.site.backend.reconfigure(machine.uuid, stored=wanted)


async def test_the_same_disk_by_another_path_is_the_same_disk(tmp_path: Path) -> None:
    disk, link, hard, other = (tmp_path / name for name in ("disk", "link", "hard", "other"))
    disk.write_bytes(b"x")
    other.write_bytes(b"x")
    link.symlink_to(disk)
    os.link(disk, hard)
    async with secured(policy=banks()) as host:
        await host.label_disk(str(link), B_BANK)
        (label,) = labels_of(host, Labelled.DISK)
        assert (label.object, str(label)) == (f"file:{disk}", "ACM:banks:B-Bank")
        for path in (disk, link, hard, tmp_path / "x" / ".." / "disk"):
            with pytest.raises(DeniedError, match="resource labelled 'B-Bank'"):
                await try_disk(host, OFF, path)
        await try_disk(host, OFF, other)


async def test_a_block_device_is_its_number(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make device nodes")
    one, two = tmp_path / "one", tmp_path / "two"
    try:
        for node in (one, two):
            os.mknod(node, 0o600 | 0o060000, os.makedev(240, 7))
    except PermissionError:
        pytest.skip("device nodes cannot be made here")
    async with secured(policy=banks()) as host:
        await host.label_disk(str(one), B_BANK)
        with pytest.raises(DeniedError, match="resource labelled 'B-Bank'"):
            await try_disk(host, OFF, two)
        (label,) = labels_of(host, Labelled.DISK)
        assert (label.object, label.identity) == (f"phy:{one}", "device:240:7")


async def test_the_image_under_an_image_counts() -> None:
    async with secured(policy=banks()) as host:
        (volume,) = host.inventory.view.volumes_by("path", f"{IMAGES}/{OFF}.qcow2")
        host.inventory.put(replace(volume, backing_path="/srv/base.img"))
        await host.label_disk("/srv/base.img", B_BANK)
        with pytest.raises(DeniedError, match="resource labelled 'B-Bank'"):
            await host.site.backend.control(host.vm(OFF).uuid, Action.START, None)


async def test_networks_and_vlans() -> None:
    async with secured(policy=banks()) as host:
        machine = host.vm(OFF)
        nic = Nic(mac="00:16:3e:99:00:01", source_type="network", network="default", vlan_ids=(7,))
        wanted = replace(machine.current, nics=(nic,))
        host.inventory.put(replace(host.inventory.view.all(Network)["default"], name="red"))
        await assign(host.security, Target(Labelled.VLAN, "007"), B_BANK, principal="alice")
        with pytest.raises(DeniedError, match=r"interface 00:16:3e:99:00:01 \(VLAN 7\)"):
            await host.site.backend.reconfigure(machine.uuid, stored=wanted)
        wanted = replace(wanted, nics=(replace(nic, network="red", vlan_ids=()),))
        await assign(host.security, Target(Labelled.NETWORK, "red"), B_BANK, principal="alice")
        with pytest.raises(DeniedError, match=r"\(red\)"):
            await host.site.backend.reconfigure(machine.uuid, stored=wanted)
        assert await refused(host, Target(Labelled.VLAN, "8"), B_BANK) == (
            XsErr.RESOURCE_ALREADY_LABELED,
            "VLAN 7 has label 'B-Bank': no two VLANs have the same",
        )


async def test_what_cannot_be_labelled() -> None:
    async with secured(policy=banks()) as host:
        machine = Target(Labelled.MACHINE, host.vm(OFF).uuid)
        assert (await refused(host, machine, "C-Bank"))[0] is XsErr.BAD_LABEL
        assert await refused(host, machine, B_BANK, old=NO_LABEL) == (
            XsErr.BAD_LABEL,
            f"machine {machine.name!r} has label 'A-Bank', not 'none': look at it and try again",
        )
        for kind, name in (
            (Labelled.DISK, "x"),
            (Labelled.VLAN, "4096"),
            (Labelled.VLAN, "²"),
            (Labelled.NETWORK, "nowhere"),
        ):
            assert (await refused(host, Target(kind, name), A_BANK))[0] is XsErr.BAD_RESOURCE_FORMAT
        in_use = Target(Labelled.DISK, f"{IMAGES}/{RUNNING}.qcow2")
        assert await refused(host, in_use, A_BANK) == (
            XsErr.RESOURCE_IN_USE,
            f"disk 'file:{IMAGES}/{RUNNING}.qcow2' is in use by '{RUNNING}', which runs: stop it first",
        )
    async with secured() as host:
        assert (await refused(host, machine, A_BANK))[0] is XsErr.POLICY_NOT_LOADED


async def test_a_machine_that_runs_is_relabelled_only_if_it_could_start() -> None:
    async with secured(policy=banks()) as host:
        await host.site.backend.control(host.vm(OFF).uuid, Action.START, None)
        xserr, _ = await refused(host, Target(Labelled.MACHINE, host.vm(RUNNING).uuid), B_BANK)
        assert xserr is XsErr.VM_IN_CONFLICT
        await host.label(OFF, None)
        await host.label(RUNNING, B_BANK)
        xserr, _ = await refused(host, Target(Labelled.MACHINE, host.vm(OFF).uuid), A_BANK)
        assert xserr is XsErr.VM_IN_CONFLICT


async def test_the_host_s_own_label() -> None:
    async with secured(policy=banks()) as host:
        # Unlabeled machines run: this label does not have their type.
        policy = banks()
        narrow = replace(policy.machine_labels[2], name="Narrow", ste_types=frozenset({A_BANK}))
        await reset(host.security, principal="alice")
        await host.put_in_force(replace(policy, machine_labels=(*policy.machine_labels, narrow)))
        xserr, _ = await refused(host, Target(Labelled.HOST), "Narrow")
        assert xserr is XsErr.VM_NOT_AUTHORIZED
        await assign(host.security, Target(Labelled.HOST), HOST, principal="alice")
        assert host.security.in_force is not None
        assert host.security.in_force.rules.bootstrap == HOST


async def test_a_dry_run_changes_nothing() -> None:
    async with secured(policy=banks()) as host:
        before = host.inventory.view.all(AssignedLabel)
        target = Target(Labelled.MACHINE, host.vm(OFF).uuid)
        would = await assign(host.security, target, B_BANK, principal="alice", dry_run=True)
        assert would is not None
        assert would.label == B_BANK
        assert host.inventory.view.all(AssignedLabel) == before


OLD = b"""resources = {
    'file:/srv/a.img': ('ACM', 'banks', 'A-Bank'),
    'phy:vg/b': ('banks', 'B-Bank'),
    'tap:qcow:/srv/c.img': ('ACM', 'other', 'A-Bank'),
    'vlan:7': ('ACM', 'banks', 'A-Bank'),
    'vlan:9999': ('ACM', 'banks', 'A-Bank'),
    'file:/srv/d.img': ('ACM', '*', '__INACCESSIBLE__'),
    'file:/srv/e.img': ('ACM', 'banks', 'C-Bank'),
}
"""


async def test_labels_of_an_old_host() -> None:
    async with secured(policy=banks()) as host:
        done = await import_labels(host.security, OLD, principal="alice")
        assert [(label.object, label.label) for label in done.labels] == [
            ("file:/srv/a.img", A_BANK),
            ("file:/dev/vg/b", B_BANK),
            ("7", A_BANK),
        ]
        assert [finding.message for finding in done.findings] == [
            "tap:qcow:/srv/c.img with label 'A-Bank': it is of policy 'other', and 'banks' is in force",
            "vlan:9999 with label 'A-Bank': no such kind of resource is known",
            (
                "file:/srv/d.img with label '__INACCESSIBLE__': nobody may use it by the old host, and no "
                "label says so"
            ),
            (
                "file:/srv/e.img with label 'C-Bank': policy 'banks' has no resource label 'C-Bank': assign "
                "one that it has"
            ),
        ]
        with pytest.raises(DeniedError, match="file:/dev/vg/b"):
            await try_disk(host, OFF, Path("/dev/vg/b"))


@pytest.mark.parametrize(
    "hostile",
    [
        b"resources = __import__('os').system('false')",
        b"import os",
        b"resources = {}; x = 1",
        b"x = {}",
        b"resources = [1]",
        b"resources = {1: ('a', 'b')}",
        b"resources = {'file:/a': ('a',)}",
        b"resources = {'file:/a': ('FLASK', 'a', 'b')}",
        b"resources = {[]: 1}",
        b"\xff",
        b"resources = " + b"(" * 100_000,
        b"resources = " + b"-" * 100_000 + b"1",
        b"#" * (MAX_BYTES + 1),
    ],
    ids=range(13),
)
def test_no_file_of_labels(hostile: bytes) -> None:
    with pytest.raises(PolicyError, match=r"^this is no file of resource labels: "):
        parse(hostile)


@given(
    st.binary(max_size=80) | st.text(alphabet="{}()'\":, =resourc\\0ACMfile/", max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused(untrusted: bytes) -> None:
    for text in (untrusted, b"resources = " + untrusted):
        with suppress(PolicyError):
            assert all(isinstance(line, OldLabel) for line in parse(text))


async def test_a_volume_is_labelled_by_its_path_there_or_still_to_be_made() -> None:
    async with secured(policy=banks()) as host:
        for name in (f"{OFF}.qcow2", "later.qcow2"):
            target = target_named(host.inventory.view, f"volume:default/{name}")
            assert target is not None
            label = await assign(host.security, target, B_BANK, principal="alice")
            assert label is not None
            assert label.object == f"file:{IMAGES}/{name}"
        target = target_named(host.inventory.view, "volume:ceph/image")
        assert target is not None
        elsewhere = await assign(host.security, target, B_BANK, principal="alice")
        assert elsewhere is not None
        assert elsewhere.object == "volume:ceph/image"
        with pytest.raises(DeniedError, match="resource labelled 'B-Bank'"):
            await host.site.backend.control(host.vm(OFF).uuid, Action.START, None)


async def test_drift(tmp_path: Path) -> None:
    moved, replaced = tmp_path / "moved", tmp_path / "replaced"
    for path in (moved, replaced):
        path.write_bytes(b"x")
    async with secured(policy=banks()) as host:
        assert await host.security.drift.look() == ()
        await host.label_disk(str(moved), A_BANK)
        await host.label_disk(str(replaced), A_BANK)
        moved.rename(tmp_path / "elsewhere")
        (tmp_path / "new").write_bytes(b"y")
        (tmp_path / "new").rename(replaced)
        uuid = host.vm(OFF).uuid
        await host.site.backend.undefine(uuid)
        host.inventory.put(replace(host.vm(OFF_TOO), state=host.vm(RUNNING).state, id=9))
        await host.security.settled()
        host.fake.flask = MadeUpFlask({OFF_TOO: A_BANK})
        told = await host.security.drift.look()
        assert {finding.kind for finding in told} == {FindingKind.DRIFT}
        assert [finding.message for finding in told] == [
            f"machine {uuid!r} has label 'A-Bank', and is not defined on this host",
            f"disk 'file:{moved}' has label 'A-Bank', and is not there any more: moved, or deleted",
            (
                f"disk 'file:{replaced}' has label 'A-Bank', and something else is there now: replaced, or a "
                "link; label it anew to confirm"
            ),
            f"machine '{OFF_TOO}' runs with label 'A-Bank' by its hypervisor, and has label 'B-Bank'",
        ]


async def test_labels_outlive_the_server(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"x")
    file = tmp_path / "state.sqlite"
    async with secured(policy=banks(), state=State.open(file)) as host:
        await host.label_disk(str(path), B_BANK)
        before = host.inventory.view.all(AssignedLabel)
        digest = host.security.in_force.digest if host.security.in_force else ""
    async with secured(state=State.open(file)) as host:
        assert host.security.in_force is not None
        assert host.security.in_force.digest == digest
        assert host.inventory.view.all(AssignedLabel) == before
        assert host.security.label_of(host.vm(OFF).uuid) == A_BANK
        with pytest.raises(DeniedError):
            await try_disk(host, OFF, path)
        assert isinstance(host.vm(OFF), VirtualMachine)
