"""How alerts are tried: series in the tester's notation, and nothing that a rule says left out where it is weakened."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.integration.alerts.cases import SILENT, Case, Steps, Table, Told, counted, of
from tests.integration.alerts.derived import expressions, weakenings
from tests.integration.alerts.notation import trial, values

RULE: dict[str, Any] = {
    "alert": "A",
    "expr": 'sum(a{b="c"}) > 1',
    "for": "5m",
    "labels": {"severity": "info"},
    "annotations": {"summary": "It is."},
}


@pytest.mark.parametrize(
    ("steps", "until", "written"),
    [
        ({0: 1}, 0, "1x0"),
        ({0: 1}, 2, "1x4"),
        ({0: 0, 1: 2.5}, 2, "0x1 2.5x2"),
        ({1: 3}, 1, "_x2 3x0"),
        ({}, 1, "_x3"),
        ({0: 1, 1: None}, 1, "1x1 stale"),
        ({0: 1, 1: None}, 3, "1x1 stale _x4"),
        ({0: 1, 1.2: 2}, 2, "1x2 2x1"),
        ({0: 1, 1: 1}, 1, "1x2"),
    ],
)
def test_a_series_is_written_as_it_is_scraped_each_half_minute(steps: Steps, until: float, written: str) -> None:
    assert values(steps, until) == written


def test_a_counter_is_there_before_it_counts() -> None:
    assert counted(3, 2) == {0: 0, 2: 1, 3: 2}


def test_a_series_is_named_as_the_operators_pods_are_scraped() -> None:
    assert of("up") == 'up{job="tradeplane-operator",pod="a"}'
    assert of("x", "b", "other", end="Done") == 'x{job="other",pod="b",end="Done"}'


def test_a_trial_says_what_is_told_and_that_others_are_silent() -> None:
    case = Case("it is", {of("a"): {0: 2}}, {0.5: SILENT, 5: (Told("It is.", {"c": "d"}),)}, also=("B",))
    table = Table("A", "info", (case,))
    made = trial(Path("/rules.yaml"), [table], ["A", "B", "C"])
    assert made["rule_files"] == ["/rules.yaml"]
    (group,) = made["tests"]
    assert {"series": of("a"), "values": "2x10"} in group["input_series"]
    assert {"series": of("up", "b"), "values": "1x10"} in group["input_series"]
    fired = {
        "exp_labels": {"severity": "info", "c": "d"},
        "exp_annotations": {"summary": "It is.", "runbook": "docs/alerts.md#a"},
    }
    assert group["alert_rule_test"] == [
        {"eval_time": "30s", "alertname": "A", "exp_alerts": []},
        {"eval_time": "30s", "alertname": "C", "exp_alerts": []},
        {"eval_time": "300s", "alertname": "A", "exp_alerts": [fired]},
        {"eval_time": "300s", "alertname": "C", "exp_alerts": []},
    ]


def test_everything_that_a_rule_says_is_weakened_once() -> None:
    assert [what for what, _ in weakenings(RULE)] == [
        "sum -> min (1)",
        "sum -> count (1)",
        '{b="c"} -> {} (1)',
        "> -> >= (1)",
        "> -> < (1)",
        "1 -> 2 (1)",
        "1 -> 0 (1)",
        "for: 5m -> 150s",
        "for: 5m -> 10m",
        "for: left out",
        "labels: severity is another",
        "labels: without severity",
        "annotations: summary is another",
        "annotations: without summary",
    ]
    at_once = {key: value for key, value in RULE.items() if key != "for"}
    assert [what for what, _ in weakenings(at_once) if what.startswith("for")] == ["for: 1m"]


def test_each_is_another_and_leaves_the_rule_as_it_is() -> None:
    before = copy.deepcopy(RULE)
    made = [rule for _, rule in weakenings(RULE)]
    assert before == RULE
    assert all(rule != RULE for rule in made)
    assert all(made.count(rule) == 1 for rule in made)


@pytest.mark.parametrize(
    ("expression", "changed"),
    [
        ("a == 0", {"a != 0", "a == 1", "a == -1"}),
        ("a >= 0.25", {"a > 0.25", "a < 0.25", "a >= 0.3", "a >= 0.2"}),
        ("a and b", {"a or b", "a unless b"}),
        ("a or b", {"a and b"}),
        ("a unless b", {"a and b", "a or b"}),
        ("a and on (pod) b", {"a or on (pod) b", "a unless on (pod) b", "a and on (job) b"}),
        ("increase(a[1h])", {"increase(a[1800s])", "increase(a[120m])"}),
        ("a offset 30m", {"a offset 900s", "a offset 60m"}),
        (
            "min_over_time(a[10m])",
            {f"{f}_over_time(a[10m])" for f in ("max", "avg")} | {f"min_over_time(a[{s}])" for s in ("300s", "20m")},
        ),
        ("sum by (x) (a)", {"min by (x) (a)", "count by (x) (a)", "sum  (a)"}),
        ("absent(a)", {"count(a)"}),
        ('{a="1",b=~"2|3"}', {'{b=~"2|3"}', '{a="1"}', '{a="1",b=~"3"}', '{a="1",b=~"2"}'}),
        ("order > sum_of", {"order >= sum_of", "order < sum_of"}),
    ],
)
def test_each_token_of_an_expression_is_changed_alone(expression: str, changed: set[str]) -> None:
    made = [said for _, said in expressions(expression)]
    assert {*made} == changed
    assert len(made) == len(changed)


def test_the_same_token_twice_is_told_apart() -> None:
    assert [what for what, _ in expressions("a or b or c")] == ["or -> and (1)", "or -> and (2)"]
