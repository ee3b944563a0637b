"""Events of Pulumi's engine become changes of resources."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.automation import EngineEvent
from tradeplane_stacks.automation.changes import Change, Violation, Watched

URN = "urn:pulumi:dev::tradeplane-platform::aws:kms/key:Key::evidence"


def step(kind: str, operation: str, *properties: str, of: str = "aws:kms/key:Key") -> EngineEvent:
    metadata = {"op": operation, "urn": URN, "type": of, "provider": "", "diffs": list(properties)}
    return event({kind: {"metadata": metadata}})


def said(severity: str, message: str, *, ephemeral: bool = False) -> EngineEvent:
    return event({"diagnosticEvent": {"message": message, "color": "", "severity": severity, "ephemeral": ephemeral}})


def broken(level: str = "mandatory", *, urn: str | None = URN, words: str = "too fast") -> EngineEvent:
    told = {"policyPackName": "house", "policyName": "slow", "enforcementLevel": level, "resourceUrn": urn}
    return event({"policyEvent": {**told, "message": f"<{{%reset%}}>{words}<{{%reset%}}>\n", "color": ""}})


def event(fields: dict[str, Any]) -> EngineEvent:
    return EngineEvent.from_json({"sequence": 0, "timestamp": 0, **fields})


def watched(*events: EngineEvent) -> tuple[Watched, list[str]]:
    lines: list[str] = []
    found = Watched(lines.append)
    for one in events:
        found(one)
    return found, lines


@pytest.mark.parametrize("operation", ["create", "update", "delete", "replace"])
def test_a_step_that_ended_is_a_change(operation: str) -> None:
    found, lines = watched(step("resourcePreEvent", operation), step("resOutputsEvent", operation, "policy", "tags"))
    assert list(found.changes.values()) == [Change("evidence", "aws:kms/key:Key", operation, URN, ("policy", "tags"))]
    assert lines == [f"{operation} aws:kms/key:Key evidence"]
    assert found.unchanged == 0


def test_a_step_that_only_began_is_none() -> None:
    assert watched(step("resourcePreEvent", "create"))[0].changes == {}


def test_what_stays_is_counted_and_what_was_only_looked_at_is_not() -> None:
    found, _ = watched(step("resOutputsEvent", "refresh"), step("resOutputsEvent", "same"))
    assert (found.changes, found.unchanged) == ({}, 1)


def test_a_replacement_is_one_change() -> None:
    parts = ("create-replacement", "replace", "delete-replaced")
    found, _ = watched(*(step("resOutputsEvent", part, "region") for part in parts))
    assert [change.operation for change in found.changes.values()] == ["replace"]


@pytest.mark.parametrize("operation", ["create", "create-replacement", "refresh"])
def test_what_failed_says_so(operation: str) -> None:
    found, _ = watched(step("resOpFailedEvent", operation))
    assert [(change.operation, change.failed) for change in found.changes.values()] == [(operation, True)]


def test_the_stack_itself_is_no_resource() -> None:
    found, _ = watched(step("resOutputsEvent", "create", of="pulumi:pulumi:Stack"))
    assert (found.changes, found.unchanged) == ({}, 0)


def test_errors_are_kept_once_without_marks_of_colour() -> None:
    found, _ = watched(
        said("error", "<{%fg 1%}>it broke<{%reset%}>\n"),
        said("error", "it broke"),
        said("error", "update failed"),
        said("warning", "look out"),
        said("info", "nothing much"),
        said("error", "passing", ephemeral=True),
    )
    assert (found.errors, found.warnings) == (["it broke"], ["look out"])


@pytest.mark.parametrize(("level", "mandatory"), [("mandatory", True), ("warning", False), ("advisory", False)])
def test_a_rule_that_is_broken_is_a_violation_once(level: str, *, mandatory: bool) -> None:
    found, _ = watched(broken(level), broken(level))
    assert found.violations == [Violation("house", "slow", "evidence", "too fast", mandatory)]


def test_a_rule_that_a_whole_stack_breaks_names_no_resource() -> None:
    found, _ = watched(broken(urn=None))
    assert [violation.resource for violation in found.violations] == [""]


def test_a_check_that_a_preview_cannot_make_is_no_violation() -> None:
    found, _ = watched(broken("advisory", words="string value at .policy can't be known during preview"))
    assert (found.violations, found.put_off) == ([], 1)
