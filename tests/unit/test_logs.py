"""Log lines for people and for machines."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    token = logs.request_id.set("")
    yield
    logs.request_id.reset(token)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_human_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(json=False, level="info")
    logging.getLogger("xencim.x").info("hello %s", "you\r\nforged line")
    logging.getLogger("xencim.x").debug("not this")
    time, level, rest = capsys.readouterr().err.split(maxsplit=2)
    assert time.endswith("+00:00")
    assert (level, rest) == ("INFO", "xencim.x: hello you\\x0d\\x0aforged line\n")


def test_lines_of_a_request_carry_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(json=False, level="info")
    logs.request_id.set("00002a")
    logging.getLogger("xencim.x").warning("hello")
    assert capsys.readouterr().err.endswith(" WARNING xencim.x [00002a]: hello\n")


def test_a_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(json=True, level="debug")
    logging.getLogger("xencim.x").info("hello")
    logs.request_id.set("00002a")
    logging.getLogger("xencim.x").info("hello\n%s", "you")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.pop("time")[-6:] for line in lines] == ["+00:00", "+00:00"]
    assert lines == [
        {"level": "info", "logger": "xencim.x", "message": "hello"},
        {"level": "info", "logger": "xencim.x", "message": "hello\nyou", "request": "00002a"},
    ]


def test_tracebacks_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        logs.configure(json=as_json, level="info")
        try:
            int("lost")
        except ValueError:
            logging.getLogger("xencim.x").exception("failed")
        text = capsys.readouterr().err
        assert "Traceback" in text
        assert "ValueError" in text
