"""Rules of S3 buckets: nobody outside, nothing in the clear, nothing that can be taken away unnoticed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_cloud_policies.access_documents import allowed, is_for_anyone, refuses_without_tls, statements
from tradeplane_cloud_policies.rules import Check, Rule, first

if TYPE_CHECKING:
    from collections.abc import Mapping

BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OWNERSHIP_CONTROLS = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
OBJECT_LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
LOGGING = "aws:s3/bucketLogging:BucketLogging"

LEAST_RETENTION_DAYS = 30
_DAYS_A_YEAR = 365


def _by_default(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how a bucket encrypts by default."""
    return first(first(properties.get("rules")).get("applyServerSideEncryptionByDefault"))


def _encrypts(properties: Mapping[str, Any]) -> bool:
    algorithm = _by_default(properties).get("sseAlgorithm")
    return algorithm in ("aws:kms", "aws:kms:dsse", "AES256")


def _has_bucket_key(properties: Mapping[str, Any]) -> bool:
    by_kms = str(_by_default(properties).get("sseAlgorithm", "")).startswith("aws:kms")
    return not by_kms or first(properties.get("rules")).get("bucketKeyEnabled") is True


def _names_a_key(properties: Mapping[str, Any]) -> bool:
    """Return whether a key is named where KMS encrypts: else it is AWS's own, whose policy nobody writes."""
    default = _by_default(properties)
    return not str(default.get("sseAlgorithm", "")).startswith("aws:kms") or bool(default.get("kmsMasterKeyId"))


def _retained_days(properties: Mapping[str, Any]) -> int:
    retention = first(first(properties.get("rule")).get("defaultRetention"))
    return int(retention.get("days") or 0) + _DAYS_A_YEAR * int(retention.get("years") or 0)


def _mode(properties: Mapping[str, Any]) -> object:
    return first(first(properties.get("rule")).get("defaultRetention")).get("mode")


RULES = (
    Rule(
        "s3-bucket",
        "Buckets are private and are not emptied to be removed.",
        BUCKETS,
        (
            Check("acl: leave it out; access is given by policies alone", lambda p: p.get("acl") in (None, "private")),
            Check(
                "forceDestroy: leave it out, or a removed stack takes what is kept with it",
                lambda p: not p.get("forceDestroy"),
            ),
        ),
    ),
    Rule(
        "s3-public-access-block",
        "No bucket can be made public.",
        (PUBLIC_ACCESS_BLOCK,),
        tuple(
            Check(f"{name}: set it to true", lambda p, name=name: p.get(name) is True)  # type: ignore[misc]
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        ),
    ),
    Rule(
        "s3-ownership",
        "Objects belong to the bucket's owner, and lists of access are of no effect.",
        (OWNERSHIP_CONTROLS,),
        (
            Check(
                "rule.objectOwnership: set it to BucketOwnerEnforced",
                lambda p: first(p.get("rule")).get("objectOwnership") == "BucketOwnerEnforced",
            ),
        ),
    ),
    Rule(
        "s3-bucket-policy",
        "Buckets are spoken to by TLS, and open to nobody in general.",
        (BUCKET_POLICY,),
        (
            Check(
                "policy: refuse s3:* to everyone where aws:SecureTransport is false, under no other condition",
                lambda p: any(map(refuses_without_tls, statements(p.get("policy")))),
            ),
            Check(
                "policy: name who is allowed; no statement may allow everyone",
                lambda p: not any(map(is_for_anyone, allowed(p.get("policy")))),
            ),
        ),
    ),
    Rule(
        "s3-encryption",
        "Buckets encrypt what they take.",
        (ENCRYPTION,),
        (
            Check("rules: encrypt by default, with aws:kms where AWS can write by it", _encrypts),
            Check("rules.bucketKeyEnabled: set it to true, or each object costs a request to KMS", _has_bucket_key),
            Check("rules.kmsMasterKeyId: name a key whose policy is yours", _names_a_key),
        ),
    ),
    Rule(
        "s3-versioning",
        "Buckets keep what is written over.",
        (VERSIONING,),
        (
            Check(
                "versioningConfiguration.status: set it to Enabled",
                lambda p: first(p.get("versioningConfiguration")).get("status") == "Enabled",
            ),
        ),
    ),
    Rule(
        "s3-object-lock",
        "What is locked is locked for long enough, by everyone's rights.",
        (OBJECT_LOCK,),
        (
            Check(
                f"rule.defaultRetention: set days or years to at least {LEAST_RETENTION_DAYS} days",
                lambda p: _retained_days(p) >= LEAST_RETENTION_DAYS,
            ),
            Check(
                "rule.defaultRetention.mode: set it to GOVERNANCE or COMPLIANCE",
                lambda p: _mode(p) in ("GOVERNANCE", "COMPLIANCE"),
            ),
        ),
    ),
)
