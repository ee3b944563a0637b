"""Each rule of a resource by its table; and by each check a resource that no other check would stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pulumi_policy import EnforcementLevel, PolicyResourceOptions, ResourceValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy
from tradeplane_cloud_policies.access_documents import MAX_BYTES, UnreadablePolicy, statements
from tradeplane_cloud_policies.pack import NAME, RESOURCE_RULES, STACK_RULES, policies

from tests.unit.policies.cloud_tables import NEVER_ALLOWED, TABLES, changed

if TYPE_CHECKING:
    from tradeplane_cloud_policies.rules import Rule, StackRule

RULES = {rule.name: rule for rule in RESOURCE_RULES}
TABLED = [rule for rule in RESOURCE_RULES if rule.name not in NEVER_ALLOWED]
DENIED = [
    pytest.param(RULES[name], message, changed(table.good, change), id=f"{name}-{index}-{message.partition(':')[0]}")
    for name, table in TABLES.items()
    for index, (message, change) in enumerate(table.denied)
]
DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "policies" / "cloud.md"
OPTIONS = PolicyResourceOptions(False, [], None, [], None, [])  # type: ignore[arg-type]


def found(rule: Rule, properties: dict[str, Any]) -> list[str]:
    """Ask a rule as Pulumi does: with properties that refuse to be read where they are not known yet."""
    return list(rule.violations(unknown_checking_proxy(properties)))


def test_each_rule_has_a_table() -> None:
    assert {rule.name for rule in RESOURCE_RULES} == TABLES.keys() | NEVER_ALLOWED.keys()


@pytest.mark.parametrize("rule", TABLED, ids=lambda rule: rule.name)
def test_what_is_as_it_should_be_is_allowed(rule: Rule) -> None:
    for properties in TABLES[rule.name].allowed:
        assert found(rule, properties) == []


@pytest.mark.parametrize(("rule", "message", "properties"), DENIED)
def test_what_is_not_is_denied_by_one_check_alone(rule: Rule, message: str, properties: dict[str, Any]) -> None:
    said = found(rule, properties)
    assert len(said) == 1
    assert said[0].startswith(message)


@pytest.mark.parametrize("rule", TABLED, ids=lambda rule: rule.name)
def test_each_check_stops_something_that_no_other_does(rule: Rule) -> None:
    table = TABLES[rule.name]
    stopped = {message for _, change in table.denied for message in found(rule, changed(table.good, change))}
    assert stopped == {check.message for check in rule.checks}


@pytest.mark.parametrize(("name", "message"), NEVER_ALLOWED.items())
def test_what_there_may_not_be_at_all_is_denied(name: str, message: str) -> None:
    (said,) = found(RULES[name], {})
    assert said.startswith(message)


@pytest.mark.parametrize("rule", RESOURCE_RULES, ids=lambda rule: rule.name)
def test_pulumi_is_told_of_resources_of_the_rules_types_and_no_others(rule: Rule) -> None:
    table = TABLES.get(rule.name)
    bad = changed(table.good, table.denied[0][1]) if table else {}
    told: list[str] = []
    for kind in (*rule.types, "aws:sns/topic:Topic"):
        arguments = ResourceValidationArgs(kind, bad, f"urn:{kind}", "x", OPTIONS, None)
        rule.policy().validate(arguments, lambda message, _urn: told.append(message))
    assert len(told) == len(rule.types)


def test_what_is_not_known_yet_keeps_no_other_check_from_being_made() -> None:
    rule = RULES["rds-instance"]
    properties = {**TABLES["rds-instance"].good, "kmsKeyId": UNKNOWN_STRING_VALUE, "multiAz": False}
    violations = rule.violations(unknown_checking_proxy(properties))
    assert next(violations).startswith("multiAz")
    with pytest.raises(UnknownValueError):
        next(violations)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}", '{"Statement": []}', '{"Statement": ["x"]}', 7, None])
def test_a_policy_that_cannot_be_read_is_refused(text: object) -> None:
    with pytest.raises(UnreadablePolicy):
        statements(text)


def test_a_policy_of_any_length_is_not_read() -> None:
    with pytest.raises(UnreadablePolicy, match="more than"):
        statements('{"Statement": "' + "x" * MAX_BYTES + '"}')


def test_the_pack_has_all_rules_and_all_are_mandatory() -> None:
    made = policies()
    assert [policy.name for policy in made] == [rule.name for rule in (*RESOURCE_RULES, *STACK_RULES)]
    assert len({policy.name for policy in made}) == len(made)
    assert {policy.enforcement_level for policy in made} == {EnforcementLevel.MANDATORY}
    assert NAME == "tradeplane-cloud"


@pytest.mark.parametrize("rule", [*RESOURCE_RULES, *STACK_RULES], ids=lambda rule: rule.name)
def test_each_rule_is_documented(rule: Rule | StackRule) -> None:
    assert f"| `{rule.name}` | {rule.description} |" in DOCUMENTATION.read_text(encoding="utf-8")
