"""What an update from one policy to another does to a host, told before it happens."""

from xencim.acm.planning.plan import LabelName, Renaming, Touched, UpdatePlan
from xencim.acm.planning.state import HostMachine, HostResource, HostState
from xencim.acm.planning.update import plan_update

__all__ = [
    "HostMachine",
    "HostResource",
    "HostState",
    "LabelName",
    "Renaming",
    "Touched",
    "UpdatePlan",
    "plan_update",
]
