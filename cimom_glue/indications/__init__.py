"""Delivery of indications: kept on disk until the listener has answered, in order for each destination."""

from xencim.cimom_glue.indications.delivery import Deliverer
from xencim.cimom_glue.indications.export import export_request
from xencim.cimom_glue.indications.sender import Sender, Undelivered, listener_tls

__all__ = ("Deliverer", "Sender", "Undelivered", "export_request", "listener_tls")
