"""Leaves what runs would leave: ``python -m tests.bench.control.results_writer KUBECONFIG STORE [vouched]``.

The fake kubelet's pods compute nothing. This process stands in for them: it reads the specification out of each Job as
it appears and puts results with their manifest into the file store, digests and all, before the fake pod ends. So the
operator's check of a run's results is the real one. It runs beside every contender alike. Where pods are to vouch for
their results it goes by the pods, and gives each the words of its end.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from tradeplane_api.run import ExitCode, TerminationMessage
from tradeplane_evidence.results_artifact import digest_over
from tradeplane_store import layout
from tradeplane_store.canonical import sha256_digest

from tests.bench.control.client import ApiClient
from tests.bench.control.documents import JOBS, OURS, PODS
from tests.bench.control.fleet import NAMESPACE
from tests.integration.operator.cluster import results_files, results_manifest, specification_of
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from tests.bench.control.documents import Json


SAID = "bench.tradeplane.dev/said"
"""Annotation of a pod by which the fake kubelet has it end (pod-vouched.yaml)."""
MERGE = "application/merge-patch+json"
EQUITY_BYTES = 100_000
"""Of the one table of each run; daily bars of twenty years leave four times as much in all."""


def write_results(store: Path, job: Json) -> TerminationMessage:
    """Put the results of a Job's run into the store, whole or not at all; return what a runner would say of them."""
    specification = specification_of(job)
    equity = sample_runs.equity_of(zlib.crc32(specification.run.encode()), EQUITY_BYTES)
    results = results_manifest(specification, equity=equity)
    files = results_files(results, equity)
    manifest = store / NAMESPACE / layout.results_manifest(specification.run)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if name != manifest.name:
            (manifest.parent / name).write_bytes(data)
    unnamed = manifest.with_suffix(".new")
    unnamed.write_bytes(files[manifest.name])
    unnamed.rename(manifest)
    left = sha256_digest(files[manifest.name])
    return TerminationMessage(exit_code=ExitCode.OK, manifest_digest=left, files_digest=digest_over(files))


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
                said = write_results(store, {"spec": {"template": {"spec": pod["spec"]}}})
                annotations = {SAID: said.model_dump_json(by_alias=True, exclude_none=True)}
                path = f"{PODS}/{pod['metadata']['name']}"
                await client.request("PATCH", path, {"metadata": {"annotations": annotations}}, MERGE)


if __name__ == "__main__":
    serving = serve_vouched if sys.argv[3:] == ["vouched"] else serve
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving(Path(sys.argv[1]), Path(sys.argv[2])))
