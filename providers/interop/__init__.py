"""The server itself: its namespaces, sockets and profiles (namespace interop)."""

from xencim.providers.interop import (
    communication_mechanism,
    indications,
    namespace,
    object_manager,
    registered_profile,
)
from xencim.providers.interop.associations import ASSOCIATIONS

SPECS = (
    object_manager.SPEC,
    namespace.SPEC,
    communication_mechanism.SPEC,
    registered_profile.SPEC,
    *indications.SPECS,
)

__all__ = ("ASSOCIATIONS", "SPECS")
