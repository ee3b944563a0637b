"""Strategies on tapes: the same result on an amd64 node, on an arm64 node, on a laptop, and as it was recorded.

``golden/tapes.json`` holds the result digests of the examples. A change of it is a change of results, to be explained
in the commit that makes it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_stacks.demo.scenario import EXAMPLES, tradeplane

from tests.e2e.platform import Object, runs

if TYPE_CHECKING:
    from tests.e2e.platform import Tenant

GOLDEN: dict[str, str] = json.loads((Path(__file__).parent / "golden/tapes.json").read_text())
FLOWS = {"synthetic-book": "order-book", "synthetic-pair": "pair"}
_EMULATED_LIMIT_S = 360.0


def example(name: str) -> Object:
    """Read an example: the last document of its file."""
    documents: list[Object] = list(yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))
    return documents[-1]


@pytest.fixture(scope="module")
def snapshots(tenant: Tenant) -> None:
    """Make the flows that the examples run on, in the namespace's store, and apply their Snapshots."""
    for name, flow in FLOWS.items():
        arguments = ["snapshot", "import", "--format", "synthetic", flow, "--name", name, "-o", "json"]
        made = json.loads(tradeplane(*arguments, "--store", tenant.store))
        assert made["spec"]["digest"] == example(f"snapshot-{name}")["spec"]["digest"]
        tenant.apply(example(f"snapshot-{name}"))


@pytest.fixture(scope="module")
def on_cluster(tenant: Tenant, snapshots: None) -> dict[tuple[str, str], Object]:
    """Run every example on an amd64 node, and the market maker on an arm64 node as well."""
    asked = [*((name, "amd64") for name in GOLDEN), ("market-maker", "arm64")]
    for name, architecture in asked:
        one = example(name)
        spec = {**one["spec"], "architecture": architecture}
        tenant.apply({**one, "metadata": {"name": f"{name}-{architecture}"}, "spec": spec})
    return {one: tenant.await_run("-".join(one), limit_s=_EMULATED_LIMIT_S) for one in asked}


def test_the_cluster_gives_the_recorded_results_on_each_architecture(
    tenant: Tenant, on_cluster: dict[tuple[str, str], Object]
) -> None:
    machines = {"amd64": "x86_64", "arm64": "aarch64"}
    for (name, architecture), found in on_cluster.items():
        (run,) = runs(found)
        assert run["resultDigest"] == GOLDEN[name], (name, architecture)
        manifest = json.loads((tenant.directory / "results" / run["name"] / "manifest.json").read_text())
        assert manifest["environment"]["architecture"] == machines[architecture]
        assert [part["name"] for part in manifest["parts"]] == ["equity", "trades", "positions", "events"]


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_a_laptop_gives_the_recorded_results(tenant: Tenant, snapshots: None, name: str) -> None:
    snapshot = example(f"snapshot-{example(name)['spec']['snapshotRef']['name']}")["spec"]["digest"]
    given = [str(EXAMPLES / f"{name}.yaml"), "--snapshot", snapshot, "--run", f"laptop-{name}"]
    shown = json.loads(tradeplane("run", *given, "--store", tenant.store, "-o", "json"))
    assert shown["resultDigest"] == GOLDEN[name]
    assert shown["summary"]["trades"] > 10


def test_a_strategy_on_a_tape_that_cannot_be_run_says_why(tenant: Tenant, snapshots: None) -> None:
    one = example("market-maker")
    parameters = {**one["spec"]["algorithm"]["parameters"], "quantity": "0.0205"}
    spec = {**one["spec"], "algorithm": {"name": "market-maker", "parameters": parameters}}
    tenant.apply({**one, "metadata": {"name": "off-the-lot"}, "spec": spec})
    found = tenant.await_said("strategy", "off-the-lot", "InvalidSpecification")
    words = json.dumps(found["status"]["conditions"])
    assert "algorithm.parameters.quantity: 0.0205 is not a whole number of lots of 0.001 SYNUSDT" in words
