"""What is in a region of a service, asked from AWS: the key, the bucket, the repositories.

Sources: Amazon S3 User Guide, "Using S3 Replication metrics" (measured each minute, published in the region that is
copied to, whether or not anything is copied); Amazon ECR API, ``ListImages``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from tradeplane_stacks.failover.asking import Clients, RegionUnreachable, code
from tradeplane_stacks.failover.findings import (
    BucketSeen,
    Finding,
    KeySeen,
    Repositories,
    key_finding,
    registry_findings,
    store_finding,
)
from tradeplane_stacks.failover.service import Service

MEASURED_WITHIN = timedelta(minutes=15)
LOOKED_BACK = timedelta(hours=3)
_PERIOD_SECONDS = 60
_NO_BUCKET = frozenset({"404", "NoSuchBucket"})
_NOT_SET = frozenset({"ReplicationConfigurationNotFoundError", "ObjectLockConfigurationNotFoundError"})


@dataclass(frozen=True)
class Replicas:
    """What a service has in its regions."""

    service: Service
    clients: Clients

    def findings(self, source: str, target: str) -> tuple[Finding, ...]:
        """Return how each part stands in the target, compared with the source where that answers.

        Raises:
            RegionUnreachable: when the target does not answer.

        """
        return (self._key(source, target), self._store(source, target), *self._registry(source, target))

    def _key(self, source: str, target: str) -> Finding:
        there = self._key_of(target)
        try:
            return key_finding(there, self._key_of(source), asked_here=True)
        except RegionUnreachable:
            return key_finding(there, None, asked_here=False)

    def _key_of(self, region: str) -> KeySeen | None:
        with self.clients.asking("kms", region) as kms:
            try:
                found = kms.describe_key(KeyId=self.service.key_alias)["KeyMetadata"]
            except ClientError as error:
                if code(error) != "NotFoundException":
                    raise
                return None
        return KeySeen(found["KeyId"], found["KeyState"], found.get("KeySpec", ""), bool(found.get("MultiRegion")))

    def _store(self, source: str, target: str) -> Finding:
        store = self.service.replicated.snapshot_store
        bucket = store.bucket_name(target)
        seen = self._bucket(bucket, source, target)
        return store_finding(bucket, seen)

    def _bucket(self, bucket: str, source: str, target: str) -> BucketSeen | None:
        with self.clients.asking("s3", target) as s3:
            try:
                versioned = s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
                locked = self._set(lambda: s3.get_object_lock_configuration(Bucket=bucket)) is not None
            except ClientError as error:
                if code(error) not in _NO_BUCKET:
                    raise
                return None
        try:
            rule = self._rule_into(source, target)
        except RegionUnreachable:
            return BucketSeen(versioned, locked, None, None, self._pending(source, target, LOOKED_BACK))
        pending = self._pending(source, target, MEASURED_WITHIN)
        return BucketSeen(versioned, locked, rule, pending, self._pending(source, target, LOOKED_BACK))

    def _rule_into(self, source: str, target: str) -> bool:
        """Return whether the bucket of the source is set to be copied to that of the target."""
        store = self.service.replicated.snapshot_store
        with self.clients.asking("s3", source) as s3:
            found = self._set(lambda: s3.get_bucket_replication(Bucket=store.bucket_name(source)))
        rules = (found or {}).get("ReplicationConfiguration", {}).get("Rules", ())
        wanted = store.bucket_arn(target)
        return any(rule["Status"] == "Enabled" and rule["Destination"]["Bucket"] == wanted for rule in rules)

    @staticmethod
    def _set(ask: Any) -> dict[str, Any] | None:
        """Return what a bucket has set, None where it has nothing of the kind."""
        try:
            found: dict[str, Any] = ask()
        except ClientError as error:
            if code(error) not in _NOT_SET:
                raise
            return None
        return found

    def _pending(self, source: str, target: str, back: timedelta) -> float | None:
        """Return the newest measurement of bytes that are not copied yet, None where there is none so long back."""
        store, now = self.service.replicated.snapshot_store, datetime.now(UTC)
        dimensions = {
            "SourceBucket": store.bucket_name(source),
            "DestinationBucket": store.bucket_name(target),
            "RuleId": f"to-{target}",
        }
        with self.clients.asking("cloudwatch", target) as cloudwatch:
            found = cloudwatch.get_metric_statistics(
                Namespace="AWS/S3",
                MetricName="BytesPendingReplication",
                Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
                StartTime=now - back,
                EndTime=now + timedelta(seconds=_PERIOD_SECONDS),
                Period=_PERIOD_SECONDS,
                Statistics=["Maximum"],
            )["Datapoints"]
        newest = max(found, key=lambda point: point["Timestamp"], default=None)
        return None if newest is None else float(newest["Maximum"])

    def _registry(self, source: str, target: str) -> tuple[Finding, ...]:
        images, there = self.service.replicated.artifact_registry.images, self._repositories(target)
        try:
            here: Repositories | None = self._repositories(source)
        except RegionUnreachable:
            here = None
        return tuple(registry_findings(images, there, here))

    def _repositories(self, region: str) -> Repositories:
        """Return what is in a region's repositories of images and of results."""
        config = self.service.replicated.artifact_registry
        with self.clients.asking("ecr", region) as ecr:
            names = [
                one["repositoryName"]
                for page in ecr.get_paginator("describe_repositories").paginate()
                for one in page["repositories"]
            ]
            wanted = [name for name in names if name in config.images or name.startswith(f"{config.results}/")]
            return {name: frozenset(self._digests(ecr, name)) for name in wanted}

    @staticmethod
    def _digests(ecr: Any, repository: str) -> Iterator[str]:
        for page in ecr.get_paginator("list_images").paginate(repositoryName=repository):
            yield from (one["imageDigest"] for one in page["imageIds"])
