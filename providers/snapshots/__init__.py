"""Snapshots of machines: their settings, what joins them, and the methods of the snapshot service.

Source: DSP1042 1.0.
"""

from xencim.providers.snapshots import settings, snapshot
from xencim.providers.snapshots.associations import ASSOCIATIONS
from xencim.providers.snapshots.methods import RECONCILERS

SPECS = (snapshot.SPEC, *settings.SPECS)

__all__ = ("ASSOCIATIONS", "RECONCILERS", "SPECS")
