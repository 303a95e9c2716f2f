"""What a backend is: a hypervisor's host told as records, first whole, then by event.

A backend runs its hypervisor calls on threads of its own; it hands records over on the event
loop. The inventory belongs to the loop: no other thread touches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import (
        Action,
        DumpWish,
        FreeMemory,
        IncomingMachine,
        MachineConfig,
        MigrationWish,
        Network,
        Picture,
        PoolBuild,
        Reason,
        Sample,
        SnapshotWish,
        StoragePool,
        Transport,
        VirtualMachine,
        Volume,
    )


Told: TypeAlias = "Callable[[int], None]"
"""Called with how many bytes are done. From its first call on, to cancel the awaiting task ends the work;
work that never calls it is the hypervisor's own, and goes on to its end."""


WorkedOn: TypeAlias = "type[VirtualMachine | StoragePool | Volume | Network]"
"""What a hypervisor may still work on when a server that asked for it is gone."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `xencim doctor`: what was looked at and what was found."""

    name: str
    ok: bool
    detail: str
    hint: str | None = None


class BackendError(Exception):
    """The hypervisor refused, failed or did not answer; the text names the cause.

    ``kind`` is what the caller does with it: absent (no such hypervisor here), refused (it is
    there and does not let us in), not_found, exists, invalid, invalid_state, unsupported, timeout,
    lost, denied (the security policy refuses it, for these ``reasons``), failed.
    """

    def __init__(
        self, kind: str, message: str, *, hint: str | None = None, reasons: tuple[Reason, ...] = ()
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.reasons = reasons


class Backend(Protocol):
    """One hypervisor of one host. All methods are called on the event loop and must not block it."""

    uri: str
    """What the user named it by, without a password."""
    prefix: str
    """Xen, KVM or LXC; known before the first connection."""

    async def start(self, inventory: Inventory) -> None:
        """Connect, fill the inventory and follow events until `stop`; BackendError when it cannot.

        Reconnects by itself when the hypervisor goes away later; the host record's
        ``no_contact_since`` tells meanwhile.
        """
        ...

    async def stop(self) -> None:
        """Let go of the hypervisor: no thread, callback or connection stays."""
        ...

    async def refresh_storage(self) -> None:
        """Re-read what announces nothing (pools' usage, volumes, filters); the backend limits how often."""
        ...

    async def resync(self) -> None:
        """Look at everything anew, whatever events told: asked before something is destroyed.

        The cost grows with the host. BackendError: lost.
        """
        ...

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        """Carry out an action on a machine and return when it is done and the inventory shows it.

        SHUT_DOWN and REBOOT return when the guest has been asked and, with a timeout, has obeyed.
        BackendError: not_found, invalid_state, unsupported, timeout, lost, failed.
        """
        ...

    async def abort(self, machine_uuid: str) -> None:
        """Have the hypervisor give up the long work that it does on a machine: a save, say.

        BackendError: not_found, invalid_state where nothing goes on, unsupported, lost, failed.
        """
        ...

    async def percent_done(self, machine_uuid: str) -> int | None:
        """Tell how much of such work is done; None where nothing goes on or the hypervisor does not say."""
        ...

    async def define(
        self, name: str, config: MachineConfig, *, uuid: str | None = None, autostart: bool = False
    ) -> str:
        """Define a machine, do not start it, and return its uuid when the inventory shows it.

        BackendError: exists (that name or uuid), invalid (the definition makes no sense), and those of
        `control`.
        """
        ...

    async def undefine(self, machine_uuid: str) -> None:
        """Take a machine away with what is kept for it (managed save, NVRAM); a running one is destroyed.

        Its disks' content stays.
        """
        ...

    async def reconfigure(
        self,
        machine_uuid: str,
        *,
        current: MachineConfig | None = None,
        stored: MachineConfig | None = None,
    ) -> None:
        """Make a machine what these definitions say, and return when the inventory shows it.

        ``current`` is for a running machine, ``stored`` for its next start; one that is off has only a
        definition to be stored, and either names it. A difference that cannot be made is unsupported and
        named, and then nothing is changed; an error half way says what was done and what was not.
        """
        ...

    async def set_autostart(self, machine_uuid: str, autostart: bool) -> None:  # noqa: FBT001 - the value itself
        """Have a machine started with its host, or not."""
        ...

    async def create_snapshot(self, machine_uuid: str, wanted: SnapshotWish) -> None:
        """Take a snapshot and return when the inventory shows it.

        BackendError: exists (that name), invalid_state (nothing runs that could be kept), unsupported, and
        those of `control`.
        """
        ...

    async def apply_snapshot(self, machine_uuid: str, name: str) -> None:
        """Return a machine to a snapshot; what it was meanwhile is lost."""
        ...

    async def delete_snapshot(self, machine_uuid: str, name: str, *, with_descendants: bool = False) -> None:
        """Forget a snapshot, alone (its children become its parent's) or with all that follow from it."""
        ...

    # Guests past their own programs. BackendError as for `control`.

    async def screenshot(self, machine_uuid: str, screen: int) -> Picture:
        """Return what one of a machine's screens shows, counted from 0."""
        ...

    async def send_keys(self, machine_uuid: str, code_set: str, keys: Sequence[int], hold_ms: int) -> None:
        """Press keys together and let them go; ``code_set`` is a name of libvirt's, linux or win32 say.

        Returns when they were pressed.
        """
        ...

    async def dump_core(self, machine_uuid: str, volume: Volume, wanted: DumpWish) -> None:
        """Write a machine's memory into a new volume of a pool; what fails leaves no volume.

        Of the record, pool and name matter. BackendError: exists (that volume).
        """
        ...

    # Storage. Each returns when it is done and the inventory shows it; whether something is in use is the
    # caller's to look at. BackendError: not_found, exists, and those of `control`.

    async def create_pool(self, wanted: StoragePool, build: PoolBuild | None = None) -> None:
        """Define a pool and start it; it holds what is on its devices or in its folder already.

        Of the record, what says where the pool comes from and what it is called matters. With ``build``,
        its file system, partition table, volume group or zpool is made first.
        """
        ...

    async def find_pool_sources(self, pool_type: str, host: str | None) -> Sequence[StoragePool]:
        """Return what pools of a type could be made from, on a server or on the host itself, nameless."""
        ...

    async def delete_pool(self, name: str, *, with_content: bool = False) -> None:
        """Stop a pool and forget it; its content stays unless it is to go first.

        BackendError: unsupported (content of such a pool), invalid_state (a pool that is stopped shows
        none). What cannot be deleted stays, and the pool with it.
        """
        ...

    async def set_pool_active(self, name: str, active: bool) -> None:  # noqa: FBT001 - the value itself
        """Start or stop a pool."""
        ...

    async def set_pool_autostart(self, name: str, autostart: bool) -> None:  # noqa: FBT001 - the value itself
        """Have a pool started with its host, or not."""
        ...

    async def refresh_pool(self, name: str) -> None:
        """Look at a pool's content anew, at once."""
        ...

    async def create_volume(self, wanted: Volume) -> None:
        """Make a volume."""
        ...

    async def clone_volume(
        self, source: Volume, wanted: Volume, told: Told | None = None, *, compact: bool = False
    ) -> None:
        """Make a volume with the content of another, which nobody may write to meanwhile.

        It may be of another format. ``compact``: what is zero takes no room.
        """
        ...

    async def delete_volume(self, volume: Volume) -> None:
        """Delete a volume and its content."""
        ...

    async def resize_volume(self, volume: Volume, capacity_bytes: int) -> None:
        """Make a volume larger; smaller is invalid, for it would lose content."""
        ...

    async def wipe_volume(self, volume: Volume, told: Told | None = None) -> None:
        """Overwrite a volume with zeros."""
        ...

    def read_content(self, volume: Volume, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield a part of a volume's content, as fast as it is taken; to be closed."""
        ...

    async def write_content(
        self, volume: Volume, offset: int, pieces: AsyncIterator[bytes], told: Told | None = None
    ) -> None:
        """Write pieces to a volume from an offset on, as fast as they come; what raises in them ends it.

        What was written until then stays.
        """
        ...

    # Virtual networks. As for storage.

    async def create_network(self, wanted: Network, *, start: bool = True) -> None:
        """Define a network and start it, if asked; what of the record is None the hypervisor chooses."""
        ...

    async def reconfigure_network(
        self, name: str, *, current: Network | None = None, stored: Network | None = None
    ) -> None:
        """Make a network what these definitions say; as `reconfigure` for machines."""
        ...

    async def delete_network(self, name: str) -> None:
        """Stop a network and forget it."""
        ...

    async def set_network_active(self, name: str, active: bool) -> None:  # noqa: FBT001 - the value itself
        """Start or stop a network."""
        ...

    async def set_network_autostart(self, name: str, autostart: bool) -> None:  # noqa: FBT001 - the value itself
        """Have a network started with its host, or not."""
        ...

    # Network filters. BackendError as for storage; invalid_state where one is in use.

    async def create_filter(self, name: str, *, uuid: str | None, chain: str, priority: int | None) -> None:
        """Define a filter without rules; what is None the hypervisor chooses."""
        ...

    async def delete_filter(self, name: str) -> None:
        """Take a filter away."""
        ...

    async def set_filter_references(self, name: str, references: tuple[str, ...]) -> None:
        """Make a filter refer to these others, and to no more."""
        ...

    # Migration.

    async def describe(
        self, machine_uuid: str, wanted: MachineConfig | None = None, *, stored: bool = False
    ) -> str:
        """Describe a machine in words that the backend of another such hypervisor takes; without secrets.

        The inventory shows the same of it, what announces nothing included. ``stored``: its definition for
        the next start. ``wanted``: as it would be if that definition were this one.
        """
        ...

    async def admit(self, description: str) -> IncomingMachine:
        """Tell what machine another such hypervisor describes, if this one's processors can run it.

        BackendError: invalid (the description), unsupported with the reason, and those of `control`.
        """
        ...

    async def migrate(self, machine_uuid: str, wish: MigrationWish) -> None:
        """Move a machine to another host and return when it has gone and the inventory shows it.

        One that is off is moved as a definition. After an error it is what it was; after ``lost`` and
        ``timeout`` that is to be looked at. `abort` and `percent_done` work meanwhile.
        """
        ...

    async def is_busy(self, kind: WorkedOn, key: str) -> bool:
        """Tell whether the hypervisor works on something, whoever asked for it; not on what is not there.

        BackendError: ``timeout`` where it is too busy to tell, and lost.
        """
        ...

    # What is asked when a client asks for it; who asks limits how often. BackendError as for `control`.

    async def sample(self) -> Sample:
        """Return the counters of all machines that run, asked for in bulk.

        `Host.counted` tells which there are. A machine that is stuck is not among them.
        """
        ...

    async def free_memory(self) -> FreeMemory:
        """Return how much of the host's memory nobody has."""
        ...

    async def read_log(self) -> str:
        """Return what the hypervisor has written to its console, as far as it keeps it (`Host.has_log`)."""
        ...

    async def clear_log(self) -> None:
        """Have the hypervisor forget what it has written to its console."""
        ...

    def peer(self, transport: Transport) -> Backend:
        """Make the backend, not started, of a hypervisor that machines are moved to."""
        ...

    def checks(self) -> Sequence[Check]:
        """Tell what `xencim doctor` should know of a started backend."""
        ...
