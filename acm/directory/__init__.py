"""Policies and labels published in a directory (LDAP), and followed from there."""
