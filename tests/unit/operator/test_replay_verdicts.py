"""What replays of sessions, within tolerances and of what-ifs say together, once they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.parity import Compared, Parity, Verdict
from tradeplane_operator.planning.observed import Admitted, ResultFacts, ResultState
from tradeplane_operator.planning.parity import worst
from tradeplane_operator.running.replays import counted_as

from tests.unit.operator.replay_planning import (
    DIVERGED,
    EXACT,
    OTHER,
    UNJUDGED,
    WHAT_IF,
    WITHIN,
    condition,
    ended,
    figures,
    job,
    names,
    of_session,
    planned,
    ready,
    resource,
    session_started,
    started,
)

if TYPE_CHECKING:
    from tradeplane_operator.planning.wanted import Plan

TOLERANCE: dict[str, Any] = {"parity": "Tolerance", "tolerance": {"pnl": "1"}}
CHANGE: dict[str, Any] = {"whatIf": {"parameters": {"fast": 12}}}
NOT_FILLED = DIVERGED.model_copy(update={"execution": Parity.UNJUDGED, "decisions": Parity.DIVERGED})


def _compared(of: dict[str, Any], *got: tuple[int, str]) -> Plan:
    """Return the plan once each replay of a what-if has come to some fills and a P&L."""
    compared = {
        name: Compared(expected=figures(33, "2.5"), got=figures(fills, pnl))
        for name, (fills, pnl) in zip(names(of), got, strict=True)
    }
    return ended(of, [WHAT_IF] * len(got), compared=compared)


def _summary(wanted: Plan) -> tuple[str, str]:
    assert wanted.status is not None
    return wanted.status["summary"]["decisions"], wanted.status["summary"]["execution"]


def test_a_session_whose_every_record_is_the_same_is_exact() -> None:
    wanted = ended(session_started(), [EXACT, EXACT])
    assert ready(wanted) == ("True", "Exact")
    assert condition(wanted, "Parity")["status"] == "True"
    assert _summary(wanted) == ("Exact", "Exact")


@pytest.mark.parametrize("verdicts", [[WITHIN, WITHIN], [EXACT, WITHIN], [WITHIN, EXACT]])
def test_within_a_tolerance_is_ready_and_says_how_far(verdicts: list[Verdict]) -> None:
    wanted = ended(session_started(**TOLERANCE), verdicts)
    assert ready(wanted) == ("True", "Within")
    assert condition(wanted, "Parity")["status"] == "True"
    assert "within spec.tolerance" in condition(wanted, "Ready")["message"]
    assert "-0.25" in condition(wanted, "Ready")["message"]
    assert _summary(wanted) == ("Exact", "Within")


def test_all_exact_is_exact_whatever_was_tolerated() -> None:
    assert ready(ended(started(**TOLERANCE), [EXACT, EXACT])) == ("True", "Exact")


def test_one_beyond_the_tolerance_is_told_though_the_other_is_within() -> None:
    wanted = ended(session_started(**TOLERANCE), [WITHIN, DIVERGED])
    assert condition(wanted, "Stalled")["reason"] == "Diverged"
    assert "on arm64 differs" in condition(wanted, "Stalled")["message"]
    assert condition(wanted, "Parity")["status"] == "False"
    assert _summary(wanted) == ("Exact", "Diverged")


@pytest.mark.parametrize("verdicts", [[UNJUDGED, UNJUDGED], [EXACT, UNJUDGED]])
def test_execution_with_nothing_to_judge_it_by_is_not_ready_and_what_to_do_is_said(verdicts: list[Verdict]) -> None:
    wanted = ended(session_started(), verdicts)
    stalled = condition(wanted, "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "ExecutionUnjudged")
    assert "no record of an exchange" in stalled["message"]
    assert "set spec.parity to Tolerance" in stalled["message"]
    assert ready(wanted) == ("False", "ExecutionUnjudged")
    assert condition(wanted, "Parity")["status"] == "Unknown"
    assert _summary(wanted) == ("Exact", "Unjudged")
    assert [notice.type for notice in wanted.notices] == ["Warning"]


def test_decisions_that_differ_are_told_before_execution_that_is_not_judged() -> None:
    wanted = ended(session_started(), [UNJUDGED, NOT_FILLED])
    assert condition(wanted, "Stalled")["reason"] == "Diverged"
    assert _summary(wanted) == ("Diverged", "Unjudged")


def test_what_is_not_judged_waits_for_the_others_to_end() -> None:
    before = session_started()
    first, second = names(before)
    facts = {first: ResultFacts(ResultState.FOUND, result_digest=OTHER, manifest_digest=OTHER)}
    jobs = {first: job(first), second: job(second, None)}
    wanted = planned(before, jobs=jobs, results=facts, verdicts={first: UNJUDGED})
    assert ready(wanted) == ("False", "Running")
    assert condition(wanted, "Stalled")["status"] == "False"


def test_a_what_if_is_ready_compared_and_not_judged() -> None:
    wanted = _compared(session_started(**CHANGE), (31, "3.75"), (31, "3.75"))
    assert ready(wanted) == ("True", "Compared")
    parity = condition(wanted, "Parity")
    assert (parity["status"], parity["reason"]) == ("Unknown", "Compared")
    assert parity["message"].endswith("orders 9 -> 9, fills 33 -> 31, P&L 2.5 -> 3.75")
    assert "2 replays on amd64 and arm64: compared with the baseline and not judged" in parity["message"]
    assert _summary(wanted) == ("Unjudged", "Unjudged")
    assert wanted.status is not None
    assert {each["compared"]["got"]["fills"] for each in wanted.status["replays"]} == {31}


def test_a_what_if_that_comes_to_something_else_on_the_other_processor_says_so() -> None:
    wanted = _compared(session_started(**CHANGE), (31, "3.75"), (30, "3.75"))
    message = condition(wanted, "Ready")["message"]
    assert "fills 33 -> 31" in message
    assert "on arm64: orders 9 -> 9, fills 33 -> 30" in message


def test_a_what_if_that_failed_somewhere_is_not_ready() -> None:
    before = session_started(**CHANGE)
    before["status"]["replays"][0] |= {"outcome": "Failed", "message": "DataRefused: no"}
    wanted = planned(before, fresh=True, results={names(before)[1]: ResultFacts(ResultState.MISSING)})
    assert condition(wanted, "Stalled")["reason"] == "DataRefused"


def test_what_differs_without_a_first_record_is_told_in_figures() -> None:
    before = session_started(architectures=["amd64"])
    (name,) = names(before)
    apart = DIVERGED.model_copy(update={"divergence": None})
    compared = {name: Compared(expected=figures(33, "2.5"), got=figures(31, "3.75"))}
    message = condition(ended(before, [apart], compared=compared), "Stalled")["message"]
    assert "fills 33 -> 31, P&L 2.5 -> 3.75" in message


@pytest.mark.parametrize(
    ("asked", "verdict", "status"),
    [({}, EXACT, "True"), (TOLERANCE, WITHIN, "True"), ({}, UNJUDGED, "False"), (CHANGE, WHAT_IF, "True")],
)
def test_suspending_what_has_ended_leaves_it_as_ready_as_it_was(asked: Any, verdict: Verdict, status: str) -> None:
    done = ended(session_started(**asked), [verdict, verdict]).status
    wanted = planned({**of_session(generation=2, suspend=True, **asked), "status": done})
    assert ready(wanted) == (status, "Suspended")
    assert wanted.create == ()


@pytest.mark.parametrize("change", [TOLERANCE, CHANGE, {"snapshotRef": {"name": "quoting-2"}}, {"rerun": 1}])
def test_another_question_of_the_same_session_is_replayed_anew(change: Any) -> None:
    done = ended(session_started(), [EXACT, EXACT]).status
    wanted = planned({**of_session(generation=2, **change), "status": done})
    assert wanted.status is not None
    assert len(wanted.create) == 2
    assert set(names({"status": wanted.status})).isdisjoint(names({"status": done}))


def test_a_session_that_is_waited_for_keeps_the_verdict_of_the_one_before() -> None:
    done = ended(session_started(), [EXACT, EXACT]).status
    other = {**of_session(generation=2, snapshotRef={"name": "quoting-2"}), "status": done}
    wanted = planned(other, snapshot=None)
    assert ready(wanted) == ("False", "SnapshotNotFound")
    assert condition(wanted, "Parity")["status"] == "True"
    assert wanted.create == ()


def test_no_slot_is_waited_for_with_the_session_pinned() -> None:
    class Nothing(dict[str, Admitted]):
        def get(self, key: str, default: Any = None) -> Any:
            return Admitted(granted=False, message="full")

    wanted = planned(of_session(), admitted=Nothing())
    assert ready(wanted) == ("False", "WaitingForSlot")
    assert wanted.status is not None
    assert wanted.status["pinned"]["session"]
    assert wanted.create == ()


def test_what_is_worst_is_told() -> None:
    order = [Parity.DIVERGED, Parity.UNJUDGED, Parity.WITHIN, Parity.EXACT]
    assert set(order) == set(Parity)
    for place, parity in enumerate(order):
        assert worst(order[place:]) is parity
        assert worst(reversed(order[place:])) is parity


@pytest.mark.parametrize(
    ("verdict", "counted"),
    [
        (EXACT, "Exact"),
        (WITHIN, "Within"),
        (DIVERGED, "Diverged"),
        (NOT_FILLED, "Diverged"),
        (UNJUDGED, "Unjudged"),
        (WHAT_IF, "Compared"),
    ],
)
def test_each_is_counted_by_its_parity(verdict: Verdict, counted: str) -> None:
    assert counted_as(verdict.model_dump(mode="json")) == counted


def test_a_run_within_a_tolerance_is_ready_too() -> None:
    assert ready(ended(started(**TOLERANCE), [WITHIN, WITHIN])) == ("True", "Within")
    assert ready(planned(resource(**TOLERANCE))) == ("False", "Running")
