"""What a program asks for is said in Terraform's words, and what nobody has stated is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from pulumi.runtime.proto.resource_pb2 import RegisterResourceRequest

from tests.scan.plans import UNJUDGED, Plan, UnknownField, faulty, terraform_type, values
from tests.scan.scanners import ScannerFailed, read_checkov


def request(kind: str, name: str, properties: dict[str, Any], **depends: str) -> RegisterResourceRequest:
    made = RegisterResourceRequest(type=kind, name=name)
    ParseDict(properties, made.object)
    for field, of in depends.items():
        made.propertyDependencies[field].urns.append(f"urn:pulumi:prod::p::{kind}::{of}")
    return made


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("aws:kms/key:Key", "aws_kms_key"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "aws_vpc_endpoint"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "aws_launch_template"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws_vpc_security_group_ingress_rule"),
        ("aws:rds/instance:Instance", "aws_db_instance"),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "aws_s3_bucket_public_access_block"),
        ("aws:cloudwatch/logGroup:LogGroup", "aws_cloudwatch_log_group"),
    ],
)
def test_types_have_terraforms_names(token: str, name: str) -> None:
    assert terraform_type(token) == name


def test_a_nested_object_is_a_block_and_a_map_is_not() -> None:
    given = {
        "vpcConfig": {"endpointPublicAccess": False, "subnetIds": ["a"]},
        "rules": [{"noncurrentVersionExpiration": {"noncurrentDays": 30.0}}],
        "tags": {"tradeplane:costCenter": "cc-7"},
    }
    assert values(given, "of a test") == {
        "vpc_config": [{"endpoint_public_access": False, "subnet_ids": ["a"]}],
        "rule": [{"noncurrent_version_expiration": [{"noncurrent_days": 30}]}],
        "tags": {"tradeplane:costCenter": "cc-7"},
    }


def test_a_list_of_objects_that_nobody_stated_is_refused() -> None:
    with pytest.raises(UnknownField, match="aws:sqs/queue:Queue: strangers"):
        Plan().add(request("aws:sqs/queue:Queue", "q", {"strangers": [{"a": 1}]}))


def test_a_plan_says_which_resource_refers_to_which() -> None:
    plan = Plan()
    plan.add(request("aws:s3/bucket:Bucket", "kept.eu", {"bucket": "kept"}))
    plan.add(request("aws:s3/bucketVersioning:BucketVersioning", "versions", {}, bucket="kept.eu", key="elsewhere"))
    plan.add(request("kubernetes:core/v1:Namespace", "n", {}))
    found = plan.document()
    assert [one["address"] for one in found["planned_values"]["root_module"]["resources"]] == [
        "aws_s3_bucket.kept_eu",
        "aws_s3_bucket_versioning.versions",
    ]
    assert found["configuration"]["root_module"]["resources"][1]["expressions"] == {
        "bucket": {"references": ["aws_s3_bucket.kept_eu.id", "aws_s3_bucket.kept_eu"]}
    }
    assert [one["change"]["after"] for one in found["resource_changes"]] == [{"bucket": "kept"}, {}]


def test_a_type_that_nothing_was_judged_of_is_no_pass() -> None:
    def told(kind: str) -> str:
        return json.dumps({"passed": 1, "failed": [], "unread": [], "unjudged": [kind]})

    assert read_checkov(told(min(UNJUDGED)), "r") == []
    with pytest.raises(ScannerFailed, match="nothing of aws_s3_buket, of r"):
        read_checkov(told("aws_s3_buket"), "r")


def test_the_faulty_plan_is_a_plan_with_one_resource() -> None:
    assert [one["change"]["after"]["publicly_accessible"] for one in faulty()["resource_changes"]] == [True]
