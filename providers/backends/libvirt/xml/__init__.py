"""What libvirt says and is told, as XML: readers, and writers that keep what they do not know."""
