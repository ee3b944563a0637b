"""The store of snapshots and results: a locked bucket in each region, each with the same in it.

It is written here and read for years: what a run leaves is the evidence that it can be replayed. So that a version
cannot be removed while its lock lasts, by nobody, and the buckets not at all before their protection is taken away.
"""

from collections.abc import Mapping

import pulumi
from pulumi_aws import iam, kms, s3

from tradeplane_stacks.components.data_key import data_key, data_key_policy
from tradeplane_stacks.components.private_bucket import PrivateBucket, private_bucket
from tradeplane_stacks.components.retention import RetentionPolicy
from tradeplane_stacks.components.snapshot_access import bucket_policy, key_uses, log_bucket_policy
from tradeplane_stacks.components.snapshot_replication import others, replication_role, replication_rules
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import TaggedComponent, required_tags

LOG_PREFIX = "access/"
INCOMPLETE_UPLOAD_DAYS = 7
CHECKSUM = "SHA256"
"""A locked bucket takes no object without a checksum (S3 API, PutObject), and the store's client sends one if told."""


class SnapshotStore(TaggedComponent):
    """The buckets of all regions, their keys, and what copies between them."""

    bucket_names: dict[str, str]
    """The bucket of each region."""

    urls: dict[str, str]
    """The store's URL in each region, for ``stores`` of the operator's settings."""

    environment: dict[str, dict[str, str]]
    """What the operator and its pods need in their environment in each region; none of it is secret."""

    key_arns: pulumi.Output[dict[str, str]]
    """The key of each region's bucket."""

    def __init__(
        self,
        name: str,
        config: SnapshotStoreConfig,
        stack: StackName,
        policy: RetentionPolicy,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # Before anything is made: a lock that is too short cannot be made longer for what is written meanwhile.
        policy.check(config.retention)
        super().__init__("SnapshotStore", name, required_tags(stack, config.ownership), opts)
        self._name, self._config, self._policy = name, config, policy
        self._children = pulumi.ResourceOptions(parent=self)
        copying = config.regions if len(config.regions) > 1 else ()
        replication = {region: replication_role(name, config, region, self._children) for region in copying}
        keys = {region: self._key(region, replication) for region in config.regions}
        buckets = {region: self._bucket(region, keys[region]) for region in config.regions}
        for region, role in replication.items():
            self._replicate(region, role, keys, buckets)
        self.bucket_names = {region: config.bucket_name(region) for region in config.regions}
        self.urls = {region: f"s3://{bucket}" for region, bucket in self.bucket_names.items()}
        self.environment = {
            region: {"AWS_REGION": region, "AWS_CHECKSUM_ALGORITHM": CHECKSUM} for region in config.regions
        }
        self.key_arns = pulumi.Output.all(**{region: key.arn for region, key in keys.items()})
        self.register_outputs(
            {
                "bucket_names": self.bucket_names,
                "urls": self.urls,
                "environment": self.environment,
                "key_arns": self.key_arns,
            }
        )

    def _key(self, region: str, replication: Mapping[str, iam.Role]) -> kms.Key:
        config = self._config
        # By the roles that were made, as KMS takes no policy that names one which is not there.
        roles = pulumi.Output.all(*(role.arn for role in replication.values()))

        def policy(found: list[str]) -> str:
            arns = dict(zip(replication, found, strict=True))
            into = [arns[other] for other in others(config, region) if other in arns]
            return data_key_policy(config.administrator_roles, key_uses(config, region, arns.get(region), into))

        description = f"Encrypts {config.bucket_name(region)}"
        return data_key(
            f"{self._name}-{region}-key",
            region,
            config.deletion_window_days,
            roles.apply(policy),
            description,
            self._children,
        )

    def _bucket(self, region: str, key: kms.Key) -> PrivateBucket:
        name, config = f"{self._name}-{region}", self._config
        by_default = s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="aws:kms", kms_master_key_id=key.arn
        )
        made = private_bucket(
            name,
            config.bucket_name(region),
            region,
            s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=by_default,
                bucket_key_enabled=True,
                blocked_encryption_types=["SSE-C"],
            ),
            key.arn.apply(lambda arn: bucket_policy(config, region, arn, self._policy.minimum_days)),
            object_lock=True,
            opts=self._children,
            outlived_by=(key,),
        )
        self._lock(name, region, made)
        self._tier(name, region, made)
        self._log(name, region, made)
        return made

    def _lock(self, name: str, region: str, made: PrivateBucket) -> None:
        retention = self._config.retention
        s3.BucketObjectLockConfiguration(
            f"{name}-lock",
            bucket=made.bucket.id,
            object_lock_enabled="Enabled",
            rule=s3.BucketObjectLockConfigurationRuleArgs(
                default_retention=s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                    mode=retention.mode, days=retention.days, years=retention.years
                )
            ),
            region=region,
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=made.ready),
        )

    def _tier(self, name: str, region: str, made: PrivateBucket) -> None:
        """Move what grows old to cheaper classes, and end what was replaced and no lock holds; nothing current ends.

        One rule for all, as folders come after the namespace, and a rule goes by how a name begins.
        """
        tiers = self._config.tiers
        classes = {"STANDARD_IA": tiers.infrequent_access_days, "GLACIER_IR": tiers.glacier_instant_days}
        s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=made.bucket.id,
            rules=[
                s3.BucketLifecycleConfigurationRuleArgs(
                    id="tiers",
                    status="Enabled",
                    filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    transitions=[
                        s3.BucketLifecycleConfigurationRuleTransitionArgs(storage_class=kind, days=days)
                        for kind, days in classes.items()
                    ],
                    noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=self._config.noncurrent_days
                    ),
                    abort_incomplete_multipart_upload=s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                        days_after_initiation=INCOMPLETE_UPLOAD_DAYS
                    ),
                )
            ],
            region=region,
            opts=pulumi.ResourceOptions(parent=self, depends_on=made.ready),
        )

    def _log(self, name: str, region: str, source: PrivateBucket) -> None:
        """Keep the access log in a bucket that S3 can write one to.

        By S3 User Guide, "Logging requests with server access logging": the target is encrypted by S3's own key, and
        has no default retention.
        """
        config = self._config
        by_default = s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="AES256"
        )
        logs = private_bucket(
            f"{name}-logs",
            config.log_bucket_name(region),
            region,
            s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=by_default, blocked_encryption_types=["SSE-C"]
            ),
            log_bucket_policy(config, region),
            object_lock=False,
            opts=self._children,
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=logs.ready)
        s3.BucketLifecycleConfiguration(
            f"{name}-logs-lifecycle",
            bucket=logs.bucket.id,
            rules=[
                s3.BucketLifecycleConfigurationRuleArgs(
                    id="end",
                    status="Enabled",
                    filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(days=config.access_log_days),
                    abort_incomplete_multipart_upload=s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                        days_after_initiation=INCOMPLETE_UPLOAD_DAYS
                    ),
                    noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=1
                    ),
                )
            ],
            region=region,
            opts=after,
        )
        s3.BucketLogging(
            f"{name}-logging",
            bucket=source.bucket.id,
            target_bucket=logs.bucket.id,
            target_prefix=LOG_PREFIX,
            region=region,
            opts=after,
        )

    def _replicate(
        self, region: str, role: iam.Role, keys: Mapping[str, kms.Key], buckets: Mapping[str, PrivateBucket]
    ) -> None:
        """Copy a region's bucket to the others, once both have versions and what protects them."""
        ready = [resource for bucket in buckets.values() for resource in bucket.ready]
        s3.BucketReplicationConfig(
            f"{self._name}-{region}-to-others",
            bucket=buckets[region].bucket.id,
            role=role.arn,
            rules=replication_rules(self._config, region, keys),
            region=region,
            opts=pulumi.ResourceOptions(parent=self, depends_on=ready),
        )
