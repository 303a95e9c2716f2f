"""Events: what changes on a host becomes indications for whoever subscribed to them."""

from xencim.providers.events.classes import told_classes
from xencim.providers.events.events import Events, Outgoing, Recorded, Recorder

__all__ = ("Events", "Outgoing", "Recorded", "Recorder", "told_classes")
