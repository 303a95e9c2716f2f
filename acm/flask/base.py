"""A base of our own: what a host needs before any label exists, so that Debian's packages are enough.

It knows the hypervisor's own types, the control domain with all that a toolstack does, and devices that
nobody has labelled, which stay the control domain's. Names of types and attributes are those that Xen's base
modules use, so the rules for an ACM policy stand on either.
Source: the checks of the Flask interface, Xen 4.17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.flask.vectors import INITIAL_SIDS, access_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.acm.flask.vectors import Release

ATTRIBUTES = ("xen_type", "domain_type", "event_type", "resource_type")
TYPES = {
    **dict.fromkeys(("xenboot_t", "xen_t", "domio_t", "domxen_t", "unlabeled_t", "security_t"), "xen_type"),
    **dict.fromkeys(("irq_t", "ioport_t", "iomem_t", "device_t"), "resource_type"),
    "dom0_t": "domain_type",
    "dom0_t_channel": "event_type",
}
CONTEXTS = {
    **{name: f"system_u:system_r:{name}_t" for name in INITIAL_SIDS[:7]},
    **{name: f"system_u:object_r:{name}_t" for name in INITIAL_SIDS[7:11]},
    # Machines and stub domains that come without a label; the ACM policy's own word replaces the first.
    **dict.fromkeys(INITIAL_SIDS[11:], "system_u:system_r:unlabeled_t"),
}
RULES = """
bool guest_writeconsole true;

# The hypervisor itself: it starts the control domain and takes resources back.
allow xenboot_t dom0_t:domain create;
allow xenboot_t dom0_t_channel:event create;
allow xen_t resource_type:resource { remove_irq remove_ioport remove_iomem };

# The control domain governs the hypervisor and its policy; what it does to the latter is told.
allow dom0_t xen_t:xen *;
allow dom0_t xen_t:xen2 *;
allow dom0_t xen_t:version *;
allow dom0_t xen_t:mmu memorymap;
allow dom0_t xen_t:resource setup;
allow dom0_t xen_t:argo { enable register_any_source };
allow dom0_t security_t:security *;
auditallow dom0_t security_t:security { load_policy setenforce setbool };
allow dom0_t domxen_t:domain getdomaininfo;
allow dom0_t domxen_t:resource { plug unplug use };
allow dom0_t domxen_t:mmu map_read;
allow dom0_t domio_t:mmu { map_read map_write };

# The control domain as a machine of its own.
allow dom0_t dom0_t:domain ~{ create transition destroy set_target };
allow dom0_t dom0_t:domain2 ~{ relabelfrom relabelto relabelself make_priv_for set_as_target };
allow dom0_t dom0_t:mmu ~target_hack;
allow dom0_t dom0_t:hvm { getparam setparam altp2mhvm_op };
allow dom0_t dom0_t:grant { query setup map_read map_write copy unmap };
allow dom0_t dom0_t:resource { add remove };
allow dom0_t dom0_t:argo { register_single_source send };
type_transition dom0_t domain_type:event dom0_t_channel;
allow dom0_t dom0_t_channel:event { create send status };
allow dom0_t_channel dom0_t:event bind;

# Devices that nobody has labelled are the control domain's.
allow dom0_t { irq_t ioport_t iomem_t device_t }:resource ~{ add remove };
allow dom0_t { irq_t ioport_t iomem_t device_t }:hvm bind_irq;

# Every machine may ask who the hypervisor is, and write to its console as long as the boolean says so.
allow domain_type xen_t:version { xen_extraversion xen_compile_info xen_capabilities };
allow domain_type xen_t:version { xen_changeset xen_pagesize xen_guest_handle };
dontaudit domain_type xen_t:version { xen_commandline xen_build_id };
allow domain_type xen_t:xen2 pmu_use;
allow domain_type xen_t:argo { enable register_any_source };
if (guest_writeconsole) {
    allow domain_type xen_t:xen writeconsole;
} else {
    dontaudit domain_type xen_t:xen writeconsole;
}

# A machine is created with a label of machines, a device used with one of devices.
neverallow * ~domain_type:domain { create transition };
neverallow * ~resource_type:resource { use_iommu use_iommu_nointremap use_noiommu };
neverallow * ~event_type:event { create send status };
"""


def before_rules(release: Release) -> Iterator[str]:
    """Give the sections of a policy that come before its rules; whole lines."""
    vectors = access_vectors(release)
    yield from (f"class {name}" for name in vectors)
    yield from (f"sid {name}" for name in INITIAL_SIDS)
    for name, permissions in vectors.items():
        yield f"class {name} {{ {' '.join(permissions)} }}"
    yield from (f"attribute {name};" for name in ATTRIBUTES)
    yield from (f"type {name}, {attribute};" for name, attribute in TYPES.items())
    yield RULES


def after_rules() -> Iterator[str]:
    """Give the sections that come after the rules: roles, users, initial contexts; whole lines."""
    yield "role system_r;"
    yield "role system_r types { xen_type domain_type };"
    yield "user system_u roles system_r;"
    yield from (f"sid {name} {CONTEXTS[name]}" for name in INITIAL_SIDS)
