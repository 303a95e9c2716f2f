"""Moving machines between hosts: where they may go, how they travel, what arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xencim.providers.backends.records.machines import MachineConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How one hypervisor reaches another. It comes from the configuration, never from a client."""

    kind: str  # tls, ssh, tcp, unix
    data: str  # how memory and disks travel: tls, tcp, tunnelled (within the connection), unix
    host: str | None = None  # the other hypervisor's address; None with unix
    socket: str | None = None  # of the other hypervisor, with unix
    data_socket: str | None = None  # where its QEMU listens, with unix


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A host that machines may be moved to; ``url`` is its xencim's, None: there is only a hypervisor."""

    name: str
    transport: Transport
    url: str | None = None
    namespace: str = "root/virt"
    ca: str | None = None  # a file; None: the system's authorities
    user: str | None = None
    password_file: str | None = None

    @property
    def key(self) -> str:
        """The inventory's key: names differ in more than case."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationWish:
    """How a machine is to be moved; what is None the hypervisor chooses.

    ``live``: it runs meanwhile, but for a moment. ``with_storage``: its disks are copied. ``post_copy``: it
    goes on at its destination once all memory was sent once, and the rest follows. ``restart``: it is shut
    down before, and started there. ``definition``: what it becomes meanwhile, as `Backend.describe` says it.
    """

    transport: Transport
    live: bool = True
    restart: bool = False
    definition: str | None = None
    with_storage: bool = False
    post_copy: bool = False
    bandwidth_mib_s: int | None = None
    max_downtime_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What is left to be done with a machine where it has arrived.

    ``definition``: what is to be stored of it, as `Backend.describe` says it; None: what came with it.
    """

    autostart: bool = False
    start: bool = False
    definition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMachine:
    """A machine as its present host describes it."""

    uuid: str
    name: str
    config: MachineConfig
