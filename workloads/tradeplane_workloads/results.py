"""What a run leaves behind: tables, a summary, and last a manifest that vouches for them.

Results are written once. A second attempt at the same run computes the same records, finds the manifest of the first
and is done; one that computes others has found a fault in determinism, and says so instead of overwriting.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tradeplane_api.run import Part, ResultsManifest, Summary
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, result_digest, run_digest, sha256_digest
from tradeplane_store.errors import AlreadyExists, NotFound
from tradeplane_store.records import arrow_bytes, table_digest

from tradeplane_workloads.errors import DataRefused, ResultConflict
from tradeplane_workloads.manifests import parse_manifest, read_manifest_bytes, read_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from tradeplane_api.run import RunSpecification
    from tradeplane_store.objects import ObjectStore

SCHEMA_VERSION = 1
"""The version of a results manifest that this code reads and writes."""
PARTS = ("equity", "trades", "positions")
"""The parts of every run, in their order; a run on tapes has its log after them."""
LOG_PART = "events"
_REMEDY = "run it again under another name, or restore the results from a copy"


class RunResult(Protocol):
    """What an engine returns: tables and the figures."""

    def tables(self) -> Mapping[str, pa.Table]:
        """Return ``equity``, ``trades`` and ``positions``, and of a run on tapes ``events``, in this order."""

    @property
    def summary(self) -> Summary:
        """The figures a person asks for first."""


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a run, verified against its manifest."""

    manifest: ResultsManifest
    digest: str
    """Digest of the manifest's bytes, as ``results_digest`` gives it."""
    equity: pa.Table
    trades: pa.Table
    positions: pa.Table
    events: pa.Table | None = None
    """The log of a run on tapes; None of a run on bars."""

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables by the names of their parts, in the manifest's order."""
        return {part.name: getattr(self, part.name) for part in self.manifest.parts}

    @property
    def summary(self) -> Summary:
        """The figures a person asks for first."""
        return self.manifest.summary


def write_results(
    store: ObjectStore, specification: RunSpecification, result: RunResult, environment: Mapping[str, str]
) -> ResultsManifest:
    """Write the results of a run and return the manifest that is in the store then.

    That is the manifest of an earlier attempt where one had finished with the same result. Raises ResultConflict where
    it had another result or another specification.
    """
    tables = result.tables()
    manifest = describe(specification, result, environment)
    earlier = _earlier(store, manifest)
    if earlier is not None:
        return earlier
    run = specification.run
    for name, table in tables.items():
        store.put(layout.results_part(run, name), memoryview(arrow_bytes(table)))
    store.put(layout.results_summary(run), _readable(result.summary))
    try:
        store.put_if_absent(layout.results_manifest(run), canonical_json(manifest))
    except AlreadyExists:
        return _earlier(store, manifest) or manifest
    return manifest


def describe(specification: RunSpecification, result: RunResult, environment: Mapping[str, str]) -> ResultsManifest:
    """Return the manifest that vouches for a result; nothing is written."""
    parts = []
    for name, table in result.tables().items():
        digest, blocks = table_digest(table)
        parts.append(Part(name=name, rows=table.num_rows, digest=digest, blocks=blocks))
    return ResultsManifest(
        specification=specification,
        run_digest=run_digest(specification),
        result_digest=result_digest(parts, result.summary),
        parts=tuple(parts),
        summary=result.summary,
        environment=dict(environment),
    )


def read_results_manifest(store: ObjectStore, run: str) -> ResultsManifest:
    """Return the manifest of a run's results, its own digests checked. Raises DataRefused where there is none."""
    return _verified(run, _manifest_bytes(store, run))


def _manifest_bytes(store: ObjectStore, run: str) -> bytes:
    name = layout.results_manifest(run)
    return read_manifest_bytes(store, name, f"the result of run {run}", "wait for it to finish")


def _verified(run: str, data: bytes) -> ResultsManifest:
    owner = f"run {run}"
    manifest = parse_manifest(ResultsManifest, data, owner, SCHEMA_VERSION)
    if manifest.specification.run != run:
        raise DataRefused(f"the manifest of {owner} is of the run {manifest.specification.run}; {_REMEDY}")
    if manifest.result_digest != result_digest(manifest.parts, manifest.summary):
        raise DataRefused(f"the manifest of {owner} does not have the result digest it states; {_REMEDY}")
    if manifest.run_digest != run_digest(manifest.specification):
        raise DataRefused(f"the manifest of {owner} does not have the run digest it states; {_REMEDY}")
    if tuple(part.name for part in manifest.parts) not in (PARTS, (*PARTS, LOG_PART)):
        raise DataRefused(
            f"the manifest of {owner} does not list the parts {', '.join(PARTS)} and perhaps {LOG_PART}; {_REMEDY}"
        )
    return manifest


def results_digest(store: ObjectStore, run: str) -> str:
    """Return the digest of the bytes of a run's manifest, by which others refer to it. Raises DataRefused without one.

    Of the bytes, not of what they mean: a later version may read more out of the same manifest.
    """
    return sha256_digest(_manifest_bytes(store, run))


def open_results(store: ObjectStore, run: str) -> Results:
    """Return the results of a run, every part verified. Raises DataRefused naming what is missing or altered."""
    data = _manifest_bytes(store, run)
    manifest = _verified(run, data)
    tables = {part.name: read_results_part(store, run, part) for part in manifest.parts}
    return Results(manifest, sha256_digest(data), **tables)


def read_results_part(store: ObjectStore, run: str, part: Part) -> pa.Table:
    """Return a part of a run's results. Raises DataRefused when it is missing or not what its manifest says."""
    return read_part(store, layout.results_part(run, part.name), part, f"part {part.name} of run {run}", _REMEDY)


def list_results(store: ObjectStore) -> list[str]:
    """Return the names of the runs that have finished (have a manifest), sorted."""
    names = (name.split("/") for name in store.list("results"))
    return sorted(path[1] for path in names if len(path) == 3 and path[2] == "manifest.json")


def verify_results(store: ObjectStore, run: str) -> list[str]:
    """Read all of a run's results and return what is wrong with its parts; empty when whole.

    Raises DataRefused as ``read_results_manifest`` does.
    """
    faults = []
    for part in read_results_manifest(store, run).parts:
        try:
            read_results_part(store, run, part)
        except DataRefused as error:
            faults.append(str(error))
    return faults


def _earlier(store: ObjectStore, manifest: ResultsManifest) -> ResultsManifest | None:
    """Return the manifest an earlier attempt left, None where there is none; ResultConflict where it differs."""
    run = manifest.specification.run
    try:
        data = store.get(layout.results_manifest(run))
    except NotFound:
        return None
    found = parse_manifest(ResultsManifest, data, f"run {run}", SCHEMA_VERSION)
    if found.run_digest != manifest.run_digest:
        raise ResultConflict(
            f"run {run} has results of another specification (run digest {found.run_digest}, now "
            f"{manifest.run_digest}); give this run a name of its own"
        )
    if found.result_digest != manifest.result_digest:
        raise ResultConflict(
            f"run {run} left the result {found.result_digest} before and has {manifest.result_digest} now: the "
            "algorithm is not deterministic, or the results were altered; the earlier ones were kept"
        )
    return found


def _readable(summary: Summary) -> bytes:
    return json.dumps(summary.model_dump(mode="json", by_alias=True), indent=2, sort_keys=True).encode() + b"\n"
