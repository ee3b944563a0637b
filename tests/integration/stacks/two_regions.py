"""A service in two regions of a cloud of the test's own, of which either can be lost.

Of moto's the following is stood in for, as it has none of it: that a read that does not ask for consistency may not
see what was written in another region (here it sees nothing yet), a region that does not answer (503 to whatever is
signed for it), an answer that is lost on its way, and the copying of objects and images between regions, with its
measurements (the test says what is copied). Tables of several regions are in ``global_tables.py``.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.active_region import HASH_KEY, ActiveRegion

import tests.integration.stacks.cloud as cloud_of_tests
from tests.integration.stacks.cloud import ACCOUNT, Cloud, cloud
from tests.unit.stacks.failover.service_config import RECORD, ROLE, SOURCE, TARGET, WITNESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

TABLE, ALIAS = "tradeplane-prod-failover", "alias/tradeplane-prod-signing-key"
IMAGES = ("tradeplane/operator", "tradeplane/workloads")
RESULTS = "tradeplane/runs/trading/cross"


_SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/")


@dataclass
class RegionalCloud(Cloud):
    """A cloud whose regions can be lost."""

    lost: set[str] = field(default_factory=set)
    """Regions that do not answer."""
    unheard: set[str] = field(default_factory=set)
    """Operations that are done once more, their answers lost."""

    def answer(self, application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """Stand before what stands before moto's application."""
        within = super().answer(application)

        def stand(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
            region = found["region"] if found else ""
            operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
            if region in self.lost:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                return _unavailable(start_response)
            if operation == "GetItem" and not _is_consistent(environ):
                start_response("200 OK", [("Content-Type", "application/x-amz-json-1.0")])
                return [b"{}"]
            if operation in self.unheard:
                self.unheard.remove(operation)
                list(within(environ, lambda *_: None))
                return _unavailable(start_response)
            return within(environ, start_response)

        return stand

    def empty(self) -> None:
        """Forget all that was made, and find all regions again."""
        self.lost.clear()
        self.unheard.clear()
        super().empty()

    @contextlib.contextmanager
    def losing(self, *regions: str) -> Iterator[None]:
        """Lose regions for a while."""
        self.lost |= set(regions)
        try:
            yield
        finally:
            self.lost -= set(regions)


@pytest.fixture(scope="module")
def regional() -> Iterator[RegionalCloud]:
    """Give a cloud whose regions can be lost, to the modules that name it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cloud_of_tests, "Cloud", RegionalCloud)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.delenv("AWS_PROFILE", raising=False)
        with cloud(patch) as found:
            assert isinstance(found, RegionalCloud)
            patch.setenv("AWS_ENDPOINT_URL", found.url)
            yield found


def _unavailable(start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("503 Service Unavailable", [("Content-Type", "application/x-amz-json-1.1")])
    return [json.dumps({"__type": "ServiceUnavailable", "message": "the region is lost"}).encode()]


def _is_consistent(environ: dict[str, Any]) -> bool:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return bool(json.loads(body).get("ConsistentRead"))


def bucket(region: str) -> str:
    return f"tradeplane-prod-{ACCOUNT}-{region}"


@dataclass(frozen=True)
class TwoRegions:
    """What the stack would have made, in both regions."""

    cloud: RegionalCloud

    def make(self, measured_ago: timedelta = timedelta(minutes=1)) -> None:
        """Make all of it, with everything copied, as was measured so long ago."""
        self._key()
        for region in (SOURCE, TARGET):
            self._bucket(region)
            for name in (*IMAGES, RESULTS):
                self.cloud.client("ecr", region).create_repository(repositoryName=name)
                self.push(region, name, "first")
        self._copied_to(SOURCE, TARGET)
        self._copied_to(TARGET, SOURCE)
        for source, target in ((SOURCE, TARGET), (TARGET, SOURCE)):
            self.measured(source, target, 0, measured_ago)
        self._record()

    def active(self, region: str = RECORD[0]) -> ActiveRegion:
        """Return the record, as a region of it has it."""
        dynamo = self.cloud.client("dynamodb", region)
        return ActiveRegion.from_item(dynamo.scan(TableName=TABLE)["Items"][0])

    def switched(self) -> dict[str, tuple[int, int]]:
        """Return how often each region was said to be active, and not to be, where Route 53 reads it."""
        cloudwatch, now = self.cloud.client("cloudwatch", WITNESS), datetime.now(UTC)
        found = {}
        for region in (SOURCE, TARGET):
            points = cloudwatch.get_metric_statistics(
                Namespace="tradeplane",
                MetricName="RegionActive",
                Dimensions=[{"Name": "Service", "Value": TABLE}, {"Name": "Region", "Value": region}],
                StartTime=now - timedelta(hours=1),
                EndTime=now + timedelta(hours=1),
                Period=7200,
                Statistics=["Sum", "SampleCount"],
            )["Datapoints"]
            active = sum(int(point["Sum"]) for point in points)
            found[region] = active, sum(int(point["SampleCount"]) for point in points) - active
        return found

    def push(self, region: str, repository: str, tag: str) -> None:
        """Push an image to one region, which copies nothing."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": f"sha256:{'0' * 64}", "size": 2},
            "layers": [],
            "annotations": {"tag": tag},
        }
        written = json.dumps(manifest)
        self.cloud.client("ecr", region).put_image(
            repositoryName=repository,
            imageTag=tag,
            imageManifest=written,
            imageDigest=f"sha256:{hashlib.sha256(written.encode()).hexdigest()}",
        )

    def measured(self, source: str, target: str, pending: float, ago: timedelta = timedelta(minutes=1)) -> None:
        """Measure how many bytes wait to be copied, as S3 does where they are copied to."""
        dimensions = {
            "SourceBucket": bucket(source),
            "DestinationBucket": bucket(target),
            "RuleId": f"to-{target}",
        }
        self.cloud.client("cloudwatch", target).put_metric_data(
            Namespace="AWS/S3",
            MetricData=[
                {
                    "MetricName": "BytesPendingReplication",
                    "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                    "Value": pending,
                    "Timestamp": datetime.now(UTC) - ago,
                }
            ],
        )

    def _key(self) -> None:
        kms = self.cloud.client("kms", SOURCE)
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", MultiRegion=True)["KeyMetadata"]["KeyId"]
        kms.replicate_key(KeyId=key, ReplicaRegion=TARGET)
        for region in (SOURCE, TARGET):
            self.cloud.client("kms", region).create_alias(AliasName=ALIAS, TargetKeyId=key)

    def _bucket(self, region: str) -> None:
        s3 = self.cloud.client("s3", region)
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket(region), ObjectLockEnabledForBucket=True, **where)

    def _copied_to(self, source: str, target: str) -> None:
        self.cloud.client("s3", source).put_bucket_replication(
            Bucket=bucket(source),
            ReplicationConfiguration={
                "Role": f"{ROLE}/replication",
                "Rules": [
                    {
                        "ID": f"to-{target}",
                        "Priority": 1,
                        "Status": "Enabled",
                        "Filter": {"Prefix": ""},
                        "DeleteMarkerReplication": {"Status": "Enabled"},
                        "Destination": {"Bucket": f"arn:aws:s3:::{bucket(target)}"},
                    }
                ],
            },
        )

    def _record(self) -> None:
        dynamo = self.cloud.client("dynamodb", RECORD[0])
        dynamo.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": HASH_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": HASH_KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamo.update_table(
            TableName=TABLE,
            MultiRegionConsistency="STRONG",
            ReplicaUpdates=[{"Create": {"RegionName": RECORD[1]}}],
            GlobalTableWitnessUpdates=[{"Create": {"RegionName": WITNESS}}],
        )
        first = ActiveRegion(region=SOURCE, epoch=1, moved_at=datetime.now(UTC), moved_by="stack prod", move="first")
        dynamo.put_item(TableName=TABLE, Item=first.to_item())
