"""A bucket that is nobody else's: versions kept, no access lists, nothing public, and a policy from the start."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import s3


@dataclass(frozen=True)
class PrivateBucket:
    """A bucket and what has to be there before it is used."""

    bucket: s3.Bucket
    ready: tuple[pulumi.Resource, ...]


def private_bucket(
    name: str,
    bucket_name: str,
    region: str,
    encryption: s3.BucketServerSideEncryptionConfigurationRuleArgs,
    policy: pulumi.Input[str],
    *,
    object_lock: bool,
    opts: pulumi.ResourceOptions,
    outlived_by: tuple[pulumi.Resource, ...] = (),
) -> PrivateBucket:
    """Make a bucket of a region, protected; Object Lock can be had from the first moment on alone.

    ``outlived_by``: what is removed after the bucket alone, such as the key of what lies in it. S3 removes no bucket
    that holds something, and then all of that is still there.
    """
    bucket = s3.Bucket(
        name,
        bucket=bucket_name,
        object_lock_enabled=object_lock,
        force_destroy=False,
        region=region,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True, depends_on=list(outlived_by))),
    )
    versioning = s3.BucketVersioning(
        f"{name}-versioning",
        bucket=bucket.id,
        versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        region=region,
        opts=opts,
    )
    blocked = s3.BucketPublicAccessBlock(
        f"{name}-public-access",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        region=region,
        opts=opts,
    )
    owned = s3.BucketOwnershipControls(
        f"{name}-ownership",
        bucket=bucket.id,
        rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
        region=region,
        opts=opts,
    )
    encrypted = s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption", bucket=bucket.id, rules=[encryption], region=region, opts=opts
    )
    # One after another: S3 refuses changes of one bucket's access at the same time.
    ruled = s3.BucketPolicy(
        f"{name}-policy",
        bucket=bucket.id,
        policy=policy,
        region=region,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[blocked, owned])),
    )
    return PrivateBucket(bucket, (versioning, encrypted, ruled))
