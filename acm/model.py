"""An ACM policy as values: what the document says, free of its text.

Names are as in the document; sets of types are frozen sets, everything that has an order in the
document keeps it. Reading, deciding, compiling and planning all work on these values.

Source: Xen 3.3-4.1, Access Control Module policies (schema namespace http://www.ibm.com).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

UNLABELED = "__UNLABELED__"
"""The label of what has none; always the first slot of a compiled policy."""
DEFAULT_POLICY = "DEFAULT"
"""The policy that a host starts with: from it and to it there is no version chain."""


class Component(Enum):
    """The two kinds of rules that a policy may have; the value is the binary format's code."""

    CHINESE_WALL = 1
    SIMPLE_TYPE_ENFORCEMENT = 2


class LabelKind(Enum):
    """Whom a label is for."""

    MACHINE = "VM"
    RESOURCE = "RES"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A policy's version, compared by numbers."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class PolicyReference:
    """A policy at a version: the one that an update starts from."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a policy says of itself; None: the document says nothing."""

    name: str
    version: Version
    url: str | None = None
    reference: str | None = None
    date: str | None = None
    name_space_url: str | None = None
    previous: PolicyReference | None = None


@dataclass(frozen=True, slots=True)
class ConflictSet:
    """Chinese Wall types of which one host runs one at most; names may repeat."""

    name: str
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Label:
    """A named set of types; ``previous`` is its name in the policy before (the document's ``from``)."""

    name: str
    kind: LabelKind
    ste_types: frozenset[str] = frozenset()
    chinese_wall_types: frozenset[str] = frozenset()
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy; types None: the document has no such component."""

    header: Header
    primary: Component | None = None
    ste_types: tuple[str, ...] | None = None
    chinese_wall_types: tuple[str, ...] | None = None
    conflict_sets: tuple[ConflictSet, ...] = ()
    bootstrap: str | None = None
    machine_labels: tuple[Label, ...] = ()
    resource_labels: tuple[Label, ...] = ()

    @property
    def name(self) -> str:
        """The policy's name, as labels of objects carry it."""
        return self.header.name


class XsErr(IntEnum):
    """Why a policy or an operation was refused, in the numbers that Xen's tools used."""

    SUCCESS = 0
    GENERAL_FAILURE = 0x1001
    BAD_XML = 0x1002
    XML_PROCESSING = 0x1003
    POLICY_INCONSISTENT = 0x1004
    FILE_ERROR = 0x1005
    BAD_RESOURCE_FORMAT = 0x1006
    BAD_LABEL_FORMAT = 0x1007
    RESOURCE_NOT_LABELED = 0x1008
    RESOURCE_ALREADY_LABELED = 0x1009
    WRONG_POLICY_TYPE = 0x100A
    BOOTPOLICY_INSTALLED = 0x100B
    NO_DEFAULT_BOOT_TITLE = 0x100C
    POLICY_LOAD_FAILED = 0x100D
    POLICY_LOADED = 0x100E
    POLICY_TYPE_UNSUPPORTED = 0x100F
    BAD_CONFLICTSET = 0x1010
    RESOURCE_IN_USE = 0x1011
    BAD_POLICY_NAME = 0x1012
    VERSION_PREVENTS_UPDATE = 0x1013
    BAD_LABEL = 0x1014
    VM_WRONG_STATE = 0x1015
    POLICY_NOT_LOADED = 0x1016
    RESOURCE_ACCESS = 0x1017
    HV_OP_FAILED = 0x1018
    BOOTPOLICY_INSTALL_ERROR = 0x1019
    VM_NOT_AUTHORIZED = 0x101A
    VM_IN_CONFLICT = 0x101B
    POLICY_HAS_DUPLICATES = 0x101C


class FindingKind(IntEnum):
    """What sort of finding it is; the numbers are those of Xen_PolicyFinding.Kind."""

    ERROR = 1
    WARNING = 2
    CONFLICT = 3
    DRIFT = 4
    DENIAL = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: an error of a document, a conflict, a drift or the reason of a refusal.

    ``message`` is whole in words and says what to do where that is known; the rest is the same as data.
    ``hypervisor_code`` is 0x100 to 0x104, the codes of ACM's own answers, or 0.
    """

    kind: FindingKind
    message: str
    xserr: XsErr = XsErr.SUCCESS
    hypervisor_code: int = 0
    file: str | None = None
    line: int | None = None
    element: str | None = None
    rule: str | None = None
    labels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = "".join(f"{part}:" for part in (self.file, self.line) if part is not None)
        return f"{place} {self.message}" if place else self.message


class PolicyError(Exception):
    """A policy, label or operation that cannot be; ``findings`` has each reason, one at least."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings
