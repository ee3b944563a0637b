"""The audit policy: objects of ours as they were stored, and nothing of anybody else's, Secrets first of all."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tradeplane_api.base import GROUP
from tradeplane_api.kinds import KINDS
from tradeplane_operator.recording.policy_kinds import POLICY_KINDS

from tests.unit.deploy.manifests import DEPLOY

POLICY = yaml.safe_load((DEPLOY / "audit" / "policy.yaml").read_text(encoding="utf-8"))
WRITES = ("create", "update", "patch", "delete", "deletecollection")


def level(verb: str, group: str, resource: str) -> str:
    """Return the level of the first rule that a request meets, as an API server looks for it."""
    for rule in POLICY["rules"]:
        resources = rule.get("resources")
        if "verbs" in rule and verb not in rule["verbs"]:
            continue
        if resources is None or any(_meets(one, group, resource) for one in resources):
            return str(rule["level"])
    return "None"


def _meets(rule: dict[str, Any], group: str, resource: str) -> bool:
    if rule["group"] != group:
        return False
    subresource = resource.partition("/")[2]
    patterns = {resource, "*", f"*/{subresource}" if subresource else "*"}
    return not rule.get("resources") or bool(patterns & set(rule["resources"]))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_who_writes_an_object_of_ours_is_told_with_the_object(kind: Any) -> None:
    assert {level(verb, GROUP, kind.plural) for verb in WRITES} == {"RequestResponse"}
    assert {level(verb, GROUP, kind.plural) for verb in ("get", "list", "watch")} == {"None"}
    assert level("patch", GROUP, f"{kind.plural}/status") == "None"


@pytest.mark.parametrize("kind", POLICY_KINDS, ids=lambda kind: kind.kind)
def test_who_writes_a_policy_is_told_with_the_policy(kind: Any) -> None:
    assert {level(verb, kind.group, kind.plural) for verb in WRITES} == {"RequestResponse"}
    assert {level(verb, kind.group, kind.plural) for verb in ("get", "list", "watch")} == {"None"}


@pytest.mark.parametrize("resource", ["secrets", "configmaps", "pods/exec", "serviceaccounts/token"])
def test_nothing_is_told_of_what_is_not_ours(resource: str) -> None:
    assert {level(verb, "", resource) for verb in (*WRITES, "get")} == {"None"}
    assert level("create", "apps", "deployments") == "None"
    assert level("create", "admissionregistration.k8s.io", "validatingwebhookconfigurations") == "None"


def test_who_owns_which_field_is_left_out() -> None:
    assert POLICY["omitManagedFields"] is True
    assert POLICY["rules"][-1] == {"level": "None"}
    assert "RequestReceived" in POLICY["omitStages"]
