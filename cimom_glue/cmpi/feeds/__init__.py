"""Events on their way to CIMOMs: a log that every feed reads from its own place."""

from xencim.cimom_glue.cmpi.feeds.feed import Feeds, FeedSession
from xencim.cimom_glue.cmpi.feeds.log import FeedLog

__all__ = ["FeedLog", "FeedSession", "Feeds"]
