"""Calls that do not come back, daemons that go away or refuse, a binding that is not there."""

from __future__ import annotations

import asyncio
import errno
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.libvirt import LibvirtBackend, probe
from xencim.providers.backends.libvirt import backend as backend_module
from xencim.providers.backends.libvirt import mirror as mirror_module
from xencim.providers.backends.libvirt.calls.backoff import Backoff
from xencim.providers.backends.libvirt.calls.workers import StuckError, Workers
from xencim.providers.backends.records import Action, Host, Network, PowerState, StoragePool, VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from xencim.providers.backends.base import WorkedOn

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
Until: TypeAlias = "Callable[..., Awaitable[None]]"

URI = "test:///default"
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
NODE = "".join(
    f"<domain type='test'><name>vm{n}</name><uuid>00000000-0000-4000-8000-{n:012}</uuid>"
    "<memory>1024</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>"
    for n in range(100)
)
QUICK = Backoff(first_s=0.001, cap_s=0.002)


class Gate:
    """Makes a method of libvirt's domains hang for one machine until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.closed_for: str | None = None
        self.reached = threading.Event()

    def hold(self, name: str) -> None:
        self.closed_for = name

    def open(self) -> None:
        self.closed_for = None
        self.opened.set()

    def pass_through(self, name: str) -> None:
        if name == self.closed_for:
            self.reached.set()
            self.opened.wait(30)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    held, real = Gate(), libvirt.virDomain.XMLDesc

    def XMLDesc(domain: Any, flags: int = 0) -> Any:  # noqa: ANN401, N802 - libvirt's own method, stuck
        held.pass_through(domain.name())
        return real(domain, flags)

    monkeypatch.setattr(libvirt.virDomain, "XMLDesc", XMLDesc)
    yield held
    held.open()


def libvirt_error(code: int, domain: int = 0, system_error: int = -1) -> Exception:
    error: Exception = libvirt.libvirtError("it did not work")
    error.err = (code, domain, "it did not work", 2, None, None, None, system_error, -1)  # type: ignore[attr-defined]
    return error


async def test_a_stuck_machine_keeps_its_record_until_it_answers(
    backends: Start, until: Until, gate: Gate
) -> None:
    backend, inventory = await backends(URI, call_timeout_s=0.4)
    gate.hold("test")
    with pytest.raises(BackendError) as caught:
        await backend.control(UUID, Action.PAUSE, 1)
    assert caught.value.kind == "timeout"
    stuck = inventory.view.all(VirtualMachine)[UUID]
    assert stuck.no_contact_since is not None
    assert stuck.state is PowerState.RUNNING
    assert len([t for t in threading.enumerate() if t.name == "libvirt-call"]) == 1
    gate.open()
    await until(inventory, lambda view: view.all(VirtualMachine)[UUID].no_contact_since is None)
    assert inventory.view.all(VirtualMachine)[UUID].state is PowerState.PAUSED


async def test_a_stuck_machine_does_not_keep_the_others(
    backends: Start, until: Until, gate: Gate, tmp_path: Path
) -> None:
    node = tmp_path / "host.xml"
    node.write_text(f"<node>{NODE}</node>")
    gate.hold("vm7")
    _backend, inventory = await backends(f"test://{node}", call_timeout_s=0.4)
    names = {vm.name for vm in inventory.view.all(VirtualMachine).values()}
    assert names == {f"vm{n}" for n in range(100)} - {"vm7"}
    gate.open()
    await until(inventory, lambda view: view.machine_named("vm7"))


async def test_a_stuck_pool_keeps_its_figures_and_nobody_waiting(
    backends: Start, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, inventory = await backends(URI, call_timeout_s=0.4)
    answer, real = threading.Event(), libvirt.virStoragePool.info

    def info(pool: Any) -> Any:  # noqa: ANN401 - libvirt's own method, stuck
        answer.wait(30)
        return real(pool)

    monkeypatch.setattr(libvirt.virStoragePool, "info", info)
    monkeypatch.setattr(backend_module, "STORAGE_REFRESH_S", 0)
    before = inventory.view.all(StoragePool)["default-pool"]
    for _ in range(3):
        await backend.refresh_storage()
    assert inventory.view.all(StoragePool)["default-pool"] is before
    assert backend.calls.read()["info"] == 2
    libvirt_pool = libvirt.open(URI).storagePoolLookupByName("default-pool")
    libvirt_pool.createXML("<volume><name>v</name><capacity>4096</capacity></volume>")
    answer.set()
    await until(inventory, lambda view: view.all(StoragePool)["default-pool"].allocation_bytes == 4096)


@pytest.mark.parametrize(
    ("listing", "kind"),
    [
        ("listAllDomains", VirtualMachine),
        ("listAllStoragePools", StoragePool),
        ("listAllNetworks", Network),
    ],
)
async def test_lists_that_do_not_answer_are_read_when_they_do(
    backends: Start, until: Until, monkeypatch: pytest.MonkeyPatch, listing: str, kind: WorkedOn
) -> None:
    answer, real = threading.Event(), getattr(libvirt.virConnect, listing)

    def listed(connection: Any, flags: int = 0) -> Any:  # noqa: ANN401 - libvirt's own method, stuck
        answer.wait(30)
        return real(connection, flags)

    listed.__name__ = listing
    monkeypatch.setattr(libvirt.virConnect, listing, listed)
    monkeypatch.setattr(mirror_module, "LIST_S", 0.4)
    backend, inventory = await backends(URI, call_timeout_s=0.4)
    missing = [one for one in (VirtualMachine, StoragePool, Network) if not inventory.view.all(one)]
    # What is not known yet may be worked on.
    busy = await backend.is_busy(kind, UUID)
    answer.set()
    await until(inventory, lambda view: view.all(kind))
    assert (missing, busy, await backend.is_busy(kind, UUID)) == ([kind], True, False)


async def test_stopping_leaves_a_stuck_call_alone(gate: Gate) -> None:
    backend, inventory = LibvirtBackend(URI, call_timeout_s=0.4), Inventory()
    await backend.start(inventory)
    gate.hold("test")
    with pytest.raises(BackendError):
        await backend.control(UUID, Action.PAUSE, 1)
    stopping = asyncio.create_task(backend.stop())
    gate.open()
    await stopping
    assert [t.name for t in threading.enumerate() if t.name.startswith("libvirt")] == []


async def test_stuck_calls_are_bounded_and_leave_room_for_others() -> None:
    workers, release = Workers(2, 0.02), threading.Event()
    for _ in range(5):
        with pytest.raises(StuckError) as caught:
            await workers.run("it", lambda: release.wait(30))
        assert caught.value.message == "it did not answer within 0.02 s"
    assert await workers.run("it", lambda: 42, deadline_s=5) == 42
    release.set()
    await workers.settle(5)


async def test_one_item_that_cannot_be_read_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    workers = Workers(2, 5.0)
    answers = await workers.each(lambda n: 6 // n, [1, 0, 2])
    assert [answer for _, answer in answers if not isinstance(answer, BackendError)] == [6, 3]
    [failed] = [answer for _, answer in answers if isinstance(answer, BackendError)]
    assert failed.kind == "failed"
    assert "ZeroDivisionError" in failed.message
    assert "0 was not read" in caplog.text


async def test_what_a_call_raises_reaches_its_caller() -> None:
    workers = Workers(1, 5)
    with pytest.raises(ZeroDivisionError):
        await workers.run("it", lambda: 1 // 0)
    answers = await workers.each(lambda n: n * 2, [1, 2, 3])
    assert answers == [(1, 2), (2, 4), (3, 6)]


async def test_a_lost_hypervisor_is_found_again_and_read_anew(
    backends: Start, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, inventory = await backends(URI, backoff=QUICK)
    before = inventory.view.all(VirtualMachine)[UUID]
    real_open, refusals = libvirt.open, [libvirt_error(38, 7, errno.ECONNREFUSED) for _ in range(3)]
    lost_for: list[Host] = []

    def open_later(uri: str) -> Any:  # noqa: ANN401 - a libvirt connection
        lost_for.append(inventory.view.host)
        if refusals:
            raise refusals.pop()
        return real_open(uri)

    monkeypatch.setattr(libvirt, "open", open_later)
    assert backend._session is not None
    backend._lost(backend._session)
    await until(inventory, lambda view: view.host.no_contact_since is not None)
    with pytest.raises(BackendError) as caught:
        await backend.control(UUID, Action.PAUSE, 1)
    assert caught.value.kind == "lost"
    await until(inventory, lambda view: view.host.no_contact_since is None)
    assert [host.no_contact_since is not None for host in lost_for] == [True] * 4
    assert inventory.view.all(VirtualMachine)[UUID] == before
    await backend.control(UUID, Action.PAUSE, 5)


def test_delays_grow_to_a_cap_and_are_never_in_step() -> None:
    delays = Backoff(first_s=1, factor=2, cap_s=8, jitter=0.5).delays_s()
    for full in (1, 2, 4, 8, 8, 8):
        assert full / 2 < next(delays) <= full


@pytest.mark.parametrize(
    ("numbers", "kind", "hint"),
    [
        ((5, 0, -1), "absent", "this libvirt daemon has no driver for that hypervisor"),
        ((38, 7, errno.ENOENT), "absent", "install libvirt's daemon and start libvirtd (or virtqemud)"),
        (
            (38, 7, errno.EACCES),
            "refused",
            "run the server as root, or make its user a member of the group libvirt",
        ),
        ((38, 7, errno.ECONNREFUSED), "refused", "start libvirtd (or virtqemud): nobody listens there"),
        (
            (45, 0, -1),
            "refused",
            "let the server's user in by libvirt's access rules (auth_unix_rw, polkit, SASL)",
        ),
        ((1, 0, -1), "refused", "the daemon's log tells more"),
    ],
)
async def test_why_a_connection_failed(
    monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, int, int], kind: str, hint: str
) -> None:
    def refuse(_uri: str) -> None:
        raise libvirt_error(*numbers)

    monkeypatch.setattr(libvirt, "open", refuse)
    backend = LibvirtBackend("qemu+ssh://root:secret@host/system")
    with pytest.raises(BackendError) as caught:
        await backend.start(Inventory())
    assert (caught.value.kind, caught.value.hint) == (kind, hint)
    assert caught.value.message == "qemu+ssh://root@host/system: it did not work"
    assert [check.ok for check in backend.checks()] == [False]


@pytest.mark.parametrize(
    ("code", "domain", "kind"),
    [
        (42, 10, "not_found"),
        (55, 10, "invalid_state"),
        (3, 0, "unsupported"),
        (68, 10, "timeout"),
        (88, 0, "refused"),
        (1, 7, "lost"),
        (1, 10, "failed"),
    ],
)
async def test_what_a_failed_call_means(
    backends: Start, monkeypatch: pytest.MonkeyPatch, code: int, domain: int, kind: str
) -> None:
    backend, _inventory = await backends(URI)

    def suspend(_domain: object) -> None:
        raise libvirt_error(code, domain)

    monkeypatch.setattr(libvirt.virDomain, "suspend", suspend)
    with pytest.raises(BackendError) as caught:
        await backend.control(UUID, Action.PAUSE, 1)
    assert (caught.value.kind, caught.value.message) == (kind, "it did not work")


async def test_an_unreadable_machine_is_left_out_and_logged(
    backends: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(libvirt.virDomain, "XMLDesc", lambda _domain, _flags: "no XML")
    monkeypatch.setattr(libvirt.virDomain.XMLDesc, "__name__", "XMLDesc")
    _backend, inventory = await backends(URI)
    assert inventory.view.all(VirtualMachine) == {}
    assert f"VirtualMachine {UUID} was not read: libvirt's domain XML cannot be read" in caplog.text


async def test_a_guest_that_does_not_obey_is_a_timeout(
    backends: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, inventory = await backends(URI)

    def shutdown(_domain: object) -> int:
        return 0

    monkeypatch.setattr(libvirt.virDomain, "shutdown", shutdown)
    await backend.control(UUID, Action.SHUT_DOWN, None)
    assert inventory.view.all(VirtualMachine)[UUID].state is PowerState.RUNNING
    with pytest.raises(BackendError) as caught:
        await backend.control(UUID, Action.SHUT_DOWN, 0.05)
    assert caught.value.kind == "timeout"
    assert caught.value.message == "test was told to shut down and did not in time"


async def test_without_the_binding_both_ways_to_get_it_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)
    for attempt in (LibvirtBackend(URI).start(Inventory()), probe()):
        with pytest.raises(BackendError) as caught:
            await attempt
        assert caught.value.kind == "failed"
        assert "apt install python3-libvirt" in (caught.value.hint or "")
        assert "pip install 'xencim[libvirt]'" in (caught.value.hint or "")
