"""Logs are read by machines: one JSON object a line whatever is logged, with the key of the object it is about."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_operator.logs import JsonFormatter, configure_logs
from tradeplane_operator.observing.keys import Key, Kind

LOGGER = "tradeplane_operator.running.strategies"
KEY = str(Key(Kind.STRATEGY, "research", "macd"))


def _line(message: object, *arguments: object, level: int = logging.INFO, **extra: Any) -> dict[str, Any]:
    """Return what is written for a record, read back."""
    record = logging.getLogger(LOGGER).makeRecord(LOGGER, level, __file__, 1, message, arguments, None, extra=extra)
    written = JsonFormatter().format(record)
    assert "\n" not in written
    read: dict[str, Any] = json.loads(written)
    return read


def test_a_line_has_its_time_its_level_and_the_key_of_its_object() -> None:
    line = _line("run ended: %s", "Succeeded", key=KEY, run="macd-1")
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "INFO",
        "logger": LOGGER,
        "message": "run ended: Succeeded",
        "key": "Strategy/research/macd",
        "run": "macd-1",
    }


@given(st.text())
def test_no_text_of_somebody_else_ends_a_line_or_begins_a_field(text: str) -> None:
    line = _line("said: %s", text, key=KEY)
    assert line["message"] == f"said: {text}"
    assert set(line) == {"time", "level", "logger", "message", "key"}


@pytest.mark.parametrize(
    ("thing", "written"),
    [(KEY, KEY), (Kind, str(Kind)), (2**70, 2**70), (b"\xff".decode(errors="surrogateescape"), "\udcff")],
)
def test_what_json_cannot_carry_costs_no_line(thing: object, written: object) -> None:
    assert _line("a thing", thing=thing)["thing"] == written


def test_what_kopf_hangs_on_its_records_is_left_out() -> None:
    assert set(_line("of kopf", settings=object(), k8s_skip=True, k8s_ref={"name": "macd"})) == {
        *("time", "level", "logger", "message"),
    }


def test_a_failure_has_its_trace_in_the_same_line() -> None:
    trace = (ZeroDivisionError, ZeroDivisionError("of capital"), None)
    record = logging.getLogger(LOGGER).makeRecord(LOGGER, logging.ERROR, __file__, 1, "a fault", (), trace)
    written = JsonFormatter().format(record)
    assert "\n" not in written
    assert "ZeroDivisionError: of capital" in json.loads(written)["trace"]


@pytest.mark.usefixtures("logging_restored")
def test_ours_are_told_from_the_level_that_is_set_and_those_of_others_from_warnings_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("INFO")
    logging.getLogger(LOGGER).debug("of no interest")
    logging.getLogger(LOGGER).info("ours", extra={"key": KEY})
    logging.getLogger("kopf.objects").info("theirs")
    logging.getLogger("kopf.objects").warning("theirs, and wrong")
    out, err = capsys.readouterr()
    assert out == ""
    assert [(line["level"], line["message"]) for line in map(json.loads, err.splitlines())] == [
        ("INFO", "ours"),
        ("WARNING", "theirs, and wrong"),
    ]
