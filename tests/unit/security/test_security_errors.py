"""A refusal that ends a job: kept with the job, and told by it after a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from xencim.acm.decisions import Rules
from xencim.providers.backends.records import Element, Job, JobState
from xencim.providers.core.jobs.errors import describe
from xencim.providers.core.jobs.store import decode, encode
from xencim.providers.security.enforcement.refusals import DeniedError

from .security_world import A_BANK, B_BANK, banks


def test_a_job_keeps_the_reasons_of_a_refusal() -> None:
    policy = banks()
    decision = Rules(replace(policy, machine_labels=policy.machine_labels[:2])).may_share(A_BANK, B_BANK)
    error = describe(DeniedError("start of 'vm'", policy, decision))
    now = datetime.now(UTC)
    job = Job(
        id="1",
        name="RequestStateChange",
        kind="test",
        owner=Element("ComputerSystem", ()),
        affected=(),
        principal="alice",
        queue=None,
        state=JobState.FAILED,
        submitted=now,
        changed=now,
        error=error,
    )
    assert decode(encode(job)) == job
    assert error.reasons[0].labels == (A_BANK,)
