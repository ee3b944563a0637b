"""Leaves what runs would leave: ``python -m tests.bench.control.results_writer KUBECONFIG STORE [vouched]``.

The fake kubelet's pods compute nothing. This process stands in for them: it reads the specification out of each Job as
it appears and puts results with their manifest into the file store, digests and all, before the fake pod ends. So the
operator's check of a run's results is the real one. It runs beside every contender alike. Where pods are to vouch for
their results it goes by the pods, and gives each the words of its end.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from tradeplane_api.run import TerminationMessage
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.bench.control.client import ApiClient
from tests.bench.control.documents import JOBS, OURS, PODS
from tests.bench.control.fleet import NAMESPACE
from tests.integration.operator.cluster import results_manifest, specification_of

if TYPE_CHECKING:
    from tests.bench.control.documents import Json


SAID = "bench.tradeplane.dev/said"
"""Annotation of a pod by which the fake kubelet has it end (pod-vouched.yaml)."""
MERGE = "application/merge-patch+json"
EQUITY_BYTES = 100_000
"""Of the one table of each run; daily bars of twenty years leave four times as much in all."""


def write_results(store: Path, job: Json) -> str:
    """Put the results of a Job's run into the store, whole or not at all; return the digest of their manifest."""
    specification = specification_of(job)
    equity = store / NAMESPACE / layout.results_part(specification.run, "equity")
    summary = store / NAMESPACE / layout.results_summary(specification.run)
    equity.parent.mkdir(parents=True, exist_ok=True)
    equity.write_bytes(specification.run.encode().ljust(EQUITY_BYTES, b"."))
    summary.write_bytes(b"{}")
    manifest = store / NAMESPACE / layout.results_manifest(specification.run)
    unnamed = manifest.with_suffix(".new")
    data = canonical_json(results_manifest(specification))
    unnamed.write_bytes(data)
    unnamed.rename(manifest)
    return sha256_digest(data)


async def serve(kubeconfig: Path, store: Path) -> None:
    """Write results for each new Job until the process is ended."""
    async with ApiClient(kubeconfig) as client:
        async for event, job in client.watch(JOBS, OURS):
            if event == "ADDED":
                write_results(store, job)


async def serve_vouched(kubeconfig: Path, store: Path) -> None:
    """Write results for each new pod, and what it says of them at its end, until the process is ended."""
    async with ApiClient(kubeconfig) as client:
        async for event, pod in client.watch(PODS, OURS):
            if event == "ADDED":
                left = write_results(store, {"spec": {"template": {"spec": pod["spec"]}}})
                said = TerminationMessage(exit_code=0, message="", manifest_digest=left)
                annotations = {SAID: said.model_dump_json(by_alias=True, exclude_none=True)}
                path = f"{PODS}/{pod['metadata']['name']}"
                await client.request("PATCH", path, {"metadata": {"annotations": annotations}}, MERGE)


if __name__ == "__main__":
    serving = serve_vouched if sys.argv[3:] == ["vouched"] else serve
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving(Path(sys.argv[1]), Path(sys.argv[2])))
