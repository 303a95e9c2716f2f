"""An ACM policy compiled for FLASK: the text for checkpolicy, the binary for the hypervisor.

Simple Type Enforcement becomes rules of the hypervisor. A Chinese Wall cannot: FLASK decides by two labels,
never by what else runs. A finding says so, and the management path keeps enforcing it.
Errors: PolicyError, with what checkpolicy says where it refuses the text.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.acm.flask import base as own_base
from xencim.acm.flask import sources
from xencim.acm.flask.names import context_of
from xencim.acm.flask.rules import module
from xencim.acm.flask.vectors import OLDEST, access_vectors
from xencim.acm.model import UNLABELED, Finding, FindingKind, LabelKind, XsErr

if TYPE_CHECKING:
    from xencim.acm.flask.vectors import Release
    from xencim.acm.model import Policy

MAGIC = b"\x8c\xff\x7c\xf9\x08\x00\x00\x00XenFlask"
"""How a binary begins: its number, the length of the name, the name."""
BINARY_VERSION = 30
"""The newest format that hypervisors read."""
CHECKPOLICY_WITHIN_S = 120
_UNLABELED_MACHINES = re.compile(r"^sid domU .*$", re.MULTILINE)


class DeviceKind(Enum):
    """What of a device has a number that a policy can label; the value is the statement."""

    PCI = "pcidevicecon"
    INTERRUPT = "pirqcon"
    MEMORY = "iomemcon"
    PORTS = "ioportcon"


@dataclass(frozen=True, slots=True)
class DeviceLabel:
    """A resource label of a device, in force from boot on.

    Numbers as the hypervisor counts: segment, bus, device and function of PCI in one (0x0000c800 is c8:00.0),
    interrupts, frames of memory, ports. ``high`` None: just one.
    """

    kind: DeviceKind
    low: int
    label: str
    high: int | None = None


@dataclass(frozen=True, slots=True)
class FlaskSource:
    """A policy as text for checkpolicy, and what it does not say."""

    text: str
    findings: tuple[Finding, ...] = ()


def compile_source(
    policy: Policy,
    *,
    base: Path | None = None,
    release: Release = OLDEST,
    devices: tuple[DeviceLabel, ...] = (),
) -> FlaskSource:
    """Return an ACM policy as text, on the base in a Xen source tree or on our own for a release."""
    device_lines = [_device_line(policy, device) for device in devices]
    if base is None:
        text, outside = _on_own_base(policy, release), tuple[Finding, ...]()
    else:
        text = _on_tree(policy, base)
        outside = sources.warnings(text)
    unlabeled = f"sid domU {context_of(UNLABELED, LabelKind.MACHINE)}"
    text, replaced = _UNLABELED_MACHINES.subn(unlabeled, text)
    if replaced != 1:
        raise sources.error("The base has no initial context for machines without a label (sid domU)")
    whole = "\n".join((text.rstrip("\n"), *device_lines, ""))
    return FlaskSource(whole, (*outside, *_inexpressible(policy)))


def assemble(source: FlaskSource) -> bytes:
    """Return the binary that the hypervisor loads."""
    with tempfile.TemporaryDirectory(prefix="xencim-flask-") as folder:
        text, binary = Path(folder, "policy.conf"), Path(folder, "policy")
        text.write_text(source.text, "utf-8")
        words = ["checkpolicy", "-t", "Xen", "-c", str(BINARY_VERSION), "-o", str(binary), str(text)]
        sources.run(words, CHECKPOLICY_WITHIN_S, "checkpolicy")
        return binary.read_bytes()


def _on_own_base(policy: Policy, release: Release) -> str:
    if release < OLDEST:
        oldest, asked = (".".join(map(str, numbers)) for numbers in (OLDEST, release))
        raise sources.error(
            f"Our base is for Xen {oldest} and newer, not {asked}: name its source tree as the base",
            xserr=XsErr.POLICY_TYPE_UNSUPPORTED,
        )
    rules = module(policy, access_vectors(release)["domain2"])
    return "\n".join((*own_base.before_rules(release), *rules, *own_base.after_rules()))


def _on_tree(policy: Policy, tree: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="xencim-flask-") as folder:
        ours = Path(folder, "acm.te")
        ours.write_text("\n".join((*module(policy, sources.domain_permissions(tree)), "")), "utf-8")
        return sources.expand(tree, ours)


def _device_line(policy: Policy, device: DeviceLabel) -> str:
    if device.label not in {label.name for label in policy.resource_labels}:
        message = f"The policy {policy.name} has no resource label {device.label}"
        raise sources.error(message, xserr=XsErr.BAD_LABEL)
    numbers = f"{device.low:#x}" if device.high is None else f"{device.low:#x}-{device.high:#x}"
    return f"{device.kind.value} {numbers} {context_of(device.label, LabelKind.RESOURCE)}"


def _inexpressible(policy: Policy) -> tuple[Finding, ...]:
    if not policy.conflict_sets:
        return ()
    names = ", ".join(conflict.name for conflict in policy.conflict_sets)
    message = (
        f"FLASK cannot express the Chinese Wall ({names}): the hypervisor does not refuse machines in "
        "conflict, only the management path does; a machine started past it is found afterwards"
    )
    types = tuple(sorted({name for conflict in policy.conflict_sets for name in conflict.types}))
    return (Finding(FindingKind.WARNING, message, rule="Chinese Wall", types=types),)
