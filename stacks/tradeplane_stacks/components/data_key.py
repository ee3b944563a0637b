"""Keys that data is encrypted by: in KMS, symmetric, one a region, each for one component.

One of each region and not multi-Region ones: S3, ECR and RDS encrypt what is copied to another region anew by that
region's key, and a key that is in one region alone opens nothing elsewhere. The policy has no account's root in it, so
that no policy of IAM alone lets anybody read: who may is said in the key's policy, through which service, of what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import kms

from tradeplane_stacks.components.policy_documents import document, roles, statement

ROTATION_DAYS = 365

# Neither use of the key nor kms:CreateGrant, which could hand it on.
ADMINISTER = [
    "kms:CancelKeyDeletion",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateKeyDescription",
]


@dataclass(frozen=True)
class Use:
    """Who uses a key for what, through which service of AWS, and of which data."""

    sid: str
    principal: Mapping[str, Any]
    actions: Sequence[str]
    condition: Mapping[str, Any]


def grants_to_service(sid: str, arns: Sequence[str], host: str) -> Use:
    """Return what lets roles hand a service a grant of the key, as they make what the service encrypts by it.

    The service takes the grant for itself (kms:GrantIsForAWSResource); nobody else can be given one this way.
    """
    condition = {"StringEquals": {"kms:ViaService": host}, "Bool": {"kms:GrantIsForAWSResource": "true"}}
    return Use(sid, roles(arns), ["kms:CreateGrant"], condition)


def data_key_policy(administrators: Sequence[str], uses: Sequence[Use]) -> str:
    """Return who administers a key, and who uses it."""
    used = [
        statement(use.sid, "Allow", use.actions, ["*"], principal=use.principal, condition=use.condition)
        for use in uses
    ]
    return document(statement("Administer", "Allow", ADMINISTER, ["*"], principal=roles(administrators)), *used)


def data_key(
    name: str,
    region: str,
    deletion_window_days: int,
    policy: pulumi.Input[str],
    description: str,
    opts: pulumi.ResourceOptions,
) -> kms.Key:
    """Make the key of a region, which a program cannot destroy before its protection is taken away."""
    return kms.Key(
        name,
        customer_master_key_spec="SYMMETRIC_DEFAULT",
        key_usage="ENCRYPT_DECRYPT",
        multi_region=False,
        enable_key_rotation=True,
        rotation_period_in_days=ROTATION_DAYS,
        policy=policy,
        bypass_policy_lockout_safety_check=False,
        deletion_window_in_days=deletion_window_days,
        description=description,
        region=region,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True)),
    )
