"""tradeplane on the cluster of each of two regions, by the programs of a cloud, on Pulumi's real engine.

Of AWS there is a stand-in, and the clusters are API servers of the test (``two_clusters``), so that objects are real.
"""

from __future__ import annotations

import base64
import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.active_region import ActiveRegion

from tests.integration.stacks.cloud import ACCOUNT
from tests.integration.stacks.pods import running_pods
from tests.integration.stacks.test_engine import done, failed, operations, refused
from tests.integration.stacks.test_environment import (
    CLUSTERS,
    DATABASE,
    IN_REGIONS,
    NETWORKS,
    PLATFORM,
    REGIONS,
    by_stack,
    changed,
    end_logs,
    project,
)
from tests.integration.stacks.test_environment import left as left_in_account
from tests.integration.stacks.test_failover_stack import PROTECTED
from tests.integration.stacks.test_platform import BINDINGS, DENY, DEPLOYMENT, left, settings
from tests.integration.stacks.two_clusters import CLUSTER, TwoClusters, clusters, regional_clusters
from tests.unit.stacks.components.platforms import certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stacks.cloud import Cloud
    from tests.integration.stacks.conftest import Project
    from tests.integration.stacks.test_engine import Command

__all__ = ["clusters", "project", "regional_clusters"]

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

SYSTEM = "tradeplane-system"
NAME = "tradeplane-prod-platform"
LOGIN = f"/api/v1/namespaces/{SYSTEM}/secrets/tradeplane-ledger"
TABLE, RECORDED_IN = "tradeplane-prod-failover", ("eu-west-1", "eu-central-1")
ALONE = ("prod", "-C", "stacks/platform")
ROLE = f"arn:aws:iam::{ACCOUNT}:role"


@pytest.fixture
def whole(project: Project) -> Project:
    """Give the project as it is shipped but for the database: a platform in two regions that are one service."""
    project.keep("prod", "signing_key", "snapshot_store", "artifact_registry", "failover", "platform")
    project.without_runners()
    for region in REGIONS:
        project.configure(f"prod.{region}", "cluster:cluster", deletion_protection=False)
    return project


@contextlib.contextmanager
def running(clusters: TwoClusters) -> Iterator[None]:
    """Say of the operators' pods that they run, on both clusters."""
    with contextlib.ExitStack() as stack:
        for server in clusters.servers.values():
            stack.enter_context(running_pods(server, SYSTEM))
        yield


def test_life_of_a_platform_in_two_regions(
    whole: Project, aws: Cloud, clusters: TwoClusters, tradeplane: Command
) -> None:
    recorded = certificate()
    whole.configure("prod", "platform:platform", ledger={"ca": recorded})
    users = {"tradeplane": f"{ROLE}/tradeplane-recorder"}
    whole.configure("prod", "platform:metadata_database", region=REGIONS[0], identifier=DATABASE, users=users)
    done(tradeplane, "init", *IN_REGIONS)
    waiting = by_stack(done(tradeplane, "preview", *IN_REGIONS))[PLATFORM]
    assert "tradeplane stack up prod.eu-west-1 -C stacks/network" in waiting["warnings"][0]

    # What the operator needs is not all there: so it is nowhere.
    with aws.failing("CreateAlias", "AccessDeniedException"):
        error = failed("up", *IN_REGIONS, "--yes", code=4)
    assert "AccessDeniedException" in error["message"]
    assert [left(server) for server in clusters.servers.values()] == [[], []]

    # Of one region there are no credentials: the next `up` makes what is missing.
    with running(clusters):
        with clusters.without_token(REGIONS[1]):
            error = failed("up", *ALONE, "--yes", code=4)
        assert "no credentials for a cluster" in error["message"]
        assert "aws eks get-token" in error["remedy"]
        assert left(clusters.servers[REGIONS[1]]) == []
        done(tradeplane, "up", *IN_REGIONS, "--yes")

        for region, server in clusters.servers.items():
            assert server.ask("GET", DEPLOYMENT).body["status"]["availableReplicas"] == 2
            told = settings(server)
            assert told["stores"]["default"]["url"] == f"s3://tradeplane-prod-{ACCOUNT}-{region}"
            assert told["stores"]["default"]["environment"]["AWS_REGION"] == region
            assert (told["region"]["name"], told["region"]["table"]) == (region, TABLE)
            assert told["evidence"]["signer"] == "awskms:///alias/tradeplane-prod-signing-key"
            assert told["evidence"]["registry"] == f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/tradeplane/runs"
            assert told["images"]["default"].startswith(
                f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/tradeplane/workloads@"
            )
            recorder = {(SYSTEM, "tradeplane-recorder"): f"{ROLE}/tradeplane-recorder"} if region == REGIONS[0] else {}
            assert identities(aws, region) == recorder | {
                (SYSTEM, "tradeplane-operator"): f"{ROLE}/tradeplane-operator",
                ("desk", "tradeplane-runner"): f"{ROLE}/tradeplane-runner",
                ("research", "tradeplane-runner"): f"{ROLE}/tradeplane-runner",
            }
        # The database is in the first, and the recorder with it, who is told what RDS called it.
        address = aws.client("rds", REGIONS[0]).describe_db_instances()["DBInstances"][0]["Endpoint"]["Address"]
        login, none = (server.ask("GET", LOGIN).body for server in clusters.servers.values())
        assert none["reason"] == "NotFound"
        files = {name: base64.b64decode(text).decode() for name, text in login["data"].items()}
        assert files["ca.crt"] == recorded
        assert files["url"].startswith(f"postgresql://tradeplane@{address}:5432/audit?sslmode=verify-full&")
        assert files["url"].endswith(f"&aws_iam_region={REGIONS[0]}")
        outputs = done(tradeplane, "outputs", *ALONE)["outputs"]["platform"]
        assert outputs["namespaces"] == {region: ["desk", "research"] for region in REGIONS}
        # The record of which region works is where both operators are told, and no later `up` writes it.
        assert active_region(aws) == dict.fromkeys(told["region"]["tableRegions"], REGIONS[0])
        assert changed(done(tradeplane, "up", *IN_REGIONS, "--yes")) in ({}, {PLATFORM: PROTECTED})

        # Somebody opens the network of one region's operator, and unbinds a policy there.
        there = clusters.servers[REGIONS[1]]
        assert there.ask("PATCH", DENY, {"spec": {"policyTypes": ["Ingress"]}}).allowed
        assert there.ask("DELETE", f"{BINDINGS}/tradeplane-restricted-pods").allowed
        of_region = f"{NAME}-{REGIONS[1]}"
        drifted = changed(done(tradeplane, "drift", *IN_REGIONS, code=10))
        assert drifted == {
            PLATFORM: {
                "update": [f"{of_region}-networkpolicy-{SYSTEM}-default-deny"],
                "delete": [f"{of_region}-validatingadmissionpolicybinding-tradeplane-restricted-pods"],
            }
        }
        repaired = operations(done(tradeplane, "up", *ALONE, "--yes"))
        assert repaired == {"update": drifted[PLATFORM]["update"], "create": drifted[PLATFORM]["delete"]}
        assert there.ask("GET", DENY).body["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert there.ask("GET", f"{BINDINGS}/tradeplane-restricted-pods").allowed

        error = refused(tradeplane, "destroy", *ALONE, "--yes", code=3)
        for region in REGIONS:
            assert f"{NAME}-{region}-namespace-desk" in error["message"]
        for program, name in [*NETWORKS, *CLUSTERS, PLATFORM]:
            folder = str(whole.programs / program.removeprefix("tradeplane-"))
            whole.run("state", "unprotect", "--all", "--yes", "--stack", name, "-C", folder)
        rds = aws.client("rds", REGIONS[0])
        rds.modify_db_instance(DBInstanceIdentifier=DATABASE, DeletionProtection=False, ApplyImmediately=True)
        for region in active_region(aws):
            aws.client("dynamodb", region).update_table(TableName=TABLE, DeletionProtectionEnabled=False)
        end_logs(aws)
        done(tradeplane, "destroy", *IN_REGIONS, "--yes")
    assert [left(server) for server in clusters.servers.values()] == [[], []]
    assert left_in_account(aws) == {}
    assert active_region(aws) == {}


def active_region(aws: Cloud) -> dict[str, str]:
    """Return which region works, by the regions that have a record of it."""
    found = {}
    for region in RECORDED_IN:
        dynamo = aws.client("dynamodb", region)
        if TABLE in dynamo.list_tables()["TableNames"]:
            (item,) = dynamo.scan(TableName=TABLE)["Items"]
            found[region] = ActiveRegion.from_item(item).region
    return found


def identities(aws: Cloud, region: str) -> dict[tuple[str, str], str]:
    """Return the roles of accounts on a region's cluster, but for those of add-ons."""
    eks, cluster = aws.client("eks", region), {"clusterName": CLUSTER}
    found = [
        eks.describe_pod_identity_association(**cluster, associationId=one["associationId"])["association"]
        for one in eks.list_pod_identity_associations(**cluster)["associations"]
        if "ownerArn" not in one
    ]
    return {(one["namespace"], one["serviceAccount"]): one["roleArn"] for one in found}


def test_a_platform_waits_for_the_clusters_that_it_is_put_on(whole: Project, aws: Cloud, tradeplane: Command) -> None:
    done(tradeplane, "init", *ALONE)
    aws.asked.clear()
    error = failed("up", *ALONE, "--yes", code=2)
    # Which of the two the engine misses first is the engine's.
    assert re.search(r"there is no stack prod\.(eu-west|us-east)-1 of tradeplane-cluster", error["message"])
    assert re.match(r"bring it up first: tradeplane stack up prod\.\S+ -C stacks/cluster$", error["remedy"])
    assert aws.asked == []


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        (
            {"images": {"operator": "tradeplane/operator:1", "workloads": f"tradeplane/workloads@sha256:{'0' * 64}"}},
            ".images.operator",
            "should match pattern",
        ),
        ({"regions": ["eu-west-1", "eu-central-1"]}, "", "signing_key.replica_regions: eu-central-1 missing"),
        (
            {"namespaces": [{"name": "desk", "runner_role": f"{ROLE}/desk"}]},
            "",
            "runner_role: is that of snapshot_store",
        ),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_begun(
    whole: Project, aws: Cloud, tradeplane: Command, changes: dict[str, Any], field: str, said: str
) -> None:
    whole.configure("prod", "platform:platform", **changes)
    aws.asked.clear()
    error = refused(tradeplane, "up", *IN_REGIONS, "--yes", code=2)
    (problem,) = error["problems"]
    assert (problem["file"], problem["field"]) == ("Pulumi.prod.yaml", f"tradeplane-platform:platform{field}")
    assert said in problem["message"]
    assert aws.asked == []
