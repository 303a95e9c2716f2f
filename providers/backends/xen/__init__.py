"""What Xen alone has, by its own tools: libvirt's driver tells and sets no security labels."""
