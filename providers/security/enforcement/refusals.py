"""A refusal by the policy: as an error, as a record, and as findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.acm.decisions import Decision
    from xencim.acm.model import Finding, Policy


class DeniedError(BackendError):
    """The policy refuses it; the message has the whole reason in words, ``findings`` have it as data.

    CIM_ERR_ACCESS_DENIED for clients; the job that it ends tells the data through GetError.
    """

    def __init__(self, what: str, policy: Policy, decision: Decision) -> None:
        text = f"{what} is refused by policy {policy.name!r} {policy.header.version}: {decision.reason}"
        super().__init__("denied", text, reasons=reasons_of(decision.findings))
        self.findings = decision.findings


def reasons_of(findings: Iterable[Finding]) -> tuple[Reason, ...]:
    """Return findings as records."""
    return tuple(
        Reason(
            message=finding.message,
            xserr=int(finding.xserr),
            hypervisor_code=finding.hypervisor_code,
            rule=finding.rule,
            labels=finding.labels,
            types=finding.types,
            machines=finding.machines,
        )
        for finding in findings
    )
