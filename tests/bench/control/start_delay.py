"""``control.start_delay_vs_bare_job_s``: what a person waits for the operator, on a real node.

The demo's Strategy is applied again under other names, and so are Jobs with the same pod that nobody controls, in
turns. Both really run: image, sandbox, volume, market data, result. The cluster is the machine's embedded one; it is
left as it was found, so the demo has to be there.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import yaml
from tradeplane_operator.planning.names import API_VERSION, STRATEGY_UID_LABEL
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings

from tests.bench.control.client import ApiClient, ApiError
from tests.bench.control.documents import Json, is_true
from tests.bench.control.fleet import REPOSITORY
from tests.bench.control.load import say
from tests.bench.records import Record

if TYPE_CHECKING:
    from pathlib import Path

NAMESPACE = "research"
EXAMPLE = REPOSITORY / "docs" / "examples" / "macd-momentum.yaml"
PAIRS = 7
_PATIENCE = 120.0
_KEPT_SECONDS = 600
_STRATEGIES = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/strategies"
_JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"


class DemoMissing(Exception):
    """The demo is not there to be measured; the message says what to do."""


async def measure() -> list[Record]:
    """Apply Strategies and bare Jobs in turns, and compare the medians."""
    cluster = EmbeddedCluster(Settings.from_environment(os.environ), report=lambda _: None)
    mark = f"delay-{uuid.uuid4().hex[:6]}"
    await _need_demo(cluster)
    strategies: list[float] = []
    jobs: list[float] = []
    async with ApiClient(cluster.kubeconfig) as client:
        try:
            template = await _template(client, cluster, f"{mark}-first")
            for index in range(PAIRS):
                jobs.append(
                    await _apply(client, cluster, _JOBS, _bare_job(template, f"{mark}-bare-{index}"), "Complete")
                )
                body = _strategy(f"{mark}-{index}", index)
                strategies.append(await _apply(client, cluster, _STRATEGIES, body, "Ready"))
                say(f"bare Job {jobs[-1]:.2f} s, Strategy {strategies[-1]:.2f} s")
        finally:
            await _remove(client, cluster.layout.store / NAMESPACE / "results", mark)
    mine, bare = statistics.median(strategies), statistics.median(jobs)
    timed = (
        "kubectl apply of the demo's Strategy (S&P 500, 5,031 daily bars) until it is Ready as a watch sees it, less "
        f"kubectl apply of a bare Job with the same pod until it is Complete; real node, medians of {PAIRS} in turns; "
        f"the Strategy took {mine:.2f} s"
    )
    record = Record("control.start_delay_vs_bare_job_s", mine - bare, "s", "the bare Job in all", bare, None, timed)
    return [record]


async def _need_demo(cluster: EmbeddedCluster) -> None:
    """Raise DemoMissing unless the demo's Strategy is there and Ready."""
    found = ""
    try:
        async with ApiClient(cluster.kubeconfig) as client:
            if is_true(await client.request("GET", f"{_STRATEGIES}/{EXAMPLE.stem}"), "Ready"):
                return
    except (OSError, ApiError) as error:
        found = f": {error}"
    raise DemoMissing(f"Strategy {NAMESPACE}/{EXAMPLE.stem} is not there and Ready; run `make demo` first{found}")


def _strategy(name: str, seed: int) -> Json:
    body: Json = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    body["metadata"] = {"name": name}
    body["spec"] |= {"seed": seed, "architecture": "amd64", "ttlSecondsAfterFinished": _KEPT_SECONDS}
    return body


async def _template(client: ApiClient, cluster: EmbeddedCluster, name: str) -> Json:
    """Run one Strategy, which also warms the node up, and return the Job the operator made for it."""
    await _apply(client, cluster, _STRATEGIES, _strategy(name, PAIRS), "Ready")
    uid = (await client.request("GET", f"{_STRATEGIES}/{name}"))["metadata"]["uid"]
    found: list[Json] = (await client.request("GET", f"{_JOBS}?labelSelector={STRATEGY_UID_LABEL}%3D{uid}"))["items"]
    return found[0]


def _bare_job(template: Json, name: str) -> Json:
    """Return a Job with the same pod that belongs to nobody and writes its results under its own name."""
    pod = yaml.safe_load(yaml.safe_dump(template["spec"]["template"]).replace(template["metadata"]["name"], name))
    pod["metadata"] = {"labels": {"bench": "bare"}}
    spec = {key: template["spec"][key] for key in ("backoffLimit", "podFailurePolicy", "activeDeadlineSeconds")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {**spec, "template": pod}}


async def _apply(client: ApiClient, cluster: EmbeddedCluster, path: str, body: Json, awaited: str) -> float:
    """Apply an object with kubectl; return the seconds until a condition of it is True."""
    name, started = body["metadata"]["name"], time.perf_counter()
    command: list[Any] = [cluster.kubectl, f"--kubeconfig={cluster.kubeconfig}", "apply", f"--namespace={NAMESPACE}"]
    subprocess.run([*command, "--filename=-"], input=yaml.safe_dump(body), text=True, capture_output=True, check=True)
    async for _, seen in client.watch(path, f"fieldSelector=metadata.name%3D{name}"):
        assert not is_true(seen, "Stalled"), f"{name}: {seen['status']}"
        assert not is_true(seen, "Failed"), f"{name}: {seen['status']}"
        if is_true(seen, awaited):
            return time.perf_counter() - started
        assert time.perf_counter() - started < _PATIENCE, f"{name} is not {awaited} after {_PATIENCE:g} s"
    raise AssertionError(f"the watch of {name} ended")


async def _remove(client: ApiClient, results: Path, mark: str) -> None:
    """Remove what was applied, and the results of it."""
    for path in (_STRATEGIES, _JOBS):
        for item in (await client.request("GET", path))["items"]:
            name = item["metadata"]["name"]
            if name.startswith(mark):
                await _delete(client, f"{path}/{name}")
    for folder in results.glob(f"{mark}-*"):
        shutil.rmtree(folder)


async def _delete(client: ApiClient, path: str) -> None:
    """Delete an object, unless it went meanwhile: a Job goes with its Strategy, or once its end is recorded."""
    try:
        await client.request("DELETE", path, {"propagationPolicy": "Background"})
    except ApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
