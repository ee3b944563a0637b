import json
from typing import Any, NamedTuple

import pulumi
import pytest
from tradeplane_stacks.components.retention import RetentionPolicy, RetentionTooWeak
from tradeplane_stacks.components.snapshot_store import SnapshotStore
from tradeplane_stacks.components.stack_name import StackName

from tests.unit.stacks.components.policy_evaluation import allowed, decided
from tests.unit.stacks.components.recording import Recorded, record
from tests.unit.stacks.components.resource_options import noted_options, protected, waits_for
from tests.unit.stacks.components.snapshot_stores import (
    ADMINISTRATOR,
    OPERATOR,
    READER,
    REGIONS,
    RUNNER,
    SOMEBODY,
    config,
)

POLICY = RetentionPolicy(minimum_days=1826)
LOCKED = [f"store-{region}" for region in REGIONS]
LOGS = [f"{name}-logs" for name in LOCKED]


class Made(NamedTuple):
    recorded: Recorded
    options: dict[str, pulumi.ResourceOptions]
    store: SnapshotStore

    def inputs(self, name: str) -> dict[str, Any]:
        return self.recorded.resources[name].inputs


def make(policy: RetentionPolicy = POLICY, **changes: object) -> Made:
    stores: list[SnapshotStore] = []

    def run() -> dict[str, Any]:
        stores.append(SnapshotStore("store", config(**changes), StackName("prod"), policy))
        return {"key_arns": stores[0].key_arns}

    with noted_options() as options:
        recorded = record(run)
    return Made(recorded, options, stores[0])


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


@pytest.fixture(scope="module")
def alone() -> Made:
    return make(regions=["eu-west-1"], retention={"mode": "COMPLIANCE", "days": 2000}, noncurrent_version_days=2001)


def bucket(region: str) -> str:
    return f"tradeplane-prod-111122223333-{region}"


def test_each_region_has_a_bucket_and_one_for_its_log(made: Made) -> None:
    buckets = made.recorded.of_type("aws:s3/bucket:Bucket")
    assert set(buckets) == {*LOCKED, *LOGS}
    for region in REGIONS:
        store, logs = buckets[f"store-{region}"], buckets[f"store-{region}-logs"]
        assert (store["bucket"], logs["bucket"]) == (bucket(region), f"{bucket(region)}-logs")
        assert (store["objectLockEnabled"], logs["objectLockEnabled"]) == (True, False)
        assert len(logs["bucket"]) <= 63


@pytest.mark.parametrize("name", [*LOCKED, *LOGS])
def test_buckets_keep_versions_and_are_nobody_elses(made: Made, name: str) -> None:
    assert made.inputs(name)["forceDestroy"] is False
    assert made.inputs(f"{name}-versioning")["versioningConfiguration"] == {"status": "Enabled"}
    assert made.inputs(f"{name}-ownership")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    blocked = made.inputs(f"{name}-public-access")
    for setting in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"):
        assert blocked[setting] is True
    for part in ("versioning", "ownership", "public-access", "encryption", "policy"):
        assert made.inputs(f"{name}-{part}")["bucket"] == f"{name}-id"
    assert waits_for(made.options[f"{name}-policy"]) == {f"{name}-public-access", f"{name}-ownership"}


def test_everything_is_in_the_region_that_it_is_of(made: Made) -> None:
    for name, resource in made.recorded.resources.items():
        if not resource.typ.startswith("aws:iam/") and resource.typ.startswith("aws:"):
            assert name.startswith(f"store-{resource.inputs['region']}"), name


@pytest.mark.parametrize("region", REGIONS)
def test_what_is_stored_is_encrypted_by_the_regions_key(made: Made, region: str) -> None:
    (rule,) = made.inputs(f"store-{region}-encryption")["rules"]
    assert rule == {
        "applyServerSideEncryptionByDefault": {
            "sseAlgorithm": "aws:kms",
            "kmsMasterKeyId": f"arn:store-{region}-key",
        },
        "bucketKeyEnabled": True,
        "blockedEncryptionTypes": ["SSE-C"],
    }


@pytest.mark.parametrize("region", REGIONS)
def test_an_access_log_is_encrypted_as_s3_can_write_it_and_has_no_lock(made: Made, region: str) -> None:
    (rule,) = made.inputs(f"store-{region}-logs-encryption")["rules"]
    assert rule == {
        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"},
        "blockedEncryptionTypes": ["SSE-C"],
    }
    assert f"store-{region}-logs-lock" not in made.recorded.resources
    logging = made.inputs(f"store-{region}-logging")
    assert (logging["bucket"], logging["targetBucket"]) == (f"store-{region}-id", f"store-{region}-logs-id")
    assert f"store-{region}-logs-policy" in waits_for(made.options[f"store-{region}-logging"])
    (rule,) = made.inputs(f"store-{region}-logs-lifecycle")["rules"]
    assert (rule["status"], rule["expiration"]) == ("Enabled", {"days": 400})
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}


@pytest.mark.parametrize("region", REGIONS)
def test_each_bucket_locks_as_configured(made: Made, region: str) -> None:
    lock = made.inputs(f"store-{region}-lock")
    assert lock["bucket"] == f"store-{region}-id"
    assert lock["objectLockEnabled"] == "Enabled"
    assert lock["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "years": 6}}


def test_a_lock_can_be_of_days(alone: Made) -> None:
    assert alone.inputs("store-eu-west-1-lock")["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "days": 2000}}


@pytest.mark.parametrize("region", REGIONS)
def test_what_grows_old_gets_cheaper_and_nothing_ends_that_is_current_or_locked(made: Made, region: str) -> None:
    (rule,) = made.inputs(f"store-{region}-lifecycle")["rules"]
    assert rule["status"] == "Enabled"
    assert rule["filter"] == {"prefix": ""}
    assert rule["transitions"] == [
        {"storageClass": "STANDARD_IA", "days": 90},
        {"storageClass": "GLACIER_IR", "days": 365},
    ]
    assert "expiration" not in rule
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 6 * 365}
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}


def test_replaced_versions_can_be_kept_for_longer_than_their_lock(alone: Made) -> None:
    (rule,) = alone.inputs("store-eu-west-1-lifecycle")["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 2001}


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_is_copied_to_each_other(made: Made, region: str) -> None:
    copying = made.inputs(f"store-{region}-to-others")
    assert copying["bucket"] == f"store-{region}-id"
    assert copying["role"] == f"arn:store-{region}-replication"
    others = [other for other in REGIONS if other != region]
    assert [rule["destination"]["bucket"] for rule in copying["rules"]] == [
        f"arn:aws:s3:::{bucket(other)}" for other in others
    ]
    assert len({rule["priority"] for rule in copying["rules"]}) == len({rule["id"] for rule in copying["rules"]}) == 2
    for other, rule in zip(others, copying["rules"], strict=True):
        destination = rule["destination"]
        assert rule["status"] == "Enabled"
        assert rule["filter"] == {"prefix": ""}
        assert rule["deleteMarkerReplication"] == {"status": "Enabled"}
        assert rule["sourceSelectionCriteria"] == {
            "replicaModifications": {"status": "Enabled"},
            "sseKmsEncryptedObjects": {"status": "Enabled"},
        }
        assert destination["encryptionConfiguration"] == {"replicaKmsKeyId": f"arn:store-{other}-key"}
        assert destination["replicationTime"] == {"status": "Enabled", "time": {"minutes": 15}}
        assert destination["metrics"] == {"status": "Enabled", "eventThreshold": {"minutes": 15}}


@pytest.mark.parametrize("region", REGIONS)
def test_nothing_is_copied_before_both_ends_are_ready(made: Made, region: str) -> None:
    ready = {f"{name}-{part}" for name in LOCKED for part in ("versioning", "encryption", "policy")}
    assert waits_for(made.options[f"store-{region}-to-others"]) == ready


@pytest.mark.parametrize("region", REGIONS)
def test_the_role_that_copies_is_s3_for_this_bucket(made: Made, region: str) -> None:
    trust = made.inputs(f"store-{region}-replication")["assumeRolePolicy"]
    ours = {"aws:SourceAccount": "111122223333", "aws:SourceArn": f"arn:aws:s3:::{bucket(region)}"}
    assert allowed(trust, "s3.amazonaws.com", "sts:AssumeRole", "*", ours)
    for wrong in ({"aws:SourceAccount": "444455556666"}, {"aws:SourceArn": "arn:aws:s3:::another"}):
        assert not allowed(trust, "s3.amazonaws.com", "sts:AssumeRole", "*", ours | wrong)
    for who in (ADMINISTRATOR, OPERATOR, RUNNER, "ec2.amazonaws.com"):
        assert not allowed(trust, who, "sts:AssumeRole", "*", ours)


@pytest.mark.parametrize("region", REGIONS)
def test_the_role_that_copies_reads_here_and_writes_copies_there(made: Made, region: str) -> None:
    inputs = made.inputs(f"store-{region}-replication-policy")
    assert inputs["role"] == f"tradeplane-prod-replication-{region}"

    def may(action: str, place: str) -> bool:
        return allowed(inputs["policy"], "the role", action, f"arn:aws:s3:::{place}")

    here = bucket(region)
    for action in ("s3:GetReplicationConfiguration", "s3:ListBucket"):
        assert may(action, here)
    read = ("ForReplication", "Acl", "Tagging")
    for action in (*(f"s3:GetObjectVersion{what}" for what in read), "s3:GetObjectRetention", "s3:GetObjectLegalHold"):
        assert may(action, f"{here}/a")
        assert not any(may(action, f"{bucket(other)}/a") for other in REGIONS if other != region)
    for action in ("s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"):
        assert not may(action, f"{here}/a")
        assert all(may(action, f"{bucket(other)}/a") for other in REGIONS if other != region)
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:PutObjectRetention", "s3:PutBucketPolicy"):
        assert not any(may(action, f"{bucket(other)}/a") or may(action, bucket(other)) for other in REGIONS)


@pytest.mark.parametrize("region", REGIONS)
def test_the_key_of_a_region_is_for_its_bucket_and_who_copies(made: Made, region: str) -> None:
    policy = made.inputs(f"store-{region}-key")["policy"]
    through = {
        "kms:ViaService": f"s3.{region}.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket(region)}",
    }
    for other in REGIONS:
        copier = f"arn:store-{other}-replication"
        assert allowed(policy, copier, "kms:Decrypt", "*", through)
        assert allowed(policy, copier, "kms:Encrypt", "*", through) is (other != region)
    assert allowed(policy, RUNNER, "kms:GenerateDataKey", "*", through)
    assert allowed(policy, ADMINISTRATOR, "kms:PutKeyPolicy")
    for who in (ADMINISTRATOR, SOMEBODY):
        assert not allowed(policy, who, "kms:Decrypt", "*", through)


@pytest.mark.parametrize("region", REGIONS)
def test_each_bucket_has_its_own_policy(made: Made, region: str) -> None:
    policy, arn = made.inputs(f"store-{region}-policy")["policy"], f"arn:aws:s3:::{bucket(region)}"
    assert allowed(policy, READER, "s3:GetObject", f"{arn}/trading/results/a")
    assert decided(policy, OPERATOR, "s3:DeleteObject", f"{arn}/trading/results/a") is False
    shorter = {"s3:object-lock-remaining-retention-days": "1825"}
    assert decided(policy, ADMINISTRATOR, "s3:PutObjectRetention", f"{arn}/a", shorter) is False
    own = {
        "aws:PrincipalTag/kubernetes-namespace": "trading",
        "s3:x-amz-server-side-encryption": "aws:kms",
        "s3:x-amz-server-side-encryption-aws-kms-key-id": f"arn:store-{region}-key",
    }
    assert allowed(policy, RUNNER, "s3:PutObject", f"{arn}/trading/results/run/log-1.txt", own)
    logs = made.inputs(f"store-{region}-logs-policy")["policy"]
    source = {"aws:SourceArn": arn, "aws:SourceAccount": "111122223333"}
    assert allowed(logs, "logging.s3.amazonaws.com", "s3:PutObject", f"{arn}-logs/access/a", source)


def test_what_holds_data_is_protected_from_removal(made: Made) -> None:
    assert protected(made.options) == {
        *LOCKED,
        *LOGS,
        *(f"{name}-{part}" for name in LOCKED for part in ("key", "lock")),
    }


def test_a_key_outlives_the_bucket_that_is_encrypted_by_it(made: Made) -> None:
    for name in LOCKED:
        assert waits_for(made.options[name]) == {f"{name}-key"}


def test_it_tells_what_the_operator_needs(made: Made) -> None:
    assert made.store.bucket_names == {region: bucket(region) for region in REGIONS}
    assert made.store.urls["us-east-1"] == f"s3://{bucket('us-east-1')}"
    assert made.store.environment["eu-west-1"] == {"AWS_REGION": "eu-west-1", "AWS_CHECKSUM_ALGORITHM": "SHA256"}
    assert made.recorded.outputs["key_arns"] == {region: f"arn:store-{region}-key" for region in REGIONS}


def test_everything_that_takes_tags_has_the_required(made: Made) -> None:
    for kind in ("aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:iam/role:Role"):
        for inputs in made.recorded.of_type(kind).values():
            assert inputs["tags"]["tradeplane:data-classification"] == "restricted"


def test_a_store_of_one_region_is_copied_nowhere(alone: Made) -> None:
    kinds = {resource.typ for resource in alone.recorded.resources.values()}
    assert not {kind for kind in kinds if "eplication" in kind or "iam" in kind}
    assert "Replicate" not in json.dumps(alone.inputs("store-eu-west-1-key"))


@pytest.mark.parametrize(
    ("retention", "message"),
    [
        ({"mode": "COMPLIANCE", "days": 1825}, "retention: 1825 days are fewer than the 1826"),
        ({"mode": "COMPLIANCE", "years": 5}, "retention: 1825 days"),
        ({"mode": "GOVERNANCE", "years": 6}, r"retention\.mode: GOVERNANCE"),
    ],
)
def test_a_retention_below_the_policy_is_refused_before_anything_is_made(
    retention: dict[str, object], message: str
) -> None:
    def run() -> dict[str, Any]:
        with pytest.raises(RetentionTooWeak, match=message):
            SnapshotStore("store", config(retention=retention), StackName("prod"), POLICY)
        return {}

    assert record(run).resources == {}
