"""Configurations of a region that are right, for tests that change one thing in them, and what AWS answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import resource_pb2

from tests.unit.stacks.components.recording import Answers, Recorded, record

ACCOUNT = "111122223333"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/security/key-administrator"
TAGS = {
    "tradeplane:owner": "desk",
    "tradeplane:cost-center": "cc-7",
    "tradeplane:data-classification": "restricted",
    "tradeplane:environment": "prod",
    "tradeplane:stack": "prod.eu-west-1",
}

REGIONAL: dict[str, Any] = {
    "ownership": {"owner": "desk", "cost_center": "cc-7", "data_classification": "restricted"},
    "region": "eu-west-1",
    "account": ACCOUNT,
    "administrator_roles": [ADMINISTRATOR],
}

NETWORK: dict[str, Any] = REGIONAL | {"cidr": "10.16.0.0/16", "zones": ["euw1-az1", "euw1-az2", "euw1-az3"]}

ANSWERS: Answers = {
    "aws:ec2/vpc:Vpc": lambda _: {"defaultNetworkAclId": "acl-default", "defaultRouteTableId": "rtb-default"},
    "aws:ec2/launchTemplate:LaunchTemplate": lambda _: {"latestVersion": 3},
    "aws:eks/cluster:Cluster": lambda asked: {
        "endpoint": f"https://{asked['name']}.example",
        "certificateAuthority": {"data": "Q0E="},
        "vpcConfig": {**asked["vpcConfig"], "clusterSecurityGroupId": f"sg-of-{asked['name']}"},
    },
    "aws:eks/nodeGroup:NodeGroup": lambda asked: {"nodeGroupName": f"{asked['nodeGroupNamePrefix']}1"},
}


@dataclass(frozen=True)
class Options:
    """How a resource was asked for, beside its inputs."""

    protected: bool
    after: frozenset[str]
    ignores: tuple[str, ...]


def record_with_options(
    make: Callable[[], dict[str, pulumi.Output[Any]]],
) -> tuple[Recorded, Mapping[str, Options]]:
    """Run what makes a component, and return what it asked for and how, by the names of resources."""
    asked: dict[str, Options] = {}
    original: Any = MockMonitor.RegisterResource

    def noted(self: MockMonitor, request: resource_pb2.RegisterResourceRequest) -> Any:
        after = frozenset(urn.rpartition("::")[2] for urn in request.dependencies)
        asked[request.name] = Options(request.protect, after, tuple(request.ignoreChanges))
        return original(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MockMonitor, "RegisterResource", noted)
        return record(make, ANSWERS), asked


ADMINISTER = {
    "CancelKeyDeletion",
    "DescribeKey",
    "DisableKey",
    "EnableKey",
    "EnableKeyRotation",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListGrants",
    "ListKeyPolicies",
    "ListResourceTags",
    "PutKeyPolicy",
    "RevokeGrant",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateKeyDescription",
}
USE = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
GRANT = ["kms:CreateGrant", "kms:DescribeKey"]


def statements(policy: str) -> dict[str, dict[str, Any]]:
    """Return the statements of a policy, by their Sid, which each has once."""
    listed = json.loads(policy)["Statement"]
    found = {statement.pop("Sid"): statement for statement in listed}
    assert len(found) == len(listed)
    return found


def uses_of_key(recorded: Recorded, name: str) -> dict[str, dict[str, Any]]:
    """Check what all keys that encrypt have in common, and return the rest of the statements of one's policy."""
    key = recorded.of_type("aws:kms/key:Key")[name]
    assert key["customerMasterKeySpec"] == "SYMMETRIC_DEFAULT"
    assert key["keyUsage"] == "ENCRYPT_DECRYPT"
    assert key["enableKeyRotation"] is True
    assert key["deletionWindowInDays"] == 30
    assert key["bypassPolicyLockoutSafetyCheck"] is False
    assert key["region"] == "eu-west-1"
    policy = statements(key["policy"])
    administer = policy.pop("Administer")
    assert administer["Effect"] == "Allow"
    assert administer["Principal"] == {"AWS": [ADMINISTRATOR]}
    assert set(administer["Action"]) == {f"kms:{action}" for action in ADMINISTER}
    assert "Condition" not in administer
    return policy


def trust(recorded: Recorded, role: str) -> dict[str, Any]:
    """Return the one statement that says who may take on a role."""
    policy: dict[str, Any] = recorded.of_type("aws:iam/role:Role")[role]["assumeRolePolicy"]
    only = statements(str(policy))
    assert set(only) == {"Service"}
    return only["Service"]


def untagged(recorded: Recorded, taking_none: set[str]) -> set[str]:
    """Find the resources of AWS that lack a tag of their stack, beside those of types that take none."""
    return {
        name
        for name, asked in recorded.resources.items()
        if asked.typ.startswith("aws:")
        and asked.typ not in taking_none
        and not TAGS.items() <= (asked.inputs.get("tags") or {}).items()
    }


def not_in_region(recorded: Recorded) -> set[str]:
    """Find the resources of AWS that are made somewhere else than in the region; IAM is everywhere."""
    return {
        name
        for name, asked in recorded.resources.items()
        if asked.typ.startswith("aws:")
        and not asked.typ.startswith("aws:iam/")
        and asked.inputs.get("region") != "eu-west-1"
    }
