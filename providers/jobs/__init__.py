"""Work that goes on after its call has returned."""

from xencim.providers.jobs import concrete_job, method_result
from xencim.providers.jobs.associations import ASSOCIATIONS

SPECS = (concrete_job.SPEC, method_result.SPEC)

__all__ = ("ASSOCIATIONS", "SPECS")
