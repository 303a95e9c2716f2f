"""The policy applied to what happens on a host."""
