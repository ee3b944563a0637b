"""What the options of ``tradeplane replay`` ask for, and what is said of those that ask for nothing there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_api.execution import LatencyModel
from tradeplane_api.parity import Tolerance
from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.replay_options import tolerance_of, what_if_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]


def test_tolerances_are_read_by_name() -> None:
    assert tolerance_of(None) is None
    assert tolerance_of("pnl=0.01") == Tolerance(pnl="0.01")
    expected = Tolerance(pnl="1", fill_price="0.5", fill_quantity="2", latency_microseconds=90)
    assert tolerance_of("pnl=1,fillPrice=0.5,fillQuantity=2,latencyMicroseconds=90") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no tolerance"),
        ("pnl", "'pnl' is no tolerance"),
        ("price=1", "'price=1' is no tolerance"),
        ("pnl=1,pnl=2", "'pnl=2' is no tolerance"),
        ("pnl=-1", "pnl: must be a decimal of zero or more"),
        ("pnl=", "pnl: must be a decimal of zero or more"),
        ("latencyMicroseconds=0.5", "latencyMicroseconds: Input should be a valid integer"),
    ],
)
def test_what_is_no_tolerance_is_named(text: str, words: str) -> None:
    with pytest.raises(CommandFailure) as refused:
        tolerance_of(text)
    assert words in refused.value.message


def test_parameters_are_json_or_text() -> None:
    assert what_if_of(None, []) is None
    asked = what_if_of(None, ["fast=5", 'quantity="0.5"', "onTouch=false", "name=abc", "ratio=[2, 1]", "empty="])
    assert asked is not None
    assert asked.parameters == {
        "fast": 5,
        "quantity": "0.5",
        "onTouch": False,
        "name": "abc",
        "ratio": [2, 1],
        "empty": "",
    }


def test_a_file_says_the_rest_and_parameters_come_before_it(tmp_path: Path) -> None:
    file = tmp_path / "change.yaml"
    file.write_text("parameters: {fast: 3, slow: 9}\nlatency: {entryNanoseconds: 5}\n")
    asked = what_if_of(str(file), ["fast=4"])
    assert asked is not None
    assert asked.parameters == {"fast": 4, "slow": 9}
    assert asked.latency is not None
    assert (asked.latency.model, asked.latency.entry_nanoseconds) == (LatencyModel.CONSTANT, 5)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}\n", "changes nothing"),
        ("speed: 5\n", "speed: there is no such field"),
        ("costs:\n  slippageBasisPoints: 5\n", ":2: costs.slippageBasisPoints"),
        ("parameters: {a: 1}\n---\nparameters: {a: 2}\n", "holds 2 documents"),
    ],
)
def test_what_a_file_may_not_say_is_named(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "change.yaml"
    file.write_text(content)
    with pytest.raises(CommandFailure) as refused:
        what_if_of(str(file), [])
    assert words in refused.value.as_text()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailure, match=r"cannot read .*absent"):
        what_if_of(str(tmp_path / "absent"), [])


@pytest.mark.parametrize("text", ["fast", "=5", ""])
def test_what_is_no_parameter_is_named(text: str) -> None:
    with pytest.raises(CommandFailure, match="is no parameter"):
        what_if_of(None, [text])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tolerance", "pnl=1", "--parameter", "a=1"), "a what-if is compared and not judged"),
        (("--image", "a"), "--image is of a replay on another processor"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tradeplane: Command, options: tuple[str, ...], words: str) -> None:
    ended = tradeplane("replay", "r1", *options)
    assert (ended.code, words in ended.err) == (2, True)
