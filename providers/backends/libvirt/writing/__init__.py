"""Changes carried out by libvirt."""
