"""How indications are delivered: how long, how often, how much is kept meanwhile.

Source: DSP1054 1.1, section 7 (delivery of indications); CIM_IndicationService.
"""

from __future__ import annotations

FIRST_RETRY_S = 1
"""The wait after a failure; each further one doubles it."""
LAST_RETRY_S = 30
"""The longest wait: a listener that is back is told this much later at most."""
REFUSED_ATTEMPTS = 10
"""How often what a listener answers with an error is sent again, before it is dropped.

A listener that cannot be reached is waited for as long as its subscriptions last.
"""
FAILURE_TRIGGER_S = 3600
"""How long a listener may be away before OnFatalErrorPolicy is carried out, where nothing is said."""
MAX_WAITING = 100_000
"""Indications that wait for one destination; further ones are dropped and counted."""
MAX_WAITING_BYTES = 256 * 2**20
"""The same in bytes on disk."""
