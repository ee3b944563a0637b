"""The stand-ins for Pulumi's providers do what they say, and refuse by name what they do not."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pulumi.automation.errors import CommandError
from pulumi.runtime.proto import provider_pb2 as protocol
from pulumi.runtime.rpc import UNKNOWN

from tests.integration.stacks.conftest import STANDS_IN, plugins, stand_in
from tests.integration.stacks.inline_programs import Aborted, Asked, Call, refused, stack_of, up, void
from tests.integration.stacks.providers.aws_types import TYPES
from tests.integration.stacks.providers.frame import Provider, Refused
from tests.integration.stacks.providers.shapes import read_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.stacks.cloud import Cloud
    from tests.integration.stacks.conftest import Project

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

REGION = "eu-west-1"
BUCKET = "tradeplane-stand-in"
TLS_ONLY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": f"arn:aws:s3:::{BUCKET}/*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
)
ASSUME = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
PARTS: dict[str, dict[str, Any]] = {
    "BucketVersioning": {"versioningConfiguration": {"status": "Enabled"}},
    "BucketServerSideEncryptionConfiguration": {
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}]
    },
    "BucketObjectLockConfiguration": {"rule": {"defaultRetention": {"mode": "COMPLIANCE", "years": 7}}},
    "BucketLifecycleConfiguration": {
        "rules": [
            {
                "id": "tiers",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "transitions": [{"days": 30, "storageClass": "STANDARD_IA"}],
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
            }
        ]
    },
    "BucketPublicAccessBlock": {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    },
    "BucketPolicy": {"policy": TLS_ONLY},
    "BucketOwnershipControls": {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
}


TABLE: dict[str, Any] = {
    "name": "service",
    "billingMode": "PAY_PER_REQUEST",
    "hashKey": "record",
    "attributes": [{"name": "record", "type": "S"}],
}
IN_TWO_REGIONS: dict[str, Any] = {
    "replicas": [{"regionName": "eu-west-2", "consistencyMode": "STRONG", "pointInTimeRecovery": True}],
    "globalTableWitness": {"regionName": "eu-west-3"},
}


@pytest.fixture(scope="module")
def environment(
    environment: dict[str, str], served: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Give the environment of Pulumi with the stand-in, where the published plugin is on PATH as well."""
    if STANDS_IN in environment:
        yield environment
    else:
        with stand_in(served.url, tmp_path_factory.mktemp("plugins")) as found:
            yield found


def storage(years: int = 7) -> None:
    """Make a bucket with all that can be set of one, and a role."""
    bucket = Asked("aws:s3/bucket:Bucket", "b", bucket=BUCKET, region=REGION, objectLockEnabled=True, tags={"a": "b"})
    for part, inputs in PARTS.items():
        given = inputs
        if part == "BucketObjectLockConfiguration":
            given = {"rule": {"defaultRetention": {"mode": "COMPLIANCE", "years": years}}}
        token = f"aws:s3/{part[0].lower()}{part[1:]}:{part}"
        Asked(token, part, [bucket], bucket=bucket.id, region=REGION, **given)
    role = Asked("aws:iam/role:Role", "r", assumeRolePolicy=ASSUME, tags={"a": "b"})
    Asked("aws:iam/rolePolicy:RolePolicy", "p", role=role.id, policy=TLS_ONLY)


def test_storage_is_made_compared_repaired_and_removed(project: Project, aws: Cloud) -> None:
    stack = stack_of(project, storage)
    assert set(up(stack).values()) == {"create"}
    s3, iam = aws.client("s3", REGION), aws.client("iam", REGION)
    lock = s3.get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"]
    assert (lock["Rule"]["DefaultRetention"]["Mode"], lock["Rule"]["DefaultRetention"]["Years"]) == ("COMPLIANCE", 7)
    rule = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert (rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], rule["BucketKeyEnabled"]) == ("aws:kms", True)
    (role,) = iam.list_roles()["Roles"]
    assert role["RoleName"].startswith("r-")
    assert up(stack) == {}

    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_public_access_block(Bucket=BUCKET)
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "a", "Value": "c"}]})
    iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=ASSUME.replace("s3.", "ec2."))
    assert up(stack) == {
        "BucketVersioning": "update",
        "BucketPublicAccessBlock": "create",
        "b": "update",
        "r": "update",
    }
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "a", "Value": "b"}]

    stack.workspace.program = lambda: storage(years=8)
    assert up(stack) == {"BucketObjectLockConfiguration": "update"}
    stack.destroy(run_program=False)
    assert (s3.list_buckets()["Buckets"], iam.list_roles()["Roles"]) == ([], [])


def test_what_cannot_be_changed_is_replaced(project: Project, aws: Cloud) -> None:
    def key(usage: str, spec: str) -> Callable[[], None]:
        return lambda: void(Asked("aws:kms/key:Key", "k", keyUsage=usage, customerMasterKeySpec=spec, region=REGION))

    stack = stack_of(project, key("SIGN_VERIFY", "ECC_NIST_P256"))
    assert up(stack) == {"k": "create"}
    stack.workspace.program = key("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    assert up(stack) == {"k": "replace"}
    kms = aws.client("kms", REGION)
    states = [kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in kms.list_keys()["Keys"]]
    assert sorted((one["KeySpec"], one["KeyState"]) for one in states) == [
        ("ECC_NIST_P256", "PendingDeletion"),
        ("SYMMETRIC_DEFAULT", "Enabled"),
    ]


def table(item: str = "first", **more: Any) -> None:
    """Make a table in two regions, with an item."""
    made = Asked("aws:dynamodb/table:Table", "t", region=REGION, **{**TABLE, **IN_TWO_REGIONS, **more})
    written = json.dumps({"record": {"S": "active"}, "region": {"S": item}})
    of_table: dict[str, Any] = {"region": REGION, "tableName": "service", "hashKey": "record"}
    Asked("aws:dynamodb/tableItem:TableItem", "i", [made], item=written, **of_table)


def test_a_table_of_two_regions_is_made_compared_repaired_and_removed(project: Project, aws: Cloud) -> None:
    stack = stack_of(project, table)
    assert up(stack) == {"t": "create", "i": "create"}
    here, there = (aws.client("dynamodb", region) for region in (REGION, "eu-west-2"))
    key = {"record": {"S": "active"}}
    assert there.get_item(TableName="service", Key=key, ConsistentRead=True)["Item"]["region"] == {"S": "first"}
    assert up(stack) == {}

    there.update_item(
        TableName="service",
        Key=key,
        UpdateExpression="SET #r = :r",
        ExpressionAttributeNames={"#r": "region"},
        ExpressionAttributeValues={":r": {"S": "by hand"}},
    )
    off = {"PointInTimeRecoveryEnabled": False}
    there.update_continuous_backups(TableName="service", PointInTimeRecoverySpecification=off)
    assert up(stack) == {"t": "update", "i": "update"}
    told = there.describe_continuous_backups(TableName="service")["ContinuousBackupsDescription"]
    assert told["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert here.get_item(TableName="service", Key=key)["Item"]["region"] == {"S": "first"}

    here.delete_item(TableName="service", Key=key)
    assert up(stack) == {"i": "create"}
    stack.workspace.program = lambda: table(tags={"a": "b"}, deletionProtectionEnabled=True)
    assert up(stack) == {"t": "update"}
    with pytest.raises(CommandError, match="deletion protection"):
        stack.destroy(run_program=False)
    assert [one.list_tables()["TableNames"] for one in (here, there)] == [["service"], ["service"]]
    here.update_table(TableName="service", DeletionProtectionEnabled=False)
    stack.destroy(run_program=False)
    assert [one.list_tables()["TableNames"] for one in (here, there)] == [[], []]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"replicas": [{"regionName": "eu-central-1", "consistencyMode": "STRONG"}]}, "none is added to a table"),
        (
            {"globalTableWitness": {"regionName": "eu-central-1"}},
            "globalTableWitness of aws:dynamodb/table:Table is not",
        ),
        ({"billingMode": "PROVISIONED"}, "billingMode of aws:dynamodb/table:Table is not"),
    ],
)
def test_what_of_a_table_is_not_changed_is_refused(
    changed: dict[str, Any], message: str, project: Project, aws: Cloud
) -> None:
    up(stack_of(project, table))
    assert message in refused(project, partial(table, **changed))
    told = aws.client("dynamodb", REGION).describe_table(TableName="service")["Table"]
    assert [one["RegionName"] for one in told["Replicas"]] == ["eu-west-2"]


def test_a_plugin_that_is_on_path_is_taken_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = tmp_path / "pulumi-resource-aws"
    published.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    published.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with plugins("http://127.0.0.1:9", tmp_path / "not-written") as found:
        assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
        assert not {STANDS_IN, "PATH"} & found.keys()
    assert not (tmp_path / "not-written").exists()


@pytest.mark.parametrize(
    "ask",
    [
        lambda provider, urn: provider.Check(protocol.CheckRequest(urn=urn), Call()),
        lambda provider, urn: provider.Create(protocol.CreateRequest(urn=urn), Call()),
        lambda provider, urn: provider.Read(protocol.ReadRequest(urn=urn), Call()),
        lambda provider, urn: provider.Invoke(protocol.InvokeRequest(tok="aws:sqs/queue:Queue"), Call()),
    ],
)
def test_a_type_that_is_not_there_is_refused_by_its_name(ask: Callable[[Provider, str], object]) -> None:
    with pytest.raises(Aborted, match=r"UNIMPLEMENTED: the .* aws:sqs/queue:Queue is not implemented by this stand-in"):
        ask(Provider("1.0.0", TYPES, {}), "urn:pulumi:dev::project::a:b:C$aws:sqs/queue:Queue::q")


@pytest.mark.parametrize(
    ("pulumi_type", "inputs", "message"),
    [
        ("aws:kms/key:Key", {"isEnabled": True}, "isEnabled is not implemented by this stand-in"),
        ("aws:kms/key:Key", {"keyUsage": "SIGN"}, "keyUsage: 'SIGN' is none of SIGN_VERIFY"),
        ("aws:kms/key:Key", {"deletionWindowInDays": "long"}, "deletionWindowInDays: 'long' is not of type int"),
        ("aws:kms/key:Key", {"multiRegion": "yes"}, "MultiRegion"),
        ("aws:kms/alias:Alias", {"name": "alias/a"}, "TargetKeyId"),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", {"bucket": "b", "skipDestroy": True}, "skipDestroy"),
        ("aws:s3/bucket:Bucket", {"bucket": "b", "acl": "everybody"}, "acl: 'everybody' is none of private"),
        (
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            {"bucket": "b", "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "rot13"}}]},
            r"rules\[0\].applyServerSideEncryptionByDefault.sseAlgorithm: 'rot13'",
        ),
        ("aws:iam/role:Role", {"name": "r"}, "AssumeRolePolicyDocument"),
        ("aws:dynamodb/table:Table", TABLE | {"billingMode": "FREE"}, "billingMode: 'FREE' is none of PROVISIONED"),
        ("aws:dynamodb/table:Table", TABLE | {"ttl": {"enabled": True}}, "ttl is not implemented by this stand-in"),
        (
            "aws:dynamodb/table:Table",
            TABLE | {"attributes": [{"name": "record", "type": "text"}]},
            r"attributes\[0\].type: 'text' is none of S, N, B",
        ),
        ("aws:dynamodb/table:Table", TABLE | {"replicas": [{"regionName": "eu-west-2"}]}, "STRONG alone"),
        (
            "aws:dynamodb/table:Table",
            TABLE | {"replicas": [{"regionName": "eu-west-2", "consistencyMode": "STRONG", "kmsKeyArn": "arn"}]},
            r"replicas\[0\].kmsKeyArn is not implemented",
        ),
        (
            "aws:dynamodb/table:Table",
            TABLE | {"pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 7}},
            "pointInTimeRecovery.recoveryPeriodInDays is not implemented",
        ),
        (
            "aws:dynamodb/tableItem:TableItem",
            {"tableName": "t", "hashKey": "record", "item": '{"other": {"S": "a"}}'},
            "item: has no record, which is the key",
        ),
        (
            "aws:dynamodb/tableItem:TableItem",
            {"tableName": "t", "hashKey": "record", "item": '{"record": "a"}'},
            "Invalid type for parameter Item.record",
        ),
        ("aws:dynamodb/resourcePolicy:ResourcePolicy", {"resourceArn": "arn"}, "Policy"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"name": "a", "evaluationPeriods": "one"}, "EvaluationPeriods"),
        (
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            {"name": "a", "comparisonOperator": "Less", "evaluationPeriods": 1},
            "comparisonOperator: 'Less' is none of",
        ),
        ("aws:route53/zone:Zone", {"name": "a.internal", "forceDestroy": True}, "forceDestroy is not implemented"),
        ("aws:route53/zone:Zone", {"name": "a.internal", "vpcs": [{"id": "vpc-1"}]}, "vpcs.id is not implemented"),
        ("aws:route53/healthCheck:HealthCheck", {"type": "PING"}, "type: 'PING' is none of HTTP"),
        ("aws:route53/healthCheck:HealthCheck", {"type": "HTTP", "triggers": {}}, "triggers is not implemented"),
        ("aws:route53/record:Record", {"zoneId": "Z", "name": "a", "type": "A", "aliases": []}, "aliases is not impl"),
        ("aws:route53/record:Record", {"zoneId": "Z", "name": "a", "type": "ANY"}, "type: 'ANY' is none of SOA"),
    ],
)
def test_inputs_that_aws_would_not_take_are_refused(pulumi_type: str, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message):
        TYPES[pulumi_type].check(inputs if _of_no_region(pulumi_type) else {"region": REGION, **inputs})


def _of_no_region(pulumi_type: str) -> bool:
    return pulumi_type.startswith(("aws:iam/", "aws:route53/"))


def test_what_is_not_known_yet_is_not_judged() -> None:
    TYPES["aws:kms/alias:Alias"].check({"region": REGION, "name": "alias/a", "targetKeyId": UNKNOWN})


@pytest.mark.parametrize(
    ("found", "like", "back"),
    [
        ({"Status": "Suspended"}, {"status": "Enabled"}, {"status": "Suspended"}),
        ({"Status": "Enabled", "Other": 1}, {"status": "Enabled"}, {"status": "Enabled"}),
        ({}, {"status": "Enabled"}, {}),
        ({"Rules": [{"ID": "a"}]}, {"rule": {"id": "b"}}, {"rule": {"id": "a"}}),
        ({"Rules": [{"ID": "a"}, {"ID": "b"}]}, {"rules": [{"id": "a"}]}, {"rules": [{"id": "a"}, {"ID": "b"}]}),
        ({"Tags": [{"Key": "a", "Value": "b"}]}, {"tags": {"a": "c"}}, {"tags": {"a": "b"}}),
        ({"Policy": '{"a": 1}'}, {"policy": '{"a":1}'}, {"policy": '{"a":1}'}),
        ({"Policy": '{"a": 2}'}, {"policy": '{"a":1}'}, {"policy": '{"a": 2}'}),
    ],
)
def test_what_aws_answers_is_read_in_the_form_it_was_asked_in(found: Any, like: Any, back: Any) -> None:
    assert read_back(found, like, {}) == back
