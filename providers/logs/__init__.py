"""What the hypervisor has written to its console, as a log (DSP1010)."""

from xencim.providers.logs import associations, log_entry, record_log

SPECS = (record_log.SPEC, log_entry.SPEC)
ASSOCIATIONS = associations.ASSOCIATIONS
