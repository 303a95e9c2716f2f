"""Machines: the systems, their devices, their settings, and what joins them."""
