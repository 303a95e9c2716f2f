"""What a hypervisor is asked only when a client asks for it: counters, free memory, its console's log."""
