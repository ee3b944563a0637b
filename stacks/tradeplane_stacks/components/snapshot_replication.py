"""How a SnapshotStore is the same in each region: S3 copies each bucket to each other one, both ways.

A copy is not copied on, so that every pair of regions has a rule. What is copied is encrypted anew by the key of the
region it comes to, and its lock comes along. One role copies out of each region, into the others alone.
"""

from collections.abc import Mapping

import pulumi
from pulumi_aws import iam, kms, s3

from tradeplane_stacks.components.policy_documents import document, service, statement
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig

MINUTES = 15
"""S3 Replication Time Control's one promise, and after how long it tells that an object is late."""


def others(config: SnapshotStoreConfig, region: str) -> list[str]:
    """Return the regions that a region is copied to, and from."""
    return [other for other in config.regions if other != region]


def trust_policy(config: SnapshotStoreConfig, region: str) -> str:
    """Return who may be the role that copies out of a region: S3, for its bucket."""
    condition = {
        "StringEquals": {"aws:SourceAccount": config.account},
        "ArnEquals": {"aws:SourceArn": config.bucket_arn(region)},
    }
    return document(
        statement("Replicate", "Allow", ["sts:AssumeRole"], principal=service("s3.amazonaws.com"), condition=condition)
    )


def replication_policy(config: SnapshotStoreConfig, region: str) -> str:
    """Return what the role that copies out of a region may do; what it does with keys stands in theirs."""
    source = config.bucket_arn(region)
    return document(
        statement("ReadConfiguration", "Allow", ["s3:GetReplicationConfiguration", "s3:ListBucket"], [source]),
        statement(
            "ReadVersions",
            "Allow",
            [
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionTagging",
                "s3:GetObjectRetention",
                "s3:GetObjectLegalHold",
            ],
            [f"{source}/*"],
        ),
        statement(
            "WriteReplicas",
            "Allow",
            ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
            [f"{config.bucket_arn(other)}/*" for other in others(config, region)],
        ),
    )


def replication_role(name: str, config: SnapshotStoreConfig, region: str, opts: pulumi.ResourceOptions) -> iam.Role:
    """Make the role that copies out of a region."""
    role = iam.Role(
        f"{name}-{region}-replication",
        name=f"{config.bucket_prefix}-replication-{region}",
        assume_role_policy=trust_policy(config, region),
        description=f"Copies {config.bucket_name(region)} to the other regions",
        opts=opts,
    )
    iam.RolePolicy(
        f"{name}-{region}-replication-policy", role=role.name, policy=replication_policy(config, region), opts=opts
    )
    return role


def replication_rules(
    config: SnapshotStoreConfig, region: str, keys: Mapping[str, kms.Key]
) -> list[s3.BucketReplicationConfigRuleArgs]:
    """Return the rules of a region's bucket, one for each other region."""
    time = s3.BucketReplicationConfigRuleDestinationReplicationTimeTimeArgs(minutes=MINUTES)
    late = s3.BucketReplicationConfigRuleDestinationMetricsEventThresholdArgs(minutes=MINUTES)
    return [
        s3.BucketReplicationConfigRuleArgs(
            id=f"to-{other}",
            priority=priority,
            status="Enabled",
            filter=s3.BucketReplicationConfigRuleFilterArgs(prefix=""),
            delete_marker_replication=s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs(status="Enabled"),
            source_selection_criteria=s3.BucketReplicationConfigRuleSourceSelectionCriteriaArgs(
                replica_modifications=s3.BucketReplicationConfigRuleSourceSelectionCriteriaReplicaModificationsArgs(
                    status="Enabled"
                ),
                sse_kms_encrypted_objects=s3.BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs(
                    status="Enabled"
                ),
            ),
            destination=s3.BucketReplicationConfigRuleDestinationArgs(
                bucket=config.bucket_arn(other),
                encryption_configuration=s3.BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs(
                    replica_kms_key_id=keys[other].arn
                ),
                replication_time=s3.BucketReplicationConfigRuleDestinationReplicationTimeArgs(
                    status="Enabled", time=time
                ),
                metrics=s3.BucketReplicationConfigRuleDestinationMetricsArgs(status="Enabled", event_threshold=late),
            ),
        )
        for priority, other in enumerate(others(config, region), start=1)
    ]
