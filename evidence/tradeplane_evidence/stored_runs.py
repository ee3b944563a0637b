"""A finished run as it lies in a store, read whole to be attested, and within a budget.

Tenants write what is read here, and whoever reads it may be an operator that serves them all: no more is read of one
run than is allowed, however it is spread over files, and nothing is believed that has not the digest it must have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_store import layout
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.errors import NotFound, TooLarge

from tradeplane_evidence.errors import DigestMismatch, Malformed, NotAttested, ResultsChanged
from tradeplane_evidence.results_artifact import (
    MANIFEST_FILE,
    MAX_DOCUMENT_BYTES,
    MAX_FILE_BYTES,
    SUMMARY_FILE,
    check_summary,
    digest_over,
    parse_results,
)
from tradeplane_evidence.snapshot_artifact import snapshot_artifact
from tradeplane_evidence.snapshot_manifests import MAX_MANIFEST_BYTES, parse_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.run import ResultsManifest
    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_store.objects import ObjectStore

MAX_RUN_BYTES = 2 * 1024**3
"""Of all files of a run, where nothing less is asked for."""
ATTEMPT = "attempt"
"""What names, in the environment that results state, the attempt that left them: its pod."""
_REMEDY = "see who may write to the store of its namespace, and run it again"
_ATTEMPT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class StoredRun:
    """What its manifest says, the files of a run by name, and the manifests of its data by id.

    ``logs``: digest of the log of the attempt that left the results, by its name; of none where none was kept.
    ``artifacts``: digest of the artifact that each snapshot of its data is in a registry, by id.
    """

    results: ResultsManifest
    files: Mapping[str, bytes]
    snapshots: Mapping[str, SnapshotManifest]
    logs: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Budget:
    """A store of which only so much is read. Raises Malformed where a run has more, beside what the store raises."""

    store: ObjectStore
    run: str
    whole: int
    left: int

    def get(self, name: str, limit: int) -> bytes:
        try:
            data = self.store.get(name, limit=min(limit, self.left))
        except TooLarge as error:
            raise Malformed(
                f"run {self.run}: {name} is too large to be attested: a file has at most {limit:,} bytes, and a run "
                f"with its data's manifests {self.whole:,}, of which {self.left:,} are left"
            ) from error
        self.left -= len(data)
        return data


def read_run(
    store: ObjectStore,
    run: str,
    *,
    manifest_digest: str | None = None,
    files_digest: str | None = None,
    most_bytes: int = MAX_RUN_BYTES,
) -> StoredRun:
    """Return what is attested of a run.

    ``manifest_digest``: of the manifest of results that is the run's, where that is known. ``files_digest``: over all
    files that are, where that is. Raises NotAttested where it is not in the store, or not whole; ResultsChanged where
    files are not those; Malformed or DigestMismatch, and what the store raises.
    """
    budget = _Budget(store, run, most_bytes, most_bytes)
    try:
        manifest = budget.get(layout.results_manifest(run), MAX_DOCUMENT_BYTES)
        if manifest_digest is not None and sha256_digest(manifest) != manifest_digest:
            raise ResultsChanged(
                f"the manifest of run {run} is not the one of digest {manifest_digest} that was recorded at its end: "
                f"it was changed since; {_REMEDY}"
            )
        results = parse_results(manifest)
        if results.specification.run != run:
            raise DigestMismatch(f"the manifest of run {run} is of run {results.specification.run}; restore it")
        files = {MANIFEST_FILE: manifest, SUMMARY_FILE: budget.get(layout.results_summary(run), MAX_DOCUMENT_BYTES)}
        for part in results.parts:
            files[f"{part.name}.arrow"] = budget.get(layout.results_part(run, part.name), MAX_FILE_BYTES)
        check_summary(files[SUMMARY_FILE], results)
        if files_digest is not None and digest_over(files) != files_digest:
            raise ResultsChanged(_not_left(run, files))
        data = {identity: _snapshot(budget, identity) for identity in results.specification.snapshots}
    except NotFound as error:
        raise NotAttested(f"run {run}: {error}; what is attested must be whole") from error
    snapshots = {identity: manifest for identity, (manifest, _) in data.items()}
    artifacts = {identity: artifact for identity, (_, artifact) in data.items()}
    return StoredRun(results, files, snapshots, _logs(budget, results), artifacts)


def _not_left(run: str, files: Mapping[str, bytes]) -> str:
    """Say that files were changed. The manifest has its own digest, and the summary its figures: tables are left."""
    tables = ", ".join(sorted(name for name in files if name not in (MANIFEST_FILE, SUMMARY_FILE)))
    return (
        f"the files of run {run} are not those that its pod said at its end that it left: one or more of {tables} were "
        f"changed since; {_REMEDY}"
    )


def _logs(budget: _Budget, results: ResultsManifest) -> Mapping[str, str]:
    """Return the digest of the log of the attempt that left the results; a log is kept where that can be done."""
    attempt = results.environment.get(ATTEMPT, "")
    if _ATTEMPT.fullmatch(attempt) is None:
        return {}
    path = layout.results_log(results.specification.run, attempt)
    try:
        data = budget.get(path, MAX_DOCUMENT_BYTES)
    except NotFound:
        return {}
    return {path.rpartition("/")[2]: sha256_digest(data)}


def _snapshot(budget: _Budget, identity: str) -> tuple[SnapshotManifest, str]:
    """Return a snapshot's manifest, and the digest of the artifact that it is in a registry."""
    data = budget.get(layout.snapshot_manifest(identity), MAX_MANIFEST_BYTES)
    manifest = parse_snapshot(data, identity)
    return manifest, sha256_digest(snapshot_artifact(data, manifest.holds))
