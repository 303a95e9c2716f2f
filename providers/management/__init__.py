"""Machines defined, changed and taken away: settings from clients made wanted definitions."""
