"""``CLUSTER=current``: the demo on a cluster, a registry and an S3 store of one's own; also when that store is away.

The cluster is the one the other tests of this directory start their demo on; what is installed here is taken away again
first. The store is a server on the machine, outside of the cluster, which pods reach through their network policies.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.e2e.demo.cluster import (
    EXAMPLES,
    NAMESPACE,
    SYSTEM,
    DemoCluster,
    condition,
    digest_of,
    eventually,
    example,
    latest,
    tradeplane,
)
from tests.integration.store.s3_server import S3Server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

_STORE_PORT = 443
"""The port that the network policies of operator and runs leave open."""
NO_IMAGE = f"registry.example/an-example@sha256:{64 * '0'}"
"""What the demo puts those in place of that it built."""
_SECRET = "tradeplane-store"  # noqa: S105 - a name
_AWAY_LIMIT_S = 300
"""Two attempts at a run, each of which asks the store again for up to a minute, and the Job's pause between them."""


@pytest.fixture(scope="module")
def server(demo: DemoCluster) -> Iterator[S3Server]:
    """Start the cluster, and an S3 server that its pods reach."""
    demo.embedded.up()
    started = S3Server(str(demo.embedded.settings.machine_address), _STORE_PORT)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def current(demo: DemoCluster, server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> DemoCluster:
    """Give what a user has: a kubeconfig, a registry, a store, and a file with a stack's settings."""
    settings = _write_settings(tmp_path_factory.mktemp("stack") / "Pulumi.mine.yaml", server)
    given = {
        **demo.environment,
        **server.environment,
        "CLUSTER": "current",
        "KUBECONFIG": str(demo.embedded.kubeconfig),
        "PATH": f"{demo.embedded.kubectl.parent}:{os.environ['PATH']}",
        "REGISTRY": demo.embedded.registry,
        "PLAIN_HTTP": "1",
        "STACK": str(settings),
    }
    for namespace in (NAMESPACE, SYSTEM):
        demo.kubectl("create", "namespace", namespace)
        demo.kubectl("apply", "-f", "-", content=json.dumps(_secret(namespace, server)))
    return replace(demo, environment=given)


@pytest.fixture(scope="module")
def up(current: DemoCluster) -> subprocess.CompletedProcess[str]:
    """Do the demo there."""
    return current.demo("up")


def _write_settings(file: Path, server: S3Server) -> Path:
    """Write settings of a stack with a store of one's own, as docs/stacks/platform.md has them."""
    platform = {
        "images": {"operator": NO_IMAGE, "workloads": NO_IMAGE},
        "store": {
            "kind": "s3",
            "url": f"s3://{server.bucket}/tenants",
            "region": server.environment["AWS_REGION"],
            "credentials": "secret",
        },
        # With a quota, kinds that are new could be made of only once they are counted, which takes five minutes.
        "namespaces": [{"name": NAMESPACE, "brokers": True, "quota": "none"}],
        "policies": [],
    }
    file.write_text(yaml.safe_dump({"config": {"tradeplane-local:platform": platform}}), encoding="utf-8")
    return file


def _secret(namespace: str, server: S3Server) -> dict[str, Any]:
    metadata = {"name": _SECRET, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": server.environment}


def test_the_demo_ends_with_the_result_a_laptop_has(
    current: DemoCluster, up: subprocess.CompletedProcess[str], server: S3Server, tmp_path: Path
) -> None:
    assert up.returncode == 0, up.stderr
    there = latest(current.until_ready("macd-momentum"))
    assert f"--store s3://{server.bucket}/tenants/{NAMESPACE}" in up.stdout
    local = tmp_path.as_uri()
    tradeplane("snapshot", "import", "arch:sp500", "--name", "sp500", "--store", local)
    files = ("-f", str(EXAMPLES / "snapshot-sp500.yaml"), "-f", str(EXAMPLES / "macd-momentum.yaml"))
    assert digest_of(tradeplane("run", *files, "--store", local)) == there["resultDigest"]


def test_a_store_that_cannot_be_reached_is_tried_again_and_then_told(
    current: DemoCluster, up: subprocess.CompletedProcess[str], server: S3Server
) -> None:
    assert up.returncode == 0, up.stderr
    asked = example("away", 0)
    asked["spec"]["backoffLimit"] = 1
    server.stop()
    try:
        current.apply(asked)

        def told() -> tuple[bool, object]:
            stalled = condition(current.strategy("away"), "Stalled")
            return stalled.get("status") == "True", current.strategy("away").get("status")

        eventually("a run without its store to fail", told, _AWAY_LIMIT_S)
        stalled = condition(current.strategy("away"), "Stalled")
        assert stalled["reason"] == "StoreFailed"
        assert "check the endpoint, the network and the bucket" in stalled["message"]
        assert len(current.attempts(latest(current.strategy("away"))["name"])) == 2
    finally:
        server.start()
    current.apply(asked | {"spec": asked["spec"] | {"rerun": 1}})
    again = latest(current.until_ready("away"))
    assert again["resultDigest"] == latest(current.strategy("macd-momentum"))["resultDigest"]


def test_down_takes_away_what_up_made_and_nothing_else(
    current: DemoCluster, up: subprocess.CompletedProcess[str]
) -> None:
    assert up.returncode == 0, up.stderr
    down = current.demo("down")
    assert down.returncode == 0, down.stderr
    assert current.named("namespace", SYSTEM, NAMESPACE) == set()
    everywhere = {name.rpartition("/")[2] for name in current.named("crd,clusterrole,clusterrolebinding")}
    assert {name for name in everywhere if name.startswith("tradeplane-") or name.endswith(".tradeplane.dev")} == set()
    assert not current.generated.exists()
    assert current.named("namespace", "kube-system") == {"namespace/kube-system"}
