"""A run is replayed on both nodes: to the same bits, or not at all where its results are not what they were."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_stacks.demo.scenario import EXAMPLES, tradeplane

from tests.e2e.platform import Object, runs, until

if TYPE_CHECKING:
    from tests.e2e.platform import Tenant

_LIMIT_S = 360.0
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def example(name: str) -> Object:
    """Read an example."""
    found: Object = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def finished(tenant: Tenant) -> Object:
    """Run the strategy of the examples."""
    tenant.apply(example("macd-momentum"))
    return tenant.await_run("macd-momentum")


@pytest.fixture(scope="module")
def replayed(tenant: Tenant, finished: Object) -> Object:
    """Replay it as the example does."""
    tenant.apply(example("replay"))
    return tenant.await_said("replay", "macd-momentum", "Exact", limit_s=_LIMIT_S)


def test_a_run_is_exact_on_both_processors(tenant: Tenant, finished: Object, replayed: Object) -> None:
    (run,) = runs(finished)
    status = replayed["status"]
    assert status["pinned"]["baseline"] == {"run": run["name"], "manifest": run["manifestDigest"]}
    assert [one["architecture"] for one in status["replays"]] == ["amd64", "arm64"]
    for one in status["replays"]:
        assert one["resultDigest"] == run["resultDigest"]
        record = json.loads((tenant.directory / "replays" / one["name"] / "record.json").read_text())
        assert record["environment"]["architecture"] == MACHINES[one["architecture"]]
        assert record["verdict"]["fillsMatched"] == record["verdict"]["fills"] == run["trades"]


def _cells(headers: str, line: str) -> dict[str, str]:
    """Return the cells of a line of kubectl's by its headers, below which they begin; a cell may be empty."""
    starts = [found.start() for found in re.finditer(r"\S+", headers)]
    ends = [*starts[1:], max(len(headers), len(line))]
    return {headers[start:end].strip(): line[start:end].strip() for start, end in zip(starts, ends, strict=True)}


def test_kubectl_tells_it_in_one_line(tenant: Tenant, finished: Object, replayed: Object) -> None:
    (run,) = runs(finished)
    headers, line = tenant.kubectl("get", "replays").splitlines()
    shown = _cells(headers, line)
    assert (shown["READY"], shown["STATUS"], shown["STRATEGY"]) == ("True", "Exact", "macd-momentum")
    assert shown["SNAPSHOT"] == ""
    assert (shown["DECISIONS"], shown["EXECUTION"]) == ("Exact", "Exact")
    assert (shown["FILLS"], shown["DIVERGENCE"]) == (f"{run['trades']}/{run['trades']}", "<none>")


def test_a_laptop_finds_the_same(tenant: Tenant, finished: Object) -> None:
    (run,) = runs(finished)
    found = json.loads(tradeplane("replay", run["name"], "--store", tenant.store, "-o", "json"))
    assert (found["verdict"]["decisions"], found["verdict"]["execution"]) == ("Exact", "Exact")
    assert found["resultDigest"] == run["resultDigest"]


def test_nothing_is_left_running_and_no_results_are_written(tenant: Tenant, finished: Object, replayed: Object) -> None:
    (run,) = runs(finished)
    assert [path.name for path in (tenant.directory / "results").iterdir()] == [run["name"]]
    until("no Job", lambda: tenant.items("jobs"), lambda jobs: jobs == [])


def test_results_that_were_altered_are_refused_rather_than_judged(tenant: Tenant, finished: Object) -> None:
    (run,) = runs(finished)
    part = tenant.directory / "results" / run["name"] / "trades.arrow"
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :])
    try:
        asked = example("replay")
        spec = {**asked["spec"], "architectures": ["amd64"]}
        tenant.apply({**asked, "metadata": {"name": "of-altered-results"}, "spec": spec})
        found = tenant.await_said("replay", "of-altered-results", "DataRefused", limit_s=_LIMIT_S)
    finally:
        part.write_bytes(whole)
    words = json.dumps(found["status"]["conditions"])
    assert f"part trades of run {run['name']}" in words
    assert found["status"]["replays"][0].get("verdict") is None
