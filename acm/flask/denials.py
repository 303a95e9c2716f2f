"""The hypervisor's messages about access, read from its log and explained in ACM's words.

Newer hypervisors name domains (``source=``, ``target=``, ``current=``), older ones one number (``domid=``);
a context that the hypervisor cannot name is a number (``ssid=``, ``tsid=``). What precedes a message in a
log (``(XEN)``, a time) does not matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.acm.flask.asking import CONTROL, CONTROL_CHANNEL
from xencim.acm.flask.names import SELF, label_of, type_in
from xencim.acm.flask.rules import UNLABELED_DEVICES, machine_labels
from xencim.acm.model import UNLABELED, Finding, FindingKind, Label, LabelKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xencim.acm.model import Policy

SHARING_CLASSES = {"grant": "share pages", "event": "have an event channel", "argo": "send messages"}
_MESSAGE = re.compile(r"avc:\s+(denied|granted)\s+\{([^}]*)\}\s+for\s+(.*)")
_FACT = re.compile(r"(\w+)=(\S+)")
_DOMAIN = re.compile(r"d(\d{1,5})(?:v\d+)?|(\d{1,5})")
_NOT_OURS = (
    "this policy itself does not forbid it: either the hypervisor has another version in force "
    "(compare, then load again), or the permission belongs to the base"
)
_OBJECTS = ("device", "irq", "range", "dtdevice", "mfn")
MAX_LINE = 4096
"""Characters of a line that are looked at; the hypervisor's own buffer is smaller."""


@dataclass(frozen=True, slots=True)
class Access:
    """One message: who asked for what, and whether it was granted (only some grants are told)."""

    granted: bool
    permissions: tuple[str, ...]
    class_name: str
    source_context: str
    target_context: str
    source_domain: int | None = None
    target_domain: int | None = None
    object: str | None = None


def parse(line: str) -> Access | None:
    """Return the message in a line of the hypervisor's log; None: it has none."""
    message = _MESSAGE.search(line[:MAX_LINE])
    if message is None:
        return None
    facts = dict(_FACT.findall(message[3]))
    source = facts.get("source") or facts.get("current") or facts.get("domid")
    target = facts.get("target")
    contexts = [facts.get(f"{end}context") or facts.get(f"{end}sid") for end in ("s", "t")]
    if "tclass" not in facts or None in contexts:
        return None
    return Access(
        message[1] == "granted",
        tuple(message[2].split()),
        facts["tclass"],
        str(contexts[0]),
        str(contexts[1]),
        _domain(source),
        _domain(target),
        next((f"{name} {facts[name]}" for name in _OBJECTS if name in facts), None),
    )


def denials(log: str) -> Iterator[Access]:
    """Give the refusals in a log, oldest first."""
    for line in log.splitlines():
        found = parse(line)
        if found is not None and not found.granted:
            yield found


def explain(denial: Access, policy: Policy, names: Mapping[int, str] | None = None) -> Finding:
    """Return a refusal in words of a policy; ``names`` are those of running machines by their numbers."""
    source, target = _Party.of(denial.source_context, policy), _Party.of(denial.target_context, policy)
    domains = [number for number in (denial.source_domain, denial.target_domain) if number is not None]
    machines = tuple((names or {}).get(number, f"domain {number}") for number in domains)
    asked = [denial.object] if denial.object else []
    asked += [f"asked by {machines[0]}"] if machines else []
    by = f" ({', '.join(asked)})" if asked else ""
    what = f"{denial.class_name} {{ {' '.join(denial.permissions)} }}"
    reason, types = _reason(denial, policy, source, target)
    return Finding(
        FindingKind.DENIAL,
        f"The hypervisor refused {what} from {source.words} to {target.words}{by}: {reason}",
        rule="Simple Type Enforcement" if types else None,
        labels=tuple(party.label.name for party in (source, target) if party.label),
        types=types,
        machines=machines,
    )


@dataclass(frozen=True, slots=True)
class _Party:
    """One end of an access; ``label`` None: what the base knows, not the policy."""

    words: str
    label: Label | None = None
    is_control: bool = False
    is_gone: bool = False

    @classmethod
    def of(cls, context: str, policy: Policy) -> _Party:
        """Find what a context stands for."""
        known = {
            (label.name, label.kind): label for label in (*machine_labels(policy), *policy.resource_labels)
        }
        name = type_in(context)
        if name in {CONTROL, CONTROL_CHANNEL}:
            label = known.get((policy.bootstrap or "", LabelKind.MACHINE))
            return cls(f"the control domain (label {policy.bootstrap})", label, is_control=True)
        if name == SELF:
            return cls("itself")
        if name in UNLABELED_DEVICES:
            return cls("a device without a label", known[UNLABELED, LabelKind.MACHINE])
        found = label_of(context)
        if found is None:
            return cls(f"{context} of the base")
        kind = "machines" if found[1] is LabelKind.MACHINE else "devices"
        return cls(f"{kind} with the label {found[0]}", known.get(found), is_gone=found not in known)


def _reason(denial: Access, policy: Policy, source: _Party, target: _Party) -> tuple[str, tuple[str, ...]]:
    """Return why in words, and the types that the refusal turns on."""
    if source.is_gone or target.is_gone:
        return "this policy does not have that label, so the hypervisor has another one in force", ()
    if source.label is None or target.label is None:
        return "what is no label of this policy has the rules of the base only", ()
    if policy.ste_types is None:
        return _NOT_OURS, ()
    ours, theirs = source.label.ste_types, target.label.ste_types
    if target.is_control and denial.permissions == ("create",):
        return "its label in FLASK is its alone; give the machine one of the policy", ()
    if source.is_control and denial.class_name not in {*SHARING_CLASSES, "resource"}:
        missing = tuple(sorted(theirs - ours))
        if missing:
            return f"the host lacks the types {_listed(missing)} and is not authorized to run it", missing
        if not theirs:
            return "a label without types is authorized nowhere; give it one", ()
    elif denial.class_name in {*SHARING_CLASSES, "resource"} and not ours & theirs:
        do = SHARING_CLASSES.get(denial.class_name, "use the device")
        types = f"{_listed(sorted(ours))} on one side, {_listed(sorted(theirs))} on the other"
        return f"they may not {do}, for they have no type in common: {types}", tuple(sorted(ours | theirs))
    return _NOT_OURS, ()


def _domain(word: str | None) -> int | None:
    match = _DOMAIN.fullmatch(word or "")
    return int(match[1] or match[2]) if match else None


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
