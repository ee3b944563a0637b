"""Findings are accepted one by one with a reason; nothing is accepted in vain, and nothing by a pattern for all."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.scan.findings import Accepted, Finding, Scanner, judge, object_name, read_accepted

REASON = "because of this, and of nothing else"
SHIPPED = Path(__file__).parents[2] / "scan" / "accepted.yaml"


def finding(check: str = "C1", named: str = "Pod.a.b", scanner: Scanner = "checkov", rendering: str = "one") -> Finding:
    return Finding(scanner, check, named, "said", rendering)


def accepted(*objects: str, check: str = "C1", scanner: Scanner = "checkov") -> Accepted:
    return Accepted(scanner=scanner, check=check, objects=objects, reason=REASON)


def test_what_nobody_accepted_remains() -> None:
    verdict = judge([finding(), finding("C2")], [accepted("Pod.a.b")])
    assert [one.check for one in verdict.unexplained] == ["C2"]
    assert not verdict.passed


def test_what_is_accepted_is_explained() -> None:
    verdict = judge([finding()], [accepted("Pod.a.*")])
    assert verdict.passed
    assert verdict.explained == 1


def test_the_same_in_two_renderings_is_one() -> None:
    assert judge([finding(), finding(rendering="two")], [accepted("Pod.a.b")]).explained == 1
    assert len(judge([finding(), finding(rendering="two")], []).unexplained) == 1


@pytest.mark.parametrize(
    "other", [accepted("Pod.a.b", check="C2"), accepted("Pod.a.b", scanner="kube-score"), accepted("Pod.a.c")]
)
def test_another_check_scanner_or_object_is_not_accepted(other: Accepted) -> None:
    verdict = judge([finding()], [other])
    assert len(verdict.unexplained) == len(verdict.unused) == 1


def test_each_pattern_that_accepts_nothing_is_told() -> None:
    verdict = judge([finding()], [accepted("Pod.a.b", "Pod.gone.*")])
    assert [pattern for _, pattern in verdict.unused] == ["Pod.gone.*"]
    assert not verdict.passed


def test_two_that_accept_the_same_are_both_used() -> None:
    assert judge([finding()], [accepted("Pod.a.b"), accepted("Pod.*")]).passed


def test_nothing_found_and_nothing_accepted_is_well() -> None:
    assert judge([], []).passed


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": ""},
        {"reason": "it is fine"},
        {"objects": ()},
        {"objects": ("*",)},
        {"objects": ("*.tradeplane-system.x",)},
        {"check": ""},
        {"scanner": "grep"},
        {"until": "tomorrow"},
    ],
)
def test_an_entry_without_reason_or_for_all_is_refused(changes: dict[str, Any]) -> None:
    whole = {"scanner": "checkov", "check": "C1", "objects": ("Pod.a.b",), "reason": REASON}
    Accepted.model_validate(whole)
    with pytest.raises(ValidationError):
        Accepted.model_validate(whole | changes)


def test_what_is_shipped_can_be_read_and_has_each_check_once() -> None:
    entries = [(one.scanner, one.check) for one in read_accepted(SHIPPED)]
    assert entries
    assert len(set(entries)) == len(entries)


def test_an_object_without_namespace_is_named_as_checkov_does() -> None:
    assert object_name("Pod", None, "a") == "Pod.default.a"
