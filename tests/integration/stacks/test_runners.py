"""Runners of CI on Pulumi's real engine: AWS by the stand-in, and GitHub's own charts in a real API server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.evidence.conftest import listing_referrers
from tests.integration.stacks.runner_charts import RUNNER_SETS, chart_version, controller, push_charts
from tests.integration.stacks.test_engine import done, failed, operations
from tests.integration.stacks.test_environment import ROLES, left
from tests.integration.stacks.two_clusters import clusters, regional_clusters
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.policies.server import Server
    from tests.integration.stacks.cloud import Cloud
    from tests.integration.stacks.conftest import Project
    from tests.integration.stacks.test_engine import Command
    from tests.integration.stacks.two_clusters import TwoClusters

__all__ = ["clusters", "regional_clusters"]

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

REGION = "eu-west-1"
STACK = f"prod.{REGION}"
NETWORK, CLUSTER = (STACK, "-C", "stacks/network"), (STACK, "-C", "stacks/cluster")
RUNNERS, SYSTEM = "tradeplane-prod-runners", "tradeplane-prod-runners-system"
CONTROLLER_IMAGE = f"ghcr.io/actions/gha-runner-scale-set-controller:0.6.1@sha256:{'1' * 64}"
RUNNER_IMAGE = f"ghcr.io/actions/actions-runner:2.330.0@sha256:{'2' * 64}"


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a registry that has the charts, as the configuration names it."""
    host = f"127.0.0.1:{free_port()}"
    with listing_referrers(host, tmp_path_factory.mktemp("registry") / "log", "--store-type", "mem") as found:
        asyncio.run(push_charts(found, "charts"))
        yield f"oci://{found}/charts"


@pytest.fixture
def server(clusters: TwoClusters) -> Server:
    """Give requests to the cluster that the runners are on."""
    return clusters.servers[REGION]


@pytest.fixture
def project(
    project: Project, aws: Cloud, clusters: TwoClusters, charts: str, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """Give the project with runners in the cluster of one region, whose network is there."""
    del clusters  # EKS names them
    monkeypatch.chdir(project.programs.parent)
    for name in ROLES:
        aws.client("iam", REGION).create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    with project.settings(STACK, "cluster") as config:
        config["tradeplane-cluster:cluster"]["deletion_protection"] = False
        config["tradeplane-cluster:runners"] = {
            "runners": {
                "kind": "github",
                "url": "https://github.com/acme",
                "credentials_secret": "runners-github",
                "charts": charts,
                "chart_version": chart_version(),
                "controller_image": CONTROLLER_IMAGE,
                "runner_image": RUNNER_IMAGE,
                "max_runners": 4,
            }
        }
    return project


def change(project: Project, **fields: Any) -> None:
    """Change fields of the runners."""
    with project.settings(STACK, "cluster") as config:
        config["tradeplane-cluster:runners"]["runners"] |= fields


def runner_set(server: Server) -> dict[str, Any]:
    """Return what GitHub's controller would go by."""
    found = server.ask("GET", f"{RUNNER_SETS}/namespaces/{RUNNERS}/autoscalingrunnersets/{RUNNERS}")
    assert found.allowed, found.words
    spec: dict[str, Any] = found.body["spec"]
    return spec


def namespaces(server: Server) -> set[str]:
    listed = server.ask("GET", "/api/v1/namespaces").body["items"]
    return {one["metadata"]["name"] for one in listed} & {RUNNERS, SYSTEM}


def test_life_of_runners(project: Project, aws: Cloud, server: Server, tradeplane: Command) -> None:
    for stack in (NETWORK, CLUSTER):
        done(tradeplane, "init", *stack)
    done(tradeplane, "up", *NETWORK, "--yes")
    wanted = operations(done(tradeplane, "preview", *CLUSTER))
    assert {f"{RUNNERS}-release", f"{RUNNERS}-controller-release"} <= set(wanted["create"])
    assert namespaces(server) == set()
    with controller(server, SYSTEM, RUNNERS):
        made = operations(done(tradeplane, "up", *CLUSTER, "--yes"))
        assert {kind: sorted(names) for kind, names in made.items()} == {"create": sorted(wanted["create"])}
        watches_runners_alone(server)
        runs_what_is_asked_and_no_more(server)
        again = done(tradeplane, "up", *CLUSTER, "--yes")
        assert (again["changes"], again["unchanged"]) == ([], len(made["create"]))

        change(project, max_runners=6)
        changed = operations(done(tradeplane, "up", *CLUSTER, "--yes"))
        assert changed == {"update": [f"{RUNNERS}-quota", f"{RUNNERS}-release"]}
        assert runner_set(server)["maxRunners"] == 6

        shut_off = f"/apis/networking.k8s.io/v1/namespaces/{RUNNERS}/networkpolicies/shut-off"
        quota = f"/api/v1/namespaces/{RUNNERS}/resourcequotas/runners"
        server.ask("DELETE", shut_off)
        server.ask("PATCH", quota, {"spec": {"hard": {"pods": "200"}}})
        noticed = {"delete": [f"{RUNNERS}-shut-off"], "update": [f"{RUNNERS}-quota"]}
        assert operations(done(tradeplane, "drift", *CLUSTER, code=10)) == noticed
        repaired = operations(done(tradeplane, "up", *CLUSTER, "--yes"))
        assert repaired == {"create": noticed["delete"], "update": noticed["update"]}
        assert server.ask("GET", quota).body["spec"]["hard"] == {"pods": "6"}
        assert server.ask("GET", shut_off).body["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert done(tradeplane, "drift", *CLUSTER)["changes"] == []

        for program in ("cluster", "network"):
            folder = str(project.programs / program)
            project.run("state", "unprotect", "--all", "--yes", "--stack", STACK, "-C", folder)
        done(tradeplane, "destroy", *CLUSTER, "--yes")
    assert namespaces(server) == set()
    done(tradeplane, "destroy", *NETWORK, "--yes")
    assert left(aws) == {}


def watches_runners_alone(server: Server) -> None:
    """Look at GitHub's controller, which runs where Pod Security is `restricted`."""
    found = server.ask("GET", f"/apis/apps/v1/namespaces/{SYSTEM}/deployments").body["items"]
    (container,) = (one for deployment in found for one in deployment["spec"]["template"]["spec"]["containers"])
    assert container["image"] == CONTROLLER_IMAGE
    assert f"--watch-single-namespace={RUNNERS}" in container["args"]
    bound = server.ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings").body["items"]
    subjects = [one["namespace"] for binding in bound for one in binding.get("subjects", []) if "namespace" in one]
    assert SYSTEM not in subjects


def runs_what_is_asked_and_no_more(server: Server) -> None:
    """Look at what runners would be: none idle, of our image, on their own nodes; and such a pod is let in."""
    asked = runner_set(server)
    assert (asked["minRunners"], asked["maxRunners"]) == (0, 4)
    assert (asked["githubConfigUrl"], asked["githubConfigSecret"]) == ("https://github.com/acme", "runners-github")
    pod = asked["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == RUNNER_IMAGE
    assert pod["nodeSelector"]["kubernetes.io/arch"] == "arm64"
    assert pod["automountServiceAccountToken"] is False
    place = f"/api/v1/namespaces/{RUNNERS}/pods?dryRun=All"
    runner = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "runner"}, "spec": pod}
    found = server.ask("POST", place, runner)
    assert found.allowed, found.words
    as_root = {**container, "securityContext": {**container["securityContext"], "runAsNonRoot": False}}
    refused = server.ask("POST", place, {**runner, "spec": {**pod, "containers": [as_root]}})
    assert refused.code == 403
    assert "violates PodSecurity" in refused.words


def test_a_chart_that_is_not_there_is_told_and_made_when_it_is(
    project: Project, aws: Cloud, server: Server, tradeplane: Command
) -> None:
    for stack in (NETWORK, CLUSTER):
        done(tradeplane, "init", *stack)
    done(tradeplane, "up", *NETWORK, "--yes")
    change(project, chart_version="0.0.9")
    error = failed("up", *CLUSTER, "--yes", code=4)
    assert "0.0.9" in error["message"]
    change(project, chart_version=chart_version())
    with controller(server, SYSTEM, RUNNERS):
        done(tradeplane, "up", *CLUSTER, "--yes")
        assert runner_set(server)["maxRunners"] == 4
        for program in ("cluster", "network"):
            folder = str(project.programs / program)
            project.run("state", "unprotect", "--all", "--yes", "--stack", STACK, "-C", folder)
        done(tradeplane, "destroy", *CLUSTER, "--yes")
    assert namespaces(server) == set()
