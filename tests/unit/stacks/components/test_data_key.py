from typing import Any

import pulumi
import pytest
from tradeplane_stacks.components.data_key import Use, data_key, data_key_policy, grants_to_service

from tests.unit.stacks.components.policy_evaluation import allowed
from tests.unit.stacks.components.recording import record
from tests.unit.stacks.components.resource_options import noted_options, protected
from tests.unit.stacks.components.snapshot_stores import ADMINISTRATOR, OPERATOR, SOMEBODY

ROOT = "arn:aws:iam::111122223333:root"
HOST = "rds.eu-west-1.amazonaws.com"
POLICY = data_key_policy(
    [ADMINISTRATOR],
    [
        grants_to_service("Grant", [ADMINISTRATOR], HOST),
        Use("Read", {"AWS": [OPERATOR]}, ["kms:Decrypt"], {"StringEquals": {"kms:ViaService": HOST}}),
    ],
)
USES = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant"]


def test_a_key_is_for_data_rotated_and_of_one_region() -> None:
    def make() -> dict[str, pulumi.Output[Any]]:
        key = data_key("k", "eu-west-1", 30, POLICY, "for a test", pulumi.ResourceOptions())
        return {"arn": key.arn}

    with noted_options() as options:
        recorded = record(make)
    inputs = recorded.of_type("aws:kms/key:Key")["k"]
    assert inputs["customerMasterKeySpec"] == "SYMMETRIC_DEFAULT"
    assert inputs["keyUsage"] == "ENCRYPT_DECRYPT"
    assert inputs["multiRegion"] is False
    assert inputs["enableKeyRotation"] is True
    assert inputs["rotationPeriodInDays"] == 365
    assert inputs["policy"] == POLICY
    assert inputs["bypassPolicyLockoutSafetyCheck"] is False
    assert inputs["deletionWindowInDays"] == 30
    assert inputs["region"] == "eu-west-1"
    assert protected(options) == {"k"}


def test_administrators_look_after_a_key_and_do_not_use_it() -> None:
    for action in ("kms:PutKeyPolicy", "kms:DescribeKey", "kms:EnableKeyRotation", "kms:ScheduleKeyDeletion"):
        assert allowed(POLICY, ADMINISTRATOR, action)
        assert not allowed(POLICY, SOMEBODY, action)
        assert not allowed(POLICY, ROOT, action)
    for action in USES:
        assert not allowed(POLICY, ADMINISTRATOR, action)


def test_a_key_is_used_as_is_said_and_by_nobody_else() -> None:
    through = {"kms:ViaService": HOST}
    assert allowed(POLICY, OPERATOR, "kms:Decrypt", "*", through)
    assert not allowed(POLICY, OPERATOR, "kms:Decrypt")
    assert not allowed(POLICY, OPERATOR, "kms:Encrypt", "*", through)
    for who in (SOMEBODY, ROOT):
        for action in USES:
            assert not allowed(POLICY, who, action, "*", through)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"kms:ViaService": HOST, "kms:GrantIsForAWSResource": "true"}, True),
        ({"kms:ViaService": HOST, "kms:GrantIsForAWSResource": "false"}, False),
        ({"kms:ViaService": HOST}, False),
        ({"kms:GrantIsForAWSResource": "true"}, False),
        ({"kms:ViaService": "rds.us-east-1.amazonaws.com", "kms:GrantIsForAWSResource": "true"}, False),
    ],
)
def test_a_grant_is_handed_to_the_service_alone(asked: dict[str, str], given: bool) -> None:
    assert allowed(POLICY, ADMINISTRATOR, "kms:CreateGrant", "*", asked) is given
    assert not allowed(POLICY, SOMEBODY, "kms:CreateGrant", "*", asked)
    assert not any(allowed(POLICY, ADMINISTRATOR, use, "*", asked) for use in USES if use != "kms:CreateGrant")
