"""Keys of KMS that encrypt what is of one region: each for one purpose, rotated yearly, and used only by whom it names.

The policies name roles, not the account: with the account's root in a policy, whoever writes policies of IAM there
could decrypt.
"""

from collections.abc import Sequence

import pulumi
from pulumi_aws import kms

from tradeplane_stacks.components.data_key import ADMINISTER, data_key
from tradeplane_stacks.components.policy_documents import Document, document_of_outputs, roles, statement
from tradeplane_stacks.components.regional import RegionalConfig

ENCRYPT = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]

# Who makes a cluster or a volume lets a service of AWS use the key; to nobody else may a grant be given.
GRANT = ["kms:CreateGrant", "kms:DescribeKey"]
TO_SERVICES = {"Bool": {"kms:GrantIsForAWSResource": "true"}}

DELETION_WINDOW_DAYS = 30


def encryption_key(
    name: str, purpose: str, config: RegionalConfig, uses: Sequence[Document], parent: pulumi.Resource
) -> kms.Key:
    """Make a key that administrators look after and that is used as the statements say; it is protected."""
    administered = statement("Administer", "Allow", ADMINISTER, ["*"], principal=roles(config.administrator_roles))
    return data_key(
        name,
        config.region,
        DELETION_WINDOW_DAYS,
        document_of_outputs(administered, *uses),
        f"Encrypts {purpose} of tradeplane",
        pulumi.ResourceOptions(parent=parent),
    )
