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
from tradeplane_store.canonical import canonical_json, files_digest, result_digest, run_digest, sha256_digest
from tradeplane_store.errors import AlreadyExists, NotFound
from tradeplane_store.records import arrow_bytes, table_digest

from tradeplane_workloads.errors import DataRefused, ResultConflict
from tradeplane_workloads.manifests import parse_manifest, part_table, read_manifest_bytes, read_part, read_part_bytes

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


@dataclass(frozen=True, slots=True)
class Written:
    """The manifest of a run that is in the store, and the digest over its files there (``files_digest``)."""

    manifest: ResultsManifest
    files: str


def write_results(
    store: ObjectStore, specification: RunSpecification, result: RunResult, environment: Mapping[str, str]
) -> Written:
    """Write the results of a run and return what is in the store then.

    That is what an earlier attempt left where one had finished with the same result. Raises ResultConflict where it had
    another result or another specification, or where its files are not what it left.
    """
    manifest = describe(specification, result, environment)
    earlier = _earlier(store, manifest)
    if earlier is not None:
        return earlier
    run, digests = specification.run, {}
    for name, table in result.tables().items():
        data = memoryview(arrow_bytes(table))
        store.put(layout.results_part(run, name), data)
        digests[layout.results_part(run, name)] = sha256_digest(data)
    figures, vouching = _readable(result.summary), canonical_json(manifest)
    store.put(layout.results_summary(run), figures)
    try:
        store.put_if_absent(layout.results_manifest(run), vouching)
    except AlreadyExists:
        earlier = _earlier(store, manifest)
        if earlier is not None:
            return earlier
    digests[layout.results_summary(run)] = sha256_digest(figures)
    digests[layout.results_manifest(run)] = sha256_digest(vouching)
    return Written(manifest, _over(digests))


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


def _earlier(store: ObjectStore, manifest: ResultsManifest) -> Written | None:
    """Return what an earlier attempt left, None where there is nothing; ResultConflict where it differs."""
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
    return Written(found, _files_of(store, found, data))


def _files_of(store: ObjectStore, manifest: ResultsManifest, data: bytes) -> str:
    """Return the digest over the files of a run that has ended, each found to hold what the manifest says.

    ``data``: the manifest's bytes. Who says of files that they are a run's answers for what was put in their place
    since. Raises ResultConflict naming the file that is not as the manifest says.
    """
    run = manifest.specification.run
    digests = {layout.results_manifest(run): sha256_digest(data)}
    try:
        for part in manifest.parts:
            path, owner = layout.results_part(run, part.name), f"part {part.name} of run {run}"
            bytes_of_part = read_part_bytes(store, path, owner, _REMEDY)
            part_table(bytes_of_part, part, owner, _REMEDY)
            digests[path] = sha256_digest(bytes_of_part)
    except DataRefused as error:
        raise ResultConflict(f"{error}; the run had ended before, and this was altered since") from error
    digests[layout.results_summary(run)] = sha256_digest(_summary_bytes(store, manifest))
    return _over(digests)


def _summary_bytes(store: ObjectStore, manifest: ResultsManifest) -> bytes:
    """Return the summary that lies beside a manifest. Raises ResultConflict where it has not the manifest's figures."""
    path = layout.results_summary(manifest.specification.run)
    try:
        data = store.get(path)
        same = Summary.model_validate_json(data) == manifest.summary
    except NotFound as error:
        raise ResultConflict(f"{path} is not in the store any more; {_REMEDY}") from error
    except ValueError as error:
        raise ResultConflict(f"{path} was altered, and is no summary now; {_REMEDY}") from error
    if not same:
        raise ResultConflict(f"{path} was altered: its figures are not those of the manifest; {_REMEDY}")
    return data


def _over(digests: Mapping[str, str]) -> str:
    """Return the digest over files, from the digests of their bytes by path."""
    return files_digest({path.rpartition("/")[2]: digest for path, digest in digests.items()})


def _readable(summary: Summary) -> bytes:
    return json.dumps(summary.model_dump(mode="json", by_alias=True), indent=2, sort_keys=True).encode() + b"\n"
