"""What the demo says while it works, when it fails, and at its end."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.demo.__main__ import failure, main, remember, remembered
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.programs import run
from tradeplane_stacks.demo.progress import Progress, duration
from tradeplane_stacks.demo.scenario import final_words

if TYPE_CHECKING:
    from pathlib import Path


class Times:
    """A clock that shows these times, one a look."""

    def __init__(self, *times: float) -> None:
        self._times = list(times)

    def __call__(self) -> float:
        return self._times.pop(0)


def test_in_a_pipe_a_wait_is_one_line_until_it_changes() -> None:
    stream = io.StringIO()
    progress = Progress(stream, 2, terminal=False, clock=Times(0, 12.4))
    with progress.stage("cluster"):
        for text in ("waiting for a", "waiting for a", "waiting for b"):
            progress.waiting(text)
        progress.say("a is up\nb is up")
    assert stream.getvalue().splitlines() == [
        "[1/2] cluster",
        "      waiting for a",
        "      waiting for b",
        "      a is up",
        "      b is up",
        "      done in 12 s",
    ]


def test_on_a_terminal_a_wait_is_shown_in_place_and_cleared() -> None:
    stream = io.StringIO()
    progress = Progress(stream, 1, terminal=True, clock=Times(0, 1, 2))
    with progress.stage("cluster"):
        progress.waiting("waiting for " + "x" * 200)
    before, shown, after = stream.getvalue().split("\r\x1b[2K")
    assert before == "[1/1] cluster\n"
    assert shown.startswith("      waiting for xxx")
    assert len(shown) == 110
    assert after == "      done in 2.0 s\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_failure_names_stage_time_cause_and_remedy() -> None:
    progress = Progress(io.StringIO(), 2, terminal=False, clock=Times(0, 61))
    with pytest.raises(DemoError) as failed, progress.stage("operator"):
        raise DemoError("2 pods crash.", "Read their log.")
    assert failure(progress, failed.value).strip().splitlines() == [
        "failed: stage `operator` after 1 min 1 s",
        "cause:  2 pods crash.",
        "remedy: Read their log.",
        "What is done stays done: the same command goes on from there.",
    ]


def test_a_wrong_cluster_fails_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLUSTER", "minikube")
    assert main(["up"]) == 1
    said = capsys.readouterr().err
    assert "failed: before the first stage" in said
    assert "cause:  CLUSTER is 'minikube'." in said


def test_asked_wrongly_is_status_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sideways"])
    assert ended.value.code == 2


def test_the_cluster_of_the_last_demo_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "build/demo/cluster"
    assert remembered(path) == ""
    remember(path, "kind")
    assert remembered(path) == "kind"


def test_a_checkout_that_cannot_be_written_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "build").write_text("in the way of a folder, also of root's")
    folder = tmp_path / "build" / "demo"
    with pytest.raises(DemoError, match=rf"keep what it makes in {folder}: Not a directory\.\nRun it in a checkout of"):
        remember(folder / "cluster", "current")


def test_the_end_shows_table_result_and_three_commands() -> None:
    words = final_words(
        {"strategies": "NAME READY\nmacd True\n", "snapshots": "NAME\nsp500\n", "replays": "NAME FILLS\nmacd 7/7\n"},
        "total return 1.5\n",
        "macd",
        "macd-1",
        "file:///s/research",
        "eval x",
    )
    assert "NAME READY\nmacd True\n\ntotal return 1.5\n" in words
    assert "get snapshots -n research\nNAME\nsp500\n" in words
    assert "get replays -n research\nNAME FILLS\nmacd 7/7\n" in words
    assert "eval x" in words
    commands = [line for line in words.split("Try next:\n")[1].splitlines() if line]
    assert len(commands) == 3
    assert commands[1].strip() == "kubectl -n research apply -f docs/examples/market-maker.yaml"
    assert commands[2].strip() == ".venv/bin/tradeplane results report macd-1 --store file:///s/research"
    assert "To reach" not in final_words({}, "", "a", "b", "c", "")


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["sh", "-c", "echo no such bucket >&2; exit 3"], "no such bucket"),
        (["a-program-that-is-not-there"], "There is no program a-program-that-is-not-there"),
        (["sleep", "5"], "took longer than 0 s"),
    ],
)
def test_a_program_that_fails_is_quoted(command: list[str], named: str) -> None:
    with pytest.raises(DemoError, match=named):
        run(command, "look", limit_s=0.2)


def test_what_a_program_makes_belongs_to_the_group_asked_for_where_that_can_be(tmp_path: Path) -> None:
    run(["touch", str(tmp_path / "made")], "look", group=65_532)
    assert (tmp_path / "made").stat().st_gid == (65_532 if os.geteuid() == 0 else os.getegid())
