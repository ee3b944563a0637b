"""Rules of a whole stack: what a resource must have beside it, and what every region must have.

Which resource belongs to which is read from what Pulumi knows of outputs that became inputs: names are often not known
before there is anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy.proxy import UnknownValueError

from tradeplane_cloud_policies import keys, network, storage
from tradeplane_cloud_policies.rules import StackRule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pulumi_policy import PolicyResource

KEPT = ("aws:rds/instance:Instance", "aws:ecr/repository:Repository", keys.KEY, keys.REPLICA_KEY, *storage.BUCKETS)
"""Types that hold what cannot be made again."""
_BESIDE_A_BUCKET = (
    (storage.PUBLIC_ACCESS_BLOCK, "a BucketPublicAccessBlock"),
    (storage.OWNERSHIP_CONTROLS, "BucketOwnershipControls"),
    (storage.BUCKET_POLICY, "a BucketPolicy that refuses requests without TLS"),
    (storage.ENCRYPTION, "a BucketServerSideEncryptionConfiguration"),
    (storage.VERSIONING, "BucketVersioning"),
)


def _of(resources: Sequence[PolicyResource], *types: str) -> list[PolicyResource]:
    return [resource for resource in resources if resource.resource_type in types]


def _value(resource: PolicyResource, name: str) -> object:
    """Return a property that may be unknown still, or be of a resource that is not made yet: then nothing."""
    try:
        return resource.props.get(name)
    except UnknownValueError:
        return None


def belongs(resource: PolicyResource, to: PolicyResource, by: str) -> bool:
    """Return whether a property of a resource is an output of another, or its id, or the name that was given to it."""
    if any(one.urn == to.urn for one in resource.property_dependencies.get(by, ())):
        return True
    named = _value(resource, by)
    return named is not None and named in (_value(to, "bucket"), _value(to, "id"))


def region_of(resource: PolicyResource) -> str:
    """Return the region of a resource: its own, or its provider's; "" where neither says."""
    own = _value(resource, "region")
    if own:
        return str(own)
    return str((resource.provider.props.get("region") if resource.provider is not None else None) or "")


def _buckets_complete(resources: Sequence[PolicyResource]) -> Iterator[Violation]:
    for bucket in _of(resources, *storage.BUCKETS):
        for kind, what in _BESIDE_A_BUCKET:
            if not any(belongs(one, bucket, "bucket") for one in _of(resources, kind)):
                yield Violation(f"bucket {bucket.name} has no {kind.rpartition(':')[2]}: add {what}", bucket.urn)


def _logged(resources: Sequence[PolicyResource]) -> Iterator[Violation]:
    """Find buckets whose requests are logged nowhere; those that take logs log their own to none."""
    logs = _of(resources, storage.LOGGING)
    for bucket in _of(resources, *storage.BUCKETS):
        is_log = any(belongs(one, bucket, "targetBucket") for one in logs)
        if not is_log and not any(belongs(one, bucket, "bucket") for one in logs):
            yield Violation(f"bucket {bucket.name} logs no requests: add BucketLogging", bucket.urn)


def _locked_replicated(resources: Sequence[PolicyResource]) -> Iterator[Violation]:
    locked = _of(resources, storage.OBJECT_LOCK)
    replications = _of(resources, storage.REPLICATION)
    for bucket in _of(resources, *storage.BUCKETS):
        is_locked = any(belongs(one, bucket, "bucket") for one in locked) or bool(_value(bucket, "objectLockEnabled"))
        if is_locked and not any(belongs(one, bucket, "bucket") for one in replications):
            yield Violation(
                f"bucket {bucket.name} is locked and has no replica: add a BucketReplicationConfig to a bucket of "
                "another region",
                bucket.urn,
            )


def _signing_everywhere(resources: Sequence[PolicyResource]) -> Iterator[Violation]:
    """Find what is in a region in which the stack cannot sign, though it signs in another."""
    signing = [one for one in _of(resources, keys.KEY) if _value(one, "keyUsage") == "SIGN_VERIFY"]
    if not signing:
        return
    replicas = _of(resources, keys.REPLICA_KEY)
    there = {region_of(one) for one in signing}
    there |= {region_of(one) for one in replicas if any(belongs(one, key, "primaryKeyArn") for key in signing)}
    for bucket in _of(resources, *storage.BUCKETS, "aws:eks/cluster:Cluster"):
        if region_of(bucket) and region_of(bucket) not in there:
            yield Violation(
                f"{bucket.name} is in {region_of(bucket)}, where the key that signs has no replica: add a ReplicaKey",
                bucket.urn,
            )


def _flows_logged(resources: Sequence[PolicyResource]) -> Iterator[Violation]:
    flows = _of(resources, network.FLOW_LOG)
    for vpc in _of(resources, network.VPC):
        if not any(belongs(one, vpc, "vpcId") for one in flows):
            yield Violation(f"VPC {vpc.name} has no flow log: add a FlowLog of all traffic", vpc.urn)


def _protected(resources: Sequence[PolicyResource]) -> Iterator[Violation]:
    for resource in _of(resources, *KEPT):
        if not resource.opts.protect:
            yield Violation(
                f"{resource.name} holds what cannot be made again: set protect in its resource options", resource.urn
            )


RULES = (
    StackRule(
        "s3-bucket-complete", "Every bucket has what makes it private, encrypted and versioned.", _buckets_complete
    ),
    StackRule("s3-access-logs", "Requests to every bucket are logged, but for those to the logs.", _logged),
    StackRule("s3-locked-replicated", "What is locked is in two regions.", _locked_replicated),
    StackRule("kms-signing-everywhere", "The key that signs is in every region.", _signing_everywhere),
    StackRule("ec2-flow-logged", "Every VPC has a flow log.", _flows_logged),
    StackRule("protected", "What cannot be made again is protected.", _protected),
)
