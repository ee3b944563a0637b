"""An environment of two regions on Pulumi's real engine: all its programs in order, by one command."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.stacks import forked
from tests.integration.stacks.cloud import ACCOUNT
from tests.integration.stacks.conftest import ROOT
from tests.integration.stacks.test_engine import (
    CHANGES_NOTHING,
    REACHED_WITHIN_S,
    RECORDED_AT_ONCE,
    done,
    failed,
    keys,
    operations,
    refused,
)

if TYPE_CHECKING:
    from tests.integration.stacks.cloud import Cloud
    from tests.integration.stacks.conftest import Project
    from tests.integration.stacks.test_engine import Command

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

REGIONS = ("eu-west-1", "us-east-1")
IN_REGIONS = ("prod", "--region", REGIONS[0], "--region", REGIONS[1])
NETWORKS = [("tradeplane-network", f"prod.{region}") for region in REGIONS]
CLUSTERS = [("tradeplane-cluster", f"prod.{region}") for region in REGIONS]
PLATFORM = ("tradeplane-platform", "prod")
ROLES = {"tradeplane-operator", "tradeplane-recorder"}
"""Roles that are there before the stacks, as docs/stacks says; what they may do is added."""
DATABASE = "tradeplane-prod"
HELD_TO_POLICIES = ("--policy-pack", str(ROOT / "policies" / "cloud"))
OPEN = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@pytest.fixture
def project(project: Project, aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give the project, called from above the folder of its programs, in an account with the roles that it names."""
    monkeypatch.chdir(project.programs.parent)
    for name in ROLES:
        aws.client("iam", REGIONS[0]).create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    return project


@pytest.fixture(autouse=True)
def of_aws_alone(project: Project) -> None:
    """Have nothing in clusters, as there are none here, and no record: those have tests of their own."""
    project.keep("prod", "signing_key", "snapshot_store", "artifact_registry", "metadata_database")
    project.without_runners()


def by_stack(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what was said of each stack, in the order that it was said in."""
    return {(one["project"], one["stack"]): one for one in found["stacks"]}


def changed(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, list[str]]]:
    """Return what was changed in each stack that was, by the kind of change."""
    return {stack: operations(one) for stack, one in by_stack(found).items() if one["changes"]}


def changing(aws: Cloud) -> list[str]:
    """Return what was asked for that changes something."""
    reads = (*CHANGES_NOTHING, "GET ", "HEAD ", "BatchGet")
    return [operation for operation in aws.asked if not operation.startswith(reads)]


def left(aws: Cloud) -> dict[str, list[str]]:
    """Return what is in the account that somebody made, beside the roles that were there before."""
    iam, s3 = aws.client("iam", REGIONS[0]), aws.client("s3", REGIONS[0])
    found = {
        "roles": [
            one["RoleName"]
            for one in iam.list_roles(PathPrefix="/")["Roles"]
            if one["Path"] == "/" and one["RoleName"] not in ROLES
        ],
        "policies": [
            name for role in ROLES & names(iam) for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ],
        "buckets": [one["Name"] for one in s3.list_buckets()["Buckets"]],
    }
    for region in REGIONS:
        ec2, logs = (aws.client(service, region) for service in ("ec2", "logs"))
        rds, ecr, eks = (aws.client(service, region) for service in ("rds", "ecr", "eks"))
        found |= {
            f"{region} networks": networks(aws, region),
            f"{region} endpoints": [
                one["VpcEndpointId"]
                for one in ec2.describe_vpc_endpoints()["VpcEndpoints"]
                if one["State"] != "deleted"  # of which moto still tells
            ],
            f"{region} addresses": [one["AllocationId"] for one in ec2.describe_addresses()["Addresses"]],
            f"{region} templates": [
                one["LaunchTemplateId"] for one in ec2.describe_launch_templates()["LaunchTemplates"]
            ],
            f"{region} flow logs": [one["FlowLogId"] for one in ec2.describe_flow_logs()["FlowLogs"]],
            f"{region} logs": [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]],
            f"{region} clusters": eks.list_clusters()["clusters"],
            f"{region} databases": [one["DBInstanceIdentifier"] for one in rds.describe_db_instances()["DBInstances"]],
            f"{region} repositories": [one["repositoryName"] for one in ecr.describe_repositories()["repositories"]],
            f"{region} keys": [one["KeyId"] for one in keys(aws, region) if one["KeyManager"] == "CUSTOMER"],
            f"{region} templates of repositories": [
                one["prefix"] for one in ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
            ],
            f"{region} copies of backups": [
                one["DBInstanceIdentifier"]
                for one in rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
            ],
        }
    return {kind: sorted(one) for kind, one in found.items() if one}


def names(iam: Any) -> set[str]:
    return {one["RoleName"] for one in iam.list_roles()["Roles"]}


def end_logs(aws: Cloud) -> None:
    """Have S3 write no more access logs, and remove those that it wrote: a bucket that has them is not removed."""
    s3 = aws.client("s3", REGIONS[0])
    there = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    for bucket in there:
        if f"{bucket}-logs" in there:
            s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    for bucket in (one for one in there if one.endswith("-logs")):
        s3.delete_bucket_policy(Bucket=bucket)  # by which nobody removes
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in page.get("Versions", ()):
                s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


def meddle(aws: Cloud) -> dict[tuple[str, str], dict[str, list[str]]]:
    """Change by hand what an environment is made of, in each of its stacks, and return what of it is noticed."""
    ec2, of_it = aws.client("ec2", REGIONS[0]), {"Name": "vpc-id", "Values": networks(aws, REGIONS[0])}
    by_name = {"Name": "group-name", "Values": ["default"]}
    (group,) = ec2.describe_security_groups(Filters=[of_it, by_name])["SecurityGroups"]
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[OPEN])
    elsewhere = aws.client("ec2", REGIONS[1])
    (log,) = elsewhere.describe_flow_logs()["FlowLogs"]
    elsewhere.delete_flow_logs(FlowLogIds=[log["FlowLogId"]])
    eks = aws.client("eks", REGIONS[1])
    off = {"clusterLogging": [{"types": ["audit"], "enabled": False}]}
    eks.update_cluster_config(name="tradeplane-prod-cluster", logging=off)
    eks, of_it = aws.client("eks", REGIONS[0]), {"clusterName": "tradeplane-prod-cluster"}
    (identity,) = eks.list_pod_identity_associations(**of_it, namespace="monitoring")["associations"]
    eks.delete_pod_identity_association(**of_it, associationId=identity["associationId"])
    bucket = next(
        one["Name"]
        for one in aws.client("s3", REGIONS[1]).list_buckets()["Buckets"]
        if one["Name"].endswith("us-east-1")
    )
    aws.client("s3", REGIONS[1]).delete_public_access_block(Bucket=bucket)
    aws.client("kms", REGIONS[1]).delete_alias(AliasName="alias/tradeplane-prod-signing-key")
    ecr = aws.client("ecr", REGIONS[0])
    ecr.put_image_tag_mutability(repositoryName="tradeplane/operator", imageTagMutability="MUTABLE")
    rds = aws.client("rds", REGIONS[0])
    rds.modify_db_instance(DBInstanceIdentifier=DATABASE, PubliclyAccessible=True, ApplyImmediately=True)
    return {
        NETWORKS[0]: {"update": ["tradeplane-prod-network-default-group"]},
        NETWORKS[1]: {"delete": ["tradeplane-prod-network-flow-log"]},
        CLUSTERS[0]: {"delete": ["tradeplane-prod-cluster-monitoring-exporter"]},
        CLUSTERS[1]: {"update": ["tradeplane-prod-cluster-eks"]},
        PLATFORM: {
            "delete": [
                "tradeplane-prod-signing-key-us-east-1",
                "tradeplane-prod-snapshot-store-us-east-1-public-access",
            ],
            "update": [
                "tradeplane-prod-artifact-registry-eu-west-1-tradeplane-operator",
                "tradeplane-prod-metadata-database-instance",
            ],
        },
    }


def networks(aws: Cloud, region: str) -> list[str]:
    """Return the networks of a region that somebody made."""
    return [one["VpcId"] for one in aws.client("ec2", region).describe_vpcs()["Vpcs"] if not one["IsDefault"]]


def begin(aws: Cloud, tradeplane: Command) -> None:
    """Begin to bring the environment up: it is interrupted in its first stack, and killed in the first cluster's."""
    up = ("up", *IN_REGIONS, "--yes")
    with aws.holding("CreateFlowLogs") as reached, forked.started(*up) as process:
        assert reached.wait(REACHED_WITHIN_S)
        process.send(signal.SIGINT)
        aws.release("CreateFlowLogs")
        ended = process.ended()
    assert ended.returncode == 130, ended.stderr
    assert "run the same again" in ended.stderr
    assert [len(networks(aws, region)) for region in REGIONS] == [1, 0]
    one_at_a_time = {"PULUMI_PARALLEL": "1"}  # so that nothing else is begun and not recorded when it is killed
    with aws.holding("POST /clusters") as reached, forked.started(*up, **RECORDED_AT_ONCE, **one_at_a_time) as process:
        assert reached.wait(REACHED_WITHIN_S)
        process.send(signal.SIGKILL)
        assert process.ended().returncode == -signal.SIGKILL
    assert [len(networks(aws, region)) for region in REGIONS] == [1, 1]
    error = refused(tradeplane, *up, code=4)
    assert "stacks/cluster: stack prod.eu-west-1 is locked by" in error["message"]
    assert error["remedy"].endswith("tradeplane stack cancel prod.eu-west-1 -C stacks/cluster")
    left_over = done(tradeplane, *error["remedy"].rpartition("tradeplane stack ")[2].split(), "--yes")
    assert left_over["pending"] == ["creating tradeplane-prod-cluster-eks"]


def finish(aws: Cloud, tradeplane: Command) -> dict[tuple[str, str], dict[str, Any]]:
    """Bring the environment up, though somebody takes away the lock of its last stack meanwhile."""
    up = ("up", *IN_REGIONS, "--yes", "-o", "json")
    with aws.holding("CreateDBInstance") as reached, forked.started(*up) as process:
        assert reached.wait(REACHED_WITHIN_S)
        alone = ("prod", "-C", "stacks/platform", "--yes")
        assert "stack prod is locked by" in refused(tradeplane, "up", *alone, code=4)["message"]
        done(tradeplane, "cancel", *alone)
        aws.release("CreateDBInstance")
        ended = process.ended()
    assert ended.returncode == 0, ended.stderr
    return by_stack(json.loads(ended.stdout))


def test_life_of_an_environment_of_two_regions(project: Project, aws: Cloud, tradeplane: Command) -> None:
    for region in REGIONS:
        project.configure(f"prod.{region}", "cluster:cluster", deletion_protection=False)
    exporter = {
        "namespace": "monitoring",
        "service_account": "exporter",
        "role": f"arn:aws:iam::{ACCOUNT}:role/exporter",
    }
    project.configure("prod.eu-west-1", "cluster:cluster", pod_identities=[exporter])
    done(tradeplane, "init", *IN_REGIONS)
    project.hide(
        "prod", "platform:metadata_database.users.tradeplane", f"arn:aws:iam::{ACCOUNT}:role/tradeplane-recorder"
    )
    project.hide("prod.us-east-1", "network:network.cidr", "10.17.0.0/16")
    aws.asked.clear()
    wanted = by_stack(done(tradeplane, "preview", *IN_REGIONS))
    assert list(wanted) == [*NETWORKS, *CLUSTERS, PLATFORM]
    assert all(wanted[network]["changes"] for network in NETWORKS)
    for cluster, network in zip(CLUSTERS, NETWORKS, strict=True):
        assert wanted[cluster]["changes"] == []
        assert f"tradeplane stack up {network[1]} -C stacks/network" in wanted[cluster]["warnings"][0]
    assert changing(aws) == []

    begin(aws, tradeplane)
    made = finish(aws, tradeplane)
    assert [made[network]["unchanged"] for network in NETWORKS] == [
        len(operations(wanted[network])["create"]) for network in NETWORKS
    ]
    assert changed({"stacks": list(made.values())}).keys() == {*CLUSTERS, PLATFORM}
    assert {operation for one in made.values() for operation in operations(one)} == {"create"}
    for region in REGIONS:
        outputs = done(tradeplane, "outputs", f"prod.{region}", "-C", "stacks/network")["outputs"]["network"]
        placed = aws.client("eks", region).describe_cluster(name="tradeplane-prod-cluster")["cluster"][
            "resourcesVpcConfig"
        ]
        assert sorted(placed["subnetIds"]) == sorted(outputs["subnet_ids"].values())
    cluster = done(tradeplane, "outputs", "prod.eu-west-1", "-C", "stacks/cluster")["outputs"]["cluster"]
    platform = done(tradeplane, "outputs", "prod", "-C", "stacks/platform")["outputs"]
    of_database = [{"Name": "group-id", "Values": [platform["metadata_database"]["security_group_id"]]}]
    rules = aws.client("ec2", REGIONS[0]).describe_security_group_rules(Filters=of_database)["SecurityGroupRules"]
    assert [rule["ReferencedGroupInfo"]["GroupId"] for rule in rules] == [cluster["security_group_id"]]
    assert sorted(platform["snapshot_store"]["urls"]) == sorted(platform["signing_key"]["key_arns"]) == sorted(REGIONS)

    again = by_stack(done(tradeplane, "up", *IN_REGIONS, "--yes"))
    assert {stack: (one["changes"], one["unchanged"]) for stack, one in again.items()} == {
        stack: ([], one["unchanged"] + len(one["changes"])) for stack, one in made.items()
    }

    noticed = meddle(aws)
    assert changed(done(tradeplane, "drift", *IN_REGIONS, code=10)) == noticed
    project.configure("prod.eu-west-1", "cluster:cluster", reached_from=["10.200.0.0/24", "10.201.0.0/24"])
    repaired = changed(done(tradeplane, "up", *IN_REGIONS, "--yes"))
    for stack, kinds in noticed.items():
        more = ["tradeplane-prod-cluster-api-10.201.0.0/24"] if stack == CLUSTERS[0] else []
        put_back = sorted([*kinds.get("delete", []), *more])
        assert repaired[stack].get("create", []) == put_back
        assert repaired[stack].get("update", []) == kinds.get("update", [])
    assert changed(done(tradeplane, "drift", *IN_REGIONS)) == {}

    aws.asked.clear()
    error = refused(tradeplane, "destroy", *IN_REGIONS, "--yes", code=3)
    assert "stacks/network: stack prod.eu-west-1 holds what is protected" in error["message"]
    assert changing(aws) == []
    for program, name in [*NETWORKS, *CLUSTERS, PLATFORM]:
        folder = str(project.programs / program.removeprefix("tradeplane-"))
        project.run("state", "unprotect", "--all", "--yes", "--stack", name, "-C", folder)
    error = failed("destroy", *IN_REGIONS, "--yes", code=3)
    assert "AWS protects something of it from deletion" in error["message"]
    rds = aws.client("rds", REGIONS[0])
    assert [one["DBInstanceIdentifier"] for one in rds.describe_db_instances()["DBInstances"]] == [DATABASE]
    rds.modify_db_instance(DBInstanceIdentifier=DATABASE, DeletionProtection=False, ApplyImmediately=True)
    end_logs(aws)
    removed = done(tradeplane, "destroy", *IN_REGIONS, "--yes")
    assert list(by_stack(removed)) == [PLATFORM, *reversed(CLUSTERS), *reversed(NETWORKS)]
    assert left(aws) == {}


@pytest.mark.usefixtures("policies_plugin")
def test_a_stack_waits_for_those_that_it_reads(project: Project, aws: Cloud, tradeplane: Command) -> None:
    remedy = "bring it up first: tradeplane stack up prod.us-east-1 -C stacks/network"
    in_cluster, in_network = ("prod.us-east-1", "-C", "stacks/cluster"), ("prod.us-east-1", "-C", "stacks/network")
    done(tradeplane, "init", *in_cluster)
    error = failed("up", *in_cluster, "--yes", code=2)
    assert "there is no stack prod.us-east-1 of tradeplane-network" in error["message"]
    assert error["remedy"] == remedy
    done(tradeplane, "init", *in_network)
    aws.asked.clear()
    error = failed("up", *in_cluster, "--yes", code=2)
    assert "stack prod.us-east-1 of tradeplane-network" in error["message"]
    assert error["remedy"] == remedy
    assert changing(aws) == []
    with aws.failing("CreateFlowLogs", "UnauthorizedOperation"):
        error = failed("up", *in_network, "--yes", code=4)
    assert "UnauthorizedOperation" in error["message"]
    finished = operations(done(tradeplane, "up", *in_network, "--yes", *HELD_TO_POLICIES))
    assert set(finished) == {"create"}
    assert "tradeplane-prod-network-flow-log" in finished["create"]
    assert len(networks(aws, "us-east-1")) == 1
    assert done(tradeplane, "preview", *in_cluster, *HELD_TO_POLICIES)["changes"]


def test_a_store_that_holds_locked_versions_is_not_removed(project: Project, aws: Cloud, tradeplane: Command) -> None:
    project.keep("sandbox", "snapshot_store")
    sandbox = ("sandbox", "-C", "stacks/platform")
    done(tradeplane, "init", *sandbox)
    wanted = operations(done(tradeplane, "preview", *sandbox))
    assert operations(done(tradeplane, "up", *sandbox, "--yes")) == wanted
    assert done(tradeplane, "up", *sandbox, "--yes")["changes"] == []
    s3 = aws.client("s3", REGIONS[0])
    bucket = done(tradeplane, "outputs", *sandbox)["outputs"]["snapshot_store"]["bucket_names"][REGIONS[0]]
    s3.delete_bucket_policy(Bucket=bucket)  # moto asks no condition of a policy, and would let nobody write
    version = s3.put_object(Bucket=bucket, Key="trading/results/run/events.arrow", Body=b"events")["VersionId"]
    (key,) = (one["KeyId"] for one in keys(aws, REGIONS[0]) if one["KeyManager"] == "CUSTOMER")
    assert "holds what is protected" in refused(tradeplane, "destroy", *sandbox, "--yes", code=3)["message"]
    project.run("state", "unprotect", "--all", "--yes", "--stack", "sandbox")
    error = failed("destroy", *sandbox, "--yes", code=3)
    assert "a bucket holds versions" in error["message"]
    assert "pulumi state delete" in error["remedy"]
    assert [one["VersionId"] for one in s3.list_object_versions(Bucket=bucket)["Versions"]] == [version]
    assert (
        s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]["Days"]
        == 7
    )
    assert key in [one["KeyId"] for one in keys(aws, REGIONS[0])]  # or nobody could read what is locked
    done(tradeplane, "up", *sandbox, "--yes")
    assert done(tradeplane, "drift", *sandbox)["changes"] == []
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"]
    project.run("state", "unprotect", "--all", "--yes", "--stack", "sandbox")
    s3.delete_bucket_policy(Bucket=bucket)  # by which nobody removes
    one = {"Bucket": bucket, "Key": "trading/results/run/events.arrow", "VersionId": version}
    s3.delete_object(**one, BypassGovernanceRetention=True)
    end_logs(aws)
    done(tradeplane, "destroy", *sandbox, "--yes")
    assert left(aws) == {}


def test_what_is_wrong_anywhere_is_told_before_anything_is_begun(
    project: Project, aws: Cloud, tradeplane: Command
) -> None:
    aws.asked.clear()
    error = refused(tradeplane, "up", "prod", "--region", "eu-west-1", "--region", "eu-west-1", "--yes", code=2)
    assert "name each region once" in error["remedy"]
    error = refused(tradeplane, "up", *IN_REGIONS, "--region", "eu-west-2", "--yes", code=2)
    assert "Pulumi.prod.eu-west-2.yaml" in error["message"]
    error = refused(tradeplane, "up", *IN_REGIONS, "--region", "eu-west-9", "--yes", code=2)
    assert "'eu-west-9' is no region of AWS" in error["message"]
    project.configure("prod.us-east-1", "network:network", cidr="10.16.128.0/17")
    error = refused(tradeplane, "up", *IN_REGIONS, "--yes", code=2)
    assert "10.16.128.0/17 of us-east-1 overlaps 10.16.0.0/16 of eu-west-1" in error["message"]
    project.configure("prod.us-east-1", "network:network", cidr="10.17.0.0/16")
    project.configure("prod.us-east-1", "cluster:cluster", kubernetes_version="1.10")
    error = refused(tradeplane, "up", *IN_REGIONS, "--yes", code=2)
    assert [(one["file"], one["field"]) for one in error["problems"]] == [
        ("Pulumi.prod.us-east-1.yaml", "tradeplane-cluster:cluster.kubernetes_version")
    ]
    assert aws.asked == []


def test_a_region_without_the_processors_asked_for_is_told_before_anything_is_begun(
    project: Project, aws: Cloud, tradeplane: Command
) -> None:
    with project.settings("prod.eu-west-1", "cluster") as config:
        (arm,) = (one for one in config["tradeplane-cluster:cluster"]["node_groups"] if one["name"] == "arm")
        arm["instance_types"] = ["m8g.xlarge", "r9g.large"]
    aws.asked.clear()
    (problem,) = refused(tradeplane, "up", *IN_REGIONS, "--yes", code=2)["problems"]
    assert problem["file"] == "Pulumi.prod.eu-west-1.yaml"
    assert problem["field"].startswith("tradeplane-cluster:cluster")
    assert "region eu-west-1 offers no r9g.large; eu-west-1 offers c6g, " in problem["message"]
    assert aws.asked == []


def test_a_retention_below_its_policy_is_told_before_anything_is_begun(
    project: Project, aws: Cloud, tradeplane: Command
) -> None:
    project.configure("prod", "platform:snapshot_store", retention={"mode": "COMPLIANCE", "years": 5})
    aws.asked.clear()
    (problem,) = refused(tradeplane, "up", *IN_REGIONS, "--yes", code=2)["problems"]
    assert (problem["file"], problem["field"]) == ("Pulumi.prod.yaml", "tradeplane-platform:snapshot_store")
    assert "1825 days are fewer than the 2190" in problem["message"]
    assert aws.asked == []


def test_what_is_secret_is_looked_at_before_anything_is_begun(
    project: Project, aws: Cloud, tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.encrypt_by(None)
    done(tradeplane, "init", *IN_REGIONS)
    aws.asked.clear()
    project.hide("prod.us-east-1", "network:network.cidr", "10.16.128.0/17")
    error = refused(tradeplane, "up", *IN_REGIONS, "--yes", code=2)
    assert "of us-east-1 overlaps 10.16.0.0/16 of eu-west-1" in error["message"]
    project.hide("prod.us-east-1", "network:network.cidr", "10.17.0.0/16")
    user = "metadata_database.users.tradeplane"
    project.hide("prod", f"platform:{user}", "of nobody")
    for operation in (("preview",), ("up", "--yes"), ("init",)):
        error = refused(tradeplane, *operation, *IN_REGIONS, code=2)
        assert [(one["file"], one["field"]) for one in error["problems"]] == [
            ("Pulumi.prod.yaml", f"tradeplane-platform:{user}")
        ]
        assert "of nobody" not in str(error)
    error = refused(tradeplane, "estimate", "prod", code=2)
    assert "tradeplane-network:network.cidr can be read by Pulumi alone" in error["message"]
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
    error = refused(tradeplane, "up", *IN_REGIONS, "--yes", code=2)
    assert "stack prod.us-east-1: the passphrase is not the one its secrets are encrypted by" in error["message"]
    assert "stacks/network" in error["message"]
    assert aws.asked == []


def test_a_stack_that_is_not_there_yet_is_made_though_nobody_can_read_its_secrets(
    project: Project, tradeplane: Command
) -> None:
    done(tradeplane, "init", *IN_REGIONS)
    project.hide("prod", "platform:account", ACCOUNT)
    project.run("stack", "rm", "--yes", "--preserve-config", "prod")
    error = refused(tradeplane, "outputs", "prod", "-C", "stacks/platform", code=2)
    assert error["message"] == "there is no stack prod"
    done(tradeplane, "init", *IN_REGIONS)
    assert done(tradeplane, "outputs", "prod", "-C", "stacks/platform")["outputs"] == {}
