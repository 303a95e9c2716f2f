"""The rules that an ACM policy becomes: one attribute per STE type, and rules attribute x itself.

(On devices it has another name: the hypervisor's base keeps what acts apart from what is used.)

A label's type has the attribute of each STE type that the label has, so two labels may share exactly when
one rule's attribute is on both; there is no rule for a pair. The control domain's own type has the attributes
of the bootstrap label. A machine that has the same label has a type of its own: a label gives no privileges.

An event channel has no type of its own but, by the hypervisor's default, that of the machine at its other
end, so it needs no transition rule per pair either.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from xencim.acm.flask.names import (
    AUTHORIZED,
    MACHINES,
    RESOURCES,
    SELF,
    attribute_of,
    type_of,
    unlabeled,
)
from xencim.acm.model import UNLABELED, Label, LabelKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.acm.model import Policy

SHARING = (
    "grant { map_read map_write copy }",
    "event { create send status bind }",
    "argo { register_single_source send }",
)
"""What machines do that share."""
USING = "resource { use use_iommu }"
"""What a machine does with a device that it shares; not without an IOMMU, or it would reach all memory."""
EVERYTHING = frozenset({"\0"})
"""What all labels have when a policy has no Simple Type Enforcement; no name of a type."""

UNLABELED_DEVICES = ("irq_t", "ioport_t", "iomem_t", "device_t")
"""The base's types of devices that nobody has labelled."""

MACHINE_RULES = f"""
# What a machine does to itself.
allow {MACHINES} {SELF}:grant {{ query setup map_read map_write copy unmap }};
allow {MACHINES} {SELF}:event {{ create send status }};
allow {SELF} {SELF}:event bind;
allow {MACHINES} {SELF}:argo {{ register_single_source send }};
allow {MACHINES} {SELF}:mmu {{ adjust physmap map_read map_write stat pinpage updatemp mmuext_op exchange }};
allow {MACHINES} {SELF}:hvm {{ getparam setparam altp2mhvm_op }};
allow {MACHINES} {SELF}:domain2 get_vnumainfo;

# Whoever has mapped a page gives it back, also when a newer policy would no longer let it be mapped.
allow {{ dom0_t {MACHINES} }} {{ dom0_t {MACHINES} }}:grant unmap;

# The control domain watches, stops and saves whatever runs, also what a newer policy no longer lets start.
allow dom0_t {MACHINES}:domain {{
    getdomaininfo getvcpuinfo getvcpucontext getaffinity getaddrsize getscheduler getpodtarget
    getpagingmempool setaffinity setdomainmaxmem setpodtarget setpagingmempool pause unpause resume trigger
    shutdown destroy }};
allow dom0_t {MACHINES}:domain2 {{ gettsc get_vnumainfo set_vnumainfo setscheduler get_cpu_policy }};
allow dom0_t {MACHINES}:hvm {{ gethvmc getparam }};
allow dom0_t {MACHINES}:mmu {{ stat pageinfo map_read }};
allow dom0_t {MACHINES}:shadow {{ enable disable logdirty }};
allow dom0_t {MACHINES}:resource remove;

# It builds what the host is authorized to run, and is the device model of it.
allow dom0_t {AUTHORIZED}:domain {{
    create max_vcpus setaddrsize setvcpucontext setdomainhandle settime set_misc_info hypercall }};
allow dom0_t {AUTHORIZED}:domain2 {{ set_cpu_policy settsc setclaim cacheflush soft_reset resource_map
    psr_cmt_op psr_alloc }};
allow dom0_t {AUTHORIZED}:security check_context;
allow dom0_t {AUTHORIZED}:mmu {{ map_write adjust memorymap physmap pinpage mmuext_op updatemp }};
allow dom0_t {AUTHORIZED}:hvm {{ hvmctl sethvmc setparam altp2mhvm altp2mhvm_op dm }};
allow dom0_t {AUTHORIZED}:grant {{ setup query }};
allow dom0_t {AUTHORIZED}:resource add;

# It hands devices out; to reach a device's configuration, as it must for that, is to use it.
allow dom0_t {RESOURCES}:resource ~{{ add remove }};
allow dom0_t {RESOURCES}:hvm bind_irq;
"""


def attributes_of(policy: Policy, label: Label) -> tuple[str, ...]:
    """Return the attributes that a label's STE types stand for, sorted."""
    return tuple(sorted(attribute_of(name, label.kind) for name in _types(policy, label)))


def machine_labels(policy: Policy) -> tuple[Label, ...]:
    """Return the labels of machines, with that of what has none; defined or not, it always exists."""
    labels = policy.machine_labels
    return labels if unlabeled(labels) else (Label(UNLABELED, LabelKind.MACHINE), *labels)


def resource_labels(policy: Policy) -> tuple[Label, ...]:
    """Return the labels of resources; what has none has the machines' label of that name."""
    return tuple(label for label in policy.resource_labels if label.name != UNLABELED)


def module(policy: Policy, domain_permissions: Iterable[str]) -> Iterator[str]:
    """Give the statements of a policy, given what the base knows of class ``domain2``; whole lines."""
    machines, resources = machine_labels(policy), resource_labels(policy)
    used = sorted({name for label in (*machines, *resources) for name in _types(policy, label)})
    pairs = [tuple(attribute_of(name, kind) for kind in LabelKind) for name in used]
    yield from (f"attribute {name};" for name in (MACHINES, AUTHORIZED, RESOURCES, *chain(*pairs)))
    yield f"type {SELF}, domain_type, event_type;"
    yield from _machine_types(policy, machines)
    for label in resources:
        words = (type_of(label.name, label.kind), "resource_type", RESOURCES, *attributes_of(policy, label))
        yield f"type {', '.join(words)};"
    for machine, device in pairs:
        yield from (f"allow {machine} {machine}:{rule};" for rule in SHARING)
        yield f"allow {machine} {device}:{USING};"
    yield f"allow {MACHINES} domio_t:mmu {{ map_read map_write }};"
    yield MACHINE_RULES
    if "get_domain_state" in domain_permissions:
        yield f"allow dom0_t {MACHINES}:domain2 get_domain_state;"
    yield f"role system_r types {{ {SELF} {MACHINES} }};"


def _types(policy: Policy, label: Label) -> frozenset[str]:
    return EVERYTHING if policy.ste_types is None else label.ste_types


def _machine_types(policy: Policy, machines: tuple[Label, ...]) -> Iterator[str]:
    """Give the types of machines; the control domain and unlabelled devices get those of their labels."""
    by_name = {label.name: label for label in machines}
    bootstrap = by_name.get(policy.bootstrap or UNLABELED)
    control = attributes_of(policy, bootstrap) if bootstrap else ()
    yield f"typeattribute dom0_t {', '.join(('event_type', *control))};"
    if control:
        yield f"typeattribute dom0_t_channel {', '.join(control)};"
    nothing = attributes_of(policy, replace(by_name[UNLABELED], kind=LabelKind.RESOURCE))
    if nothing:
        yield from (f"typeattribute {name} {', '.join(nothing)};" for name in UNLABELED_DEVICES)
    for label in machines:
        name, attributes = type_of(label.name, label.kind), attributes_of(policy, label)
        authorized = (AUTHORIZED,) if attributes and set(control) >= set(attributes) else ()
        yield f"type {', '.join((name, 'domain_type', 'event_type', MACHINES, *authorized, *attributes))};"
        yield f"type_transition {name} {name}:domain {SELF};"
