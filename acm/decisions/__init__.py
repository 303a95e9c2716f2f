"""What a policy permits: sharing, authorization, the Chinese Wall."""

from xencim.acm.decisions.decision import PERMITTED, Decision, Rule
from xencim.acm.decisions.rules import Rules
from xencim.acm.decisions.running import RunningSet

__all__ = ["PERMITTED", "Decision", "Rule", "Rules", "RunningSet"]
