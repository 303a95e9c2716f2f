"""A host as an update of its policy sees it: machines and labelled resources."""

from __future__ import annotations

from dataclasses import dataclass

from xencim.acm.model import UNLABELED


@dataclass(frozen=True, slots=True)
class HostMachine:
    """A machine: its label, and the labels of the resources that it uses while it runs."""

    key: str
    name: str
    label: str = UNLABELED
    is_running: bool = False
    uses: tuple[tuple[str, str], ...] = ()  # what it is called, its label


@dataclass(frozen=True, slots=True)
class HostResource:
    """A labelled resource."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class HostState:
    """A host. Running machines are in the order in which they start anew; Domain-0 is not among them."""

    machines: tuple[HostMachine, ...] = ()
    resources: tuple[HostResource, ...] = ()
