"""The same result, bit for bit: on an amd64 node, on an arm64 node, on a laptop, and as it was recorded.

``golden/digests.json`` holds the result digest of each built-in algorithm on daily bars of 1999-2018. A change of it is
a change of results, to be explained in the commit that makes it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_api.run import RunSpecification
from tradeplane_api.simulation import Simulation
from tradeplane_api.strategy import Strategy
from tradeplane_stacks.demo.scenario import EXAMPLES, tradeplane
from tradeplane_workloads.strategies.registry import ON_BARS

from tests.e2e.platform import Object, runs, strategy, until

if TYPE_CHECKING:
    from tests.e2e.platform import Tenant

GOLDEN: dict[str, str] = json.loads((Path(__file__).parent / "golden/digests.json").read_text())
_SHORT = {"risk": {"allowShort": True}, "costs": {"slippageBasisPoints": "2", "borrowRate": "0.005"}}
_EMULATED_LIMIT_S = 360.0

# Runs every specification it is given in one process: a pod for each would spend its time starting under emulation.
_RUN_ALL = """
import json, os, sys
from tradeplane_workloads.runner.__main__ import main
for specification in json.loads(os.environ["SPECIFICATIONS"]):
    os.environ["TRADEPLANE_RUN"] = json.dumps(specification)
    code = main()
    if code:
        sys.exit(code)
"""


def question(algorithm: str) -> Object:
    """Ask for an algorithm: the demo's own Strategy for MACD, the others with costs and short selling."""
    if algorithm == "macd-momentum":
        example: Object = yaml.safe_load((EXAMPLES / "macd-momentum.yaml").read_text(encoding="utf-8"))
        return example
    return strategy(algorithm, "indices" if algorithm == "pairs" else "sp500", algorithm, **_SHORT)


@pytest.fixture(scope="module")
def snapshots(tenant: Tenant) -> dict[str, Object]:
    """Give the Snapshots that the questions name, both in the namespace's store."""
    return {
        "sp500": tenant.get("snapshot", "sp500"),
        "indices": tenant.import_bars("arch:sp500", "arch:nasdaq", name="indices"),
    }


@pytest.fixture(scope="module")
def on_cluster(tenant: Tenant) -> dict[str, Object]:
    """Run MACD momentum on a node of each architecture."""
    asked = question("macd-momentum")
    for architecture in ("arm64", "amd64"):
        spec = {**asked["spec"], "architecture": architecture}
        tenant.apply({**asked, "metadata": {"name": f"macd-{architecture}"}, "spec": spec})
    return {one: tenant.await_run(f"macd-{one}", limit_s=_EMULATED_LIMIT_S) for one in ("amd64", "arm64")}


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_a_strategy_gives_the_recorded_result_on_each_node(
    tenant: Tenant, on_cluster: dict[str, Object], architecture: str
) -> None:
    (run,) = runs(on_cluster[architecture])
    assert run["resultDigest"] == GOLDEN["macd-momentum"]
    manifest = json.loads((tenant.directory / "results" / run["name"] / "manifest.json").read_text())
    assert manifest["environment"]["architecture"] == {"amd64": "x86_64", "arm64": "aarch64"}[architecture]


def test_both_nodes_were_asked_the_same(on_cluster: dict[str, Object]) -> None:
    runs_made = [runs(found)[0] for found in on_cluster.values()]
    assert len({run["runDigest"] for run in runs_made}) == 1
    assert len({run["name"] for run in runs_made}) == 2


@pytest.mark.parametrize("algorithm", sorted(ON_BARS))
def test_a_laptop_gives_the_recorded_result(
    tenant: Tenant, snapshots: dict[str, Object], tmp_path: Path, algorithm: str
) -> None:
    asked = question(algorithm)
    path = tmp_path / "strategy.yaml"
    path.write_text(yaml.safe_dump(asked), encoding="utf-8")
    digest = snapshots[asked["spec"]["snapshotRef"]["name"]]["spec"]["digest"]
    shown = json.loads(
        tradeplane(
            "run",
            "-f",
            str(path),
            "--snapshot",
            digest,
            "--store",
            tenant.store,
            "--run",
            f"laptop-{algorithm}",
            "-o",
            "json",
        )
    )
    assert shown["resultDigest"] == GOLDEN[algorithm]


def test_every_built_in_algorithm_gives_the_recorded_result_on_arm64(
    tenant: Tenant, snapshots: dict[str, Object]
) -> None:
    specifications = {name: _specification(name, snapshots) for name in sorted(ON_BARS)}
    tenant.apply(_pod_of_all(tenant, list(specifications.values())))
    ended = until(
        "the end of pod every-algorithm, on the emulated node",
        lambda: tenant.get("pod", "every-algorithm"),
        lambda pod: pod["status"].get("phase") in ("Succeeded", "Failed"),
        _EMULATED_LIMIT_S,
    )
    assert ended["status"]["phase"] == "Succeeded", tenant.kubectl("logs", "every-algorithm")
    found = {
        name: json.loads((tenant.directory / f"results/arm64-{name}/manifest.json").read_text()) for name in ON_BARS
    }
    assert {manifest["environment"]["architecture"] for manifest in found.values()} == {"aarch64"}
    assert {name: manifest["resultDigest"] for name, manifest in found.items()} == GOLDEN


def _specification(algorithm: str, snapshots: dict[str, Object]) -> Object:
    asked = Strategy.model_validate(question(algorithm))
    assert asked.spec.snapshot_ref is not None
    digest = snapshots[asked.spec.snapshot_ref.name]["spec"]["digest"]
    simulation = {name: getattr(asked.spec, name) for name in Simulation.model_fields}
    specification = RunSpecification(run=f"arm64-{algorithm}", snapshots=(digest,), simulation=simulation)
    written: Object = specification.model_dump(mode="json", by_alias=True, exclude_none=True)
    return written


def _pod_of_all(tenant: Tenant, specifications: list[Object]) -> Object:
    """Write a pod as the operator writes a run's, but for one process that runs them all."""
    own: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "every-algorithm"},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": "tradeplane-runner",
            "nodeSelector": {"kubernetes.io/arch": "arm64"},
            "tolerations": [{"key": "kubernetes.io/arch", "operator": "Equal", "value": "arm64"}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "runner",
                    "image": tenant.platform.images().workloads,
                    "command": ["/usr/bin/python3", "-c", _RUN_ALL],
                    "env": [
                        {"name": "SPECIFICATIONS", "value": json.dumps(specifications)},
                        {"name": "TRADEPLANE_STORE_URL", "value": "file:///store"},
                    ],
                    "securityContext": own,
                    "volumeMounts": [{"name": "store", "mountPath": "/store"}, {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a volume of its own
                }
            ],
            "volumes": [
                {"name": "store", "persistentVolumeClaim": {"claimName": "tradeplane-store"}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
    }
