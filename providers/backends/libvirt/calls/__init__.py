"""Calls to libvirt: the binding, connections, worker threads, errors."""
