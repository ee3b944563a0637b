"""Keys of KMS that encrypt what is of one region: each for one purpose, rotated yearly, and used only by whom it names.

The policies name roles, not the account: with the account's root in a policy, whoever writes policies of IAM there
could decrypt.
"""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_aws import kms

from tradeplane_stacks.components.policies import allow, document
from tradeplane_stacks.components.regional import RegionalConfig

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

ENCRYPT = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]

# Who makes a cluster or a volume lets a service of AWS use the key; to nobody else may a grant be given.
GRANT = ["kms:CreateGrant", "kms:DescribeKey"]
TO_SERVICES = {"Bool": {"kms:GrantIsForAWSResource": "true"}}

DELETION_WINDOW_DAYS = 30


def encryption_key(
    name: str,
    purpose: str,
    config: RegionalConfig,
    uses: Sequence[dict[str, Any]],
    parent: pulumi.Resource,
) -> kms.Key:
    """Make a key that administrators look after and that is used as the statements say; it is protected."""
    administrators = {"AWS": list(config.administrator_roles)}
    return kms.Key(
        name,
        customer_master_key_spec="SYMMETRIC_DEFAULT",
        key_usage="ENCRYPT_DECRYPT",
        enable_key_rotation=True,
        policy=document(allow("Administer", administrators, ADMINISTER), *uses),
        bypass_policy_lockout_safety_check=False,
        deletion_window_in_days=DELETION_WINDOW_DAYS,
        description=f"Encrypts {purpose} of tradeplane",
        region=config.region,
        opts=pulumi.ResourceOptions(parent=parent, protect=True),
    )
