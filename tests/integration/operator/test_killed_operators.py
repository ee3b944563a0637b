"""Operators that are killed while a Strategy trades, is closed and goes on: one trader, one closing, nothing lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_native import Generator

from tests.integration.operator.killed_operator import KilledOperator
from tests.integration.operator.witness import Change, at_once, made_twice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.operator.cluster import Bench
    from tests.integration.operator.processes import OperatorProcess

KILLS = 2


async def test_killed_while_a_session_is_closed_and_resumed_nothing_is_lost_or_doubled(
    bench: Bench, operators: Callable[..., OperatorProcess], tmp_path: Path
) -> None:
    (tmp_path / "killed").mkdir()
    life = KilledOperator(bench, tmp_path / "killed", operators)
    assert await life.live(KILLS, Generator(5)) == []
    assert len(life.operators) > KILLS
    assert life.fills > 0


def _pod(name: str, *, job: str = "", phase: str = "Running") -> dict[str, Any]:
    labels = {"batch.kubernetes.io/job-name": job} if job else {}
    return {"metadata": {"name": name, "labels": labels}, "status": {"phase": phase}}


def _job(uid: str, *, ended: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Complete", "status": "True"}] if ended else []
    return {"metadata": {"uid": uid}, "status": {"conditions": conditions}}


def test_a_witness_says_what_was_at_once_and_for_how_many_times() -> None:
    changes = [
        Change(1, "statefulsets", "t", {"spec": {"replicas": 1}}),
        Change(2, "pods", "t-0", _pod("t-0")),
        Change(3, "jobs", "c", _job("1")),
        Change(4, "pods", "t-0", None),
        Change(5, "statefulsets", "t", {"spec": {"replicas": 0}}),
        Change(6, "pods", "c-x", _pod("c-x", job="c")),
        Change(7, "jobs", "d", _job("2")),
        Change(8, "jobs", "c", _job("1", ended=True)),
        Change(9, "pods", "c-x", _pod("c-x", job="c", phase="Succeeded")),
        Change(10, "jobs", "d", _job("3", ended=True)),
        Change(11, "pods", "t-0", _pod("t-0")),
        Change(12, "pods", "t-1", _pod("t-1")),
    ]
    assert at_once(changes) == [
        "a trader beside a closing, at version 3",
        "two closings, at version 7",
        "two traders, at version 12",
    ]
    assert made_twice(changes) == ["d"]


def test_one_after_the_other_is_not_at_once() -> None:
    changes = [
        Change(1, "statefulsets", "t", {"spec": {"replicas": 1}}),
        Change(2, "pods", "t-0", _pod("t-0")),
        Change(3, "statefulsets", "t", {"spec": {"replicas": 0}}),
        Change(4, "pods", "t-0", None),
        Change(5, "jobs", "c", _job("1")),
        Change(6, "pods", "c-x", _pod("c-x", job="c")),
        Change(7, "pods", "c-x", _pod("c-x", job="c", phase="Succeeded")),
        Change(8, "jobs", "c", _job("1", ended=True)),
        Change(9, "statefulsets", "t", {"spec": {"replicas": 1}}),
    ]
    assert at_once(changes) == []
    assert made_twice(changes) == []
