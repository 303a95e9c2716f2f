"""Hypervisors by way of libvirt: Xen (libxl), QEMU/KVM, LXC and libvirt's own test driver."""

from xencim.providers.backends.libvirt.backend import LibvirtBackend
from xencim.providers.backends.libvirt.calls.probing import DEFAULT_URIS, probe

__all__ = ["DEFAULT_URIS", "LibvirtBackend", "probe"]
