"""What a policy is weakened in: nothing that it says is passed over, and what is changed is changed alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.integration.policies.derived import expressions, weakenings
from tests.integration.policies.trials import Rules

POLICY: dict[str, Any] = {
    "metadata": {"name": "p"},
    "spec": {
        "failurePolicy": "Fail",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"a": "b"}},
            "resourceRules": [{"operations": ["CREATE", "UPDATE"], "resources": ["pods"]}],
        },
        "matchConditions": [{"name": "c", "expression": "c"}],
        "variables": [{"name": "v", "expression": "v == 1"}],
        "validations": [{"expression": "a"}, {"expression": "b"}],
    },
}
BINDING = {"spec": {"validationActions": ["Deny"], "paramRef": {"parameterNotFoundAction": "Deny"}}}
RULES = Rules(POLICY, (BINDING,))


def test_everything_that_a_policy_says_is_weakened_once() -> None:
    assert sorted(what for what, _ in weakenings(RULES)) == sorted(
        [
            "failurePolicy Ignore",
            "without namespaceSelector",
            "operations without CREATE (0)",
            "operations without UPDATE (0)",
            "resources without pods (0)",
            "matchConditions[0] is true",
            "matchConditions[0] turned round",
            "validations[0] is true",
            "validations[0] turned round",
            "validations[1] is true",
            "validations[1] turned round",
            "variables[0]: == -> != at 2",
            "validationActions Audit",
            "parameterNotFoundAction Allow",
        ]
    )


def test_each_is_another_and_leaves_the_policy_as_it_is() -> None:
    before = copy.deepcopy(RULES)
    made = [rules for _, rules in weakenings(RULES)]
    assert before == RULES
    assert all(rules != RULES for rules in made)
    assert all(made.count(rules) == 1 for rules in made)


@pytest.mark.parametrize(
    ("expression", "changed"),
    [
        ("a && b", ["a || b"]),
        ("!a || b != c", ["a || b != c", "!a && b != c", "!a || b == c"]),
        ("x.all(y, y <= 0)", ["x.exists(y, y <= 0)", "x.all(y, y < 0)"]),
        ("a in ['b', 'c']", ["a in ['b-', 'c']", "a in ['b', 'c-']"]),
        ("a.matches('^b$')", ["a.matches('b$')", "a.matches('^b')"]),
        ("a == 'x && y'", ["a != 'x && y'", "a == 'x && y-'"]),
        ("a.orValue('')", []),
        (r"a == 'it\'s'", [r"a != 'it\'s'", r"a == 'it\'s-'"]),
        ("has(a.trueish) && true", ["has(a.trueish) || true", "has(a.trueish) && false"]),
    ],
)
def test_one_token_is_changed_at_a_time(expression: str, changed: list[str]) -> None:
    assert [said for _, said in expressions(expression)] == changed
