"""`xencim subscription`: the list from the state file, and the test of a listener."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.main import main
from xencim.mof.values import Instance, TypedValue
from xencim.providers.events import Outgoing

from ..indications.indication_world import delivering, listening, running, subscribe

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Return exit code, output and complaints of a command."""
    code = main(("subscription", *words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


async def test_the_list_counts_what_waits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with listening() as listener, running(path=tmp_path / "state.sqlite") as world:
        await listener.stop()
        async with delivering(world) as deliverer:
            await subscribe(world, listener.url, "console", SubscriptionDuration=3600)
            deliverer.accept([Outgoing("console", "f", Instance("X", {"N": TypedValue("uint8", 1)}))] * 3)
        state = ("--state-dir", str(tmp_path))
        code, out, complaint = run(capsys, "list", *state)
        assert (code, complaint) == (0, "")
        heads, row = (line.split(maxsplit=6) for line in out.splitlines())
        assert heads == [
            "DESTINATION",
            "URL",
            "WAITING",
            "DELIVERED",
            "DROPPED",
            "STATE",
            "FILTER             QUERY",
        ]
        assert row[:6] == ["console", listener.url, "3", "0", "0", "enabled"]
        assert row[6] == "filter of console  SELECT * FROM CIM_InstIndication"
        code, out, _ = run(capsys, "list", "--json", *state)
        [told] = json.loads(out)
        [subscription] = told.pop("subscriptions")
        assert (code, told) == (
            0,
            {
                "destination": "console",
                "url": listener.url,
                "owner": "root",
                "waiting": 3,
                "delivered": 0,
                "dropped": 0,
            },
        )
        assert subscription.pop("started").endswith("+00:00")
        assert subscription == {
            "filter": "filter of console",
            "query": "SELECT * FROM CIM_InstIndication",
            "language": "WQL",
            "namespaces": [],
            "enabled": True,
            "owner": "root",
            "duration_s": 3600,
        }
        code, out, complaint = run(capsys, "test", "nobody", *state)
        assert (code, out) == (1, "")
        assert complaint.startswith("xencim: error: there is no destination 'nobody'\n")


def test_without_a_state_file_the_hint_says_what_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "list", "--state-dir", str(tmp_path)) == (
        1,
        "",
        (
            f"xencim: error: {tmp_path}/state.sqlite is not there\n"
            "  hint: a server that was started makes it\n"
        ),
    )


def test_a_listener_that_is_away_or_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, complaint = run(capsys, "test", "http://127.0.0.1:1")
    assert (code, out) == (1, "")
    assert complaint.startswith("xencim: error: http://127.0.0.1:1 did not take the indication: [Errno 111]")
    assert run(capsys, "test", "ftp://x")[2] == (
        "xencim: error: ftp://x did not take the indication: 'ftp://x' is no address of a listener\n"
    )
