"""Caps hold whatever comes in which order, and the oldest goes first."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given
from tradeplane_operator.planning.admission import Admission, Candidate
from tradeplane_operator.settings import Limits


def _candidate(number: int, namespace: str = "a") -> Candidate:
    return Candidate(f"2026-01-01T00:00:{number:02d}Z", namespace, f"run-{number}", f"owner-{number}")


def test_beyond_the_cap_a_run_waits_and_says_why() -> None:
    admission = Admission(Limits(runs=1))
    assert admission.ask(_candidate(1)).granted
    answer = admission.ask(_candidate(2))
    assert not answer.granted
    assert "1 runs go on in the cluster" in answer.message


def test_the_oldest_waiting_is_woken_and_a_younger_one_is_not_let_past_it() -> None:
    admission = Admission(Limits(runs=1))
    admission.ask(_candidate(1))
    admission.ask(_candidate(3))
    admission.ask(_candidate(2))
    assert admission.hold("owner-1", "a", ()) == ("owner-2",)
    assert not admission.ask(_candidate(3)).granted
    assert admission.ask(_candidate(2)).granted


def test_a_full_namespace_holds_up_no_other() -> None:
    admission = Admission(Limits(runs=3, runs_per_namespace=1))
    assert admission.ask(_candidate(1, "a")).granted
    assert not admission.ask(_candidate(2, "a")).granted
    assert admission.ask(_candidate(3, "b")).granted


def test_a_run_that_holds_its_slot_is_granted_again() -> None:
    admission = Admission(Limits(runs=1))
    assert admission.ask(_candidate(1)).granted
    assert admission.ask(_candidate(1)).granted
    assert admission.running == 1


def test_who_is_gone_neither_holds_nor_waits() -> None:
    admission = Admission(Limits(runs=1))
    admission.ask(_candidate(1))
    admission.ask(_candidate(2))
    admission.forget("owner-2")
    assert admission.waiting == 0
    assert admission.forget("owner-1") == ()
    assert admission.running == 0


@given(
    limits=st.builds(Limits, runs=st.integers(1, 4), runs_per_namespace=st.integers(1, 3)),
    steps=st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab"), st.booleans()), max_size=40),
)
def test_caps_hold_and_counts_agree(limits: Limits, steps: list[tuple[int, str, bool]]) -> None:
    admission = Admission(limits)
    held: dict[int, str] = {}
    for number, namespace, release in steps:
        if release:
            held.pop(number, None)
            admission.forget(f"owner-{number}")
        elif number not in held and admission.ask(_candidate(number, namespace)).granted:
            held[number] = namespace
        assert admission.running == len(held) <= limits.runs
        assert all(list(held.values()).count(here) <= limits.runs_per_namespace for here in "ab")
