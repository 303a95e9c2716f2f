"""What the hypervisor's access control knows: classes, permissions and initial identifiers, in its own order.

A policy is refused by the hypervisor when a class or permission that it knows is missing or has another
number; numbers follow from the order here. What a policy has beyond that does no harm, so one table
serves Xen 4.17 to 4.21; 4.22 took three permissions away, which renumbers those after them.
Source: names and numbers of the Flask interface, Xen 4.17 to 4.22.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Release = tuple[int, int]
"""A release of Xen: its major and minor number."""

OLDEST: Release = (4, 17)
"""The first release with the initial identifier ``xenboot``; older ones number the others differently."""
RENUMBERED: Release = (4, 22)
_GONE = frozenset({"privprofile", "nonprivprofile", "get_cpu_levelling_caps"})

INITIAL_SIDS = (
    *("xenboot", "xen", "dom0", "domio", "domxen", "unlabeled", "security"),
    *("ioport", "iomem", "irq", "device", "domU", "domDM"),
)

_VECTORS = {
    "xen": """settime tbufcontrol readconsole clearconsole perfcontrol mtrr_add mtrr_del mtrr_read
        microcode physinfo quirk writeconsole readapic writeapic privprofile nonprivprofile
        kexec firmware sleep frequency getidle debug getcpuinfo heap pm_op mca_op lockprof
        cpupool_op hypfs_op getscheduler setscheduler""",
    "xen2": """resource_op psr_cmt_op psr_alloc get_symbol pmu_ctrl pmu_use get_cpu_levelling_caps
        get_cpu_featureset livepatch_op coverage_op get_dom0_console""",
    "domain": """setvcpucontext pause unpause resume create transition max_vcpus destroy setaffinity
        getaffinity getscheduler getdomaininfo getvcpuinfo getvcpucontext setdomainmaxmem
        setdomainhandle setdebugging hypercall settime set_target shutdown setaddrsize
        getaddrsize trigger getpodtarget setpodtarget set_misc_info set_virq_handler
        getpagingmempool setpagingmempool""",
    "domain2": """relabelfrom relabelto relabelself make_priv_for set_as_target set_cpu_policy gettsc
        settsc setscheduler setclaim cacheflush create_hardware_domain set_vnumainfo
        get_vnumainfo psr_cmt_op vm_event soft_reset mem_access mem_paging mem_sharing psr_alloc
        resource_map get_cpu_policy vuart_op dt_overlay set_llc_colors get_domain_state""",
    "hvm": """sethvmc gethvmc setparam getparam bind_irq hvmctl mem_sharing audit_p2m share_mem
        altp2mhvm altp2mhvm_op dm""",
    "mmu": """map_read map_write pageinfo adjust stat updatemp physmap pinpage memorymap remote_remap
        mmuext_op exchange target_hack""",
    "resource": """add remove use use_iommu use_iommu_nointremap use_noiommu add_irq remove_irq
        add_ioport remove_ioport add_iomem remove_iomem stat_device add_device remove_device
        plug unplug setup""",
    "shadow": "disable enable logdirty",
    "event": "bind send status create reset",
    "grant": "map_read map_write unmap transfer setup copy query",
    "security": """compute_av compute_create compute_member check_context load_policy compute_relabel
        setenforce setbool setsecparam add_ocontext del_ocontext""",
    "version": """xen_extraversion xen_compile_info xen_capabilities xen_changeset xen_pagesize
        xen_guest_handle xen_commandline xen_build_id""",
    "argo": "enable register_single_source register_any_source send",
}


def access_vectors(release: Release) -> Mapping[str, tuple[str, ...]]:
    """Return each class with its permissions, both in the release's order."""
    gone = _GONE if release >= RENUMBERED else frozenset[str]()
    return MappingProxyType(
        {
            name: tuple(permission for permission in words.split() if permission not in gone)
            for name, words in _VECTORS.items()
        }
    )
