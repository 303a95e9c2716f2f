"""The security policy in force, what is labelled under it, and what it refused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Mode(Enum):
    """What a refusal by the policy in force comes to; permissive: it is told, and nothing is refused."""

    OFF = "off"
    PERMISSIVE = "permissive"
    ENFORCING = "enforcing"


class Reaction(Enum):
    """What is done to a machine that was started past this server although the policy refuses it."""

    ALERT = "alert"
    PAUSE = "pause"
    DESTROY = "destroy"


class Labelled(Enum):
    """What sort of object has a label."""

    MACHINE = "machine"  # by its uuid
    DISK = "disk"  # file:/path, phy:/dev/…, volume:pool/name, network:name
    NETWORK = "network"  # a virtual network's name, or bridge:name
    VLAN = "vlan"  # its number
    DEVICE = "device"  # a PCI device's address: 0000:03:00.0
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityPolicy:
    """The policy in force; there is none without a policy. Sets of types are sorted."""

    name: str
    version: str
    digest: str  # SHA-256 of its document
    mode: Mode
    reaction: Reaction
    bootstrap: str | None
    ste_types: tuple[str, ...] | None
    wall_types: tuple[str, ...] | None
    conflict_sets: tuple[tuple[str, tuple[str, ...]], ...]
    primary: str | None = None  # the component that comes first: ChineseWall, SimpleTypeEnforcement
    url: str | None = None
    reference: str | None = None
    date: str | None = None
    previous: tuple[str, str] | None = None  # name and version of the policy that it follows
    activated: datetime | None = None
    principal: str | None = None
    signer: str | None = None

    @property
    def key(self) -> str:
        """The inventory's key: there is one."""
        return "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTrust:
    """The folder of the keys of those whose signature on policies is believed."""

    folder: str

    @property
    def key(self) -> str:
        """The inventory's key: there is one."""
        return "trust"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLabel:
    """A label that the policy in force defines."""

    name: str
    is_for_machines: bool  # else for resources
    ste_types: tuple[str, ...]
    wall_types: tuple[str, ...] = ()
    previous: str | None = None  # its name in the policy before
    ssidref: int = 0  # its number in a compiled policy

    @property
    def key(self) -> str:
        """The inventory's key; a label's name has no colon."""
        return f"{'VM' if self.is_for_machines else 'RES'}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlaskState:
    """The hypervisor's own access control; there is none where it has no FLASK."""

    is_enforcing: bool  # else it only logs what it would refuse

    @property
    def key(self) -> str:
        """The inventory's key: there is one."""
        return "flask"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBoolean:
    """A boolean of the hypervisor's policy; ``pending`` is what a commit would make of it."""

    name: str
    value: bool
    pending: bool

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedLabel:
    """The label of one object. Not valid: an update of the policy took the label away.

    ``identity`` tells a file or device whatever path leads to it: ``inode:device:number`` or
    ``device:number``; None where there is none, or nothing was found.
    """

    kind: Labelled
    object: str
    label: str
    policy: str
    is_valid: bool = True
    identity: str | None = None
    principal: str = ""
    assigned: datetime | None = None

    @property
    def key(self) -> str:
        """The inventory's key."""
        return f"{self.kind.value} {self.object}"

    def __str__(self) -> str:
        return f"{'ACM' if self.is_valid else 'INV_ACM'}:{self.policy}:{self.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason of a refusal: in words, and the same as data."""

    message: str
    xserr: int = 0
    hypervisor_code: int = 0
    rule: str | None = None
    labels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()

    def as_json(self) -> str:
        """Return the reason as MessageArguments have it."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """What the policy refused, or would have refused (permissive)."""

    number: int
    at: datetime
    machine: str  # uuid
    machine_name: str
    action: str  # what was to be done, in words
    outcome: str  # refused, permitted (permissive), alert, paused, destroyed
    reasons: tuple[Reason, ...]
    principal: str = ""  # who wanted it

    @property
    def key(self) -> str:
        """The inventory's key."""
        return str(self.number)


class DriftKind(IntEnum):
    """In which way a host is not as its policy has it, as Xen_PolicyDriftIndication numbers it."""

    UNMANAGED_START = 1  # told as a Denial
    LABEL_TAKEN_AWAY = 2
    POLICY_DIFFERS = 3
    LABEL_OF_ANOTHER_POLICY = 4
    OBJECT_GONE = 5
    OBJECT_REPLACED = 6
    TWO_LABELS = 7
    RUNS_AGAINST_POLICY = 8
    HYPERVISOR_DIFFERS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One thing that is not as the policy has it, for as long as it is so."""

    kind: DriftKind
    object: str  # a label's key, a machine's uuid; empty: the policy
    reason: Reason
    is_news: bool = True  # else it was told before, or in another way

    @property
    def key(self) -> str:
        """The inventory's key."""
        return f"{self.kind} {self.object} {self.reason.message}"
