"""Network filters of libvirt, where machines' drivers apply them: KVM and LXC."""

from xencim.providers.network.filters import filter_entry, filter_list, hdr8021_filter, ip_headers_filter
from xencim.providers.network.filters.associations import ASSOCIATIONS

__all__ = ["ASSOCIATIONS", "SPECS"]

SPECS = (filter_list.SPEC, filter_entry.SPEC, hdr8021_filter.SPEC, ip_headers_filter.SPEC)
