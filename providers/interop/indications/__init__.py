"""Indications (DSP1054): who is told what, and the service that tells it."""

from xencim.providers.interop.indications import (
    indication_filter,
    indication_service,
    indication_service_capabilities,
    listener_destination,
)
from xencim.providers.interop.indications.associations import ASSOCIATIONS

SPECS = (
    indication_service.SPEC,
    indication_service_capabilities.SPEC,
    indication_filter.SPEC,
    listener_destination.SPEC,
)

__all__ = ("ASSOCIATIONS", "SPECS")
