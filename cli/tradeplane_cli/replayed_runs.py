"""Running an attested run again: here, or in a container of the image that its statement names.

The specification is the one that was signed, and the data are known by the digests in it. So what comes of it depends
on nothing but the engine, and of that another version is said.
"""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.strategy import MACHINES
from tradeplane_evidence.registry.opened import Registries
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.snapshot_records import record_files
from tradeplane_evidence.verification.checks import Check
from tradeplane_evidence.verification.results_files import pull_results
from tradeplane_evidence.verification.snapshots import named_snapshots
from tradeplane_store import layout
from tradeplane_store.objects import MAX_PART_BYTES, open_store

from tradeplane_cli.containers import own_architecture
from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.progress import stage
from tradeplane_cli.registries import registry_at
from tradeplane_cli.replays import Place, replay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.run import ResultsManifest
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.verification.runs import Verification
    from tradeplane_store.objects import ObjectStore

    from tradeplane_cli.replay_data import Data, Found

ENGINE = "tradeplane-native"
"""What an environment of a run calls the version of the engine."""


def run_again(found: Verification, data: Data, *, in_image: bool) -> bool:
    """Run what was verified again, and add what came of it as a check; return whether it came to the same.

    ``in_image``: in a container of the image that made it, for the processor that it was made on. Raises what the
    runner raises, DataRefused where the data are not there, and CommandFailure where there is no image or no engine
    for containers.
    """
    results = found.results
    if results is None:
        raise CommandFailure("there is no result to compare with", remedy="verify a run that was attested")
    place = _place_of(results) if in_image else None  # what is missing is said before anything is pulled
    with data.of(_places(found, results)) as there:
        if place is not None:
            digest, where, hint = _in_container(found, results, place, there, data), f"in {place.image}", ""
        else:
            digest, version = _here(results, there)
            where, hint = "on this machine", _another_engine(results, version)
    if digest == results.result_digest:
        found.say("replay", f"{digest} again, from the data {there.whence}, {where}{hint}")
        return True
    words = f"it comes to {digest} {where}{hint}; tradeplane results diff shows where they part"
    found.checks.append(Check("replay", words, "Diverged"))
    return False


def _places(found: Verification, results: ResultsManifest) -> Mapping[str, Reference | None]:
    """Return where the artifact of each of a run's snapshots is, by the statement that was verified."""
    snapshots = results.specification.snapshots
    named = [] if found.claim is None else named_snapshots(found.claim.provenance, snapshots)
    places = {one.snapshot: parse_reference(one.reference) for one in named}
    return {one: places.get(one) for one in snapshots}


def _here(results: ResultsManifest, there: Found) -> tuple[str, str]:
    """Run it by what is installed; return the digest it comes to, and the version of the engine."""
    from tradeplane_workloads.results import describe
    from tradeplane_workloads.runner.execution import compute, machine_environment

    asked = results.specification
    with stage(f"Running {asked.run} again") as say:
        again = describe(asked, compute(asked, open_store(there.url), say), {})
    return again.result_digest, machine_environment()[ENGINE]


def _another_engine(results: ResultsManifest, version: str) -> str:
    """Say that the engine here has another version than the run had, and by what to run it instead; nothing if not."""
    had = results.environment.get(ENGINE, version)
    if had == version:
        return ""
    image = results.specification.image
    instead = "" if image is None else f": --in-image runs it by {image}"
    return f", by version {version} of the engine where the run had {had}{instead}"


def _place_of(results: ResultsManifest) -> Place:
    """Return where a run is run again by its own image. Raises CommandFailure where none made it."""
    image, machine = results.specification.image, results.environment.get("architecture", "")
    if image is None:
        raise CommandFailure(
            f"no image made run {results.specification.run}, which ran on somebody's own machine",
            remedy="leave --in-image out",
        )
    known = [name for name, kernel in MACHINES.items() if kernel == machine]
    return Place(known[0] if known else own_architecture(), image)


def _in_container(found: Verification, results: ResultsManifest, place: Place, there: Found, data: Data) -> str:
    """Run it by its image; return the digest it comes to. The container reads a folder, and has no network."""
    run = results.specification.run
    with tempfile.TemporaryDirectory(prefix="tradeplane-replay-") as own:
        url = there.url if there.temporary else Path(own).as_uri()
        store = open_store(url)
        if not there.temporary:
            for snapshot in results.specification.snapshots:
                _copy(open_store(there.url), store, snapshot)
        with stage(f"Pulling the results of {run}"):
            asyncio.run(_results_into(store, found.reference, results, plain_http=data.plain_http))
        return replay(run, url, place=place).record.result_digest


async def _results_into(
    store: ObjectStore, reference: Reference, results: ResultsManifest, *, plain_http: bool
) -> None:
    async with Registries(partial(registry_at, plain_http=plain_http)) as registries:
        await pull_results(await registries.of(reference), reference, results, store)


def _copy(source: ObjectStore, target: ObjectStore, snapshot: str) -> None:
    """Copy a snapshot from one store to another. Raises DataRefused where it is not there, and what stores raise."""
    from tradeplane_workloads.market.snapshot_manifests import read_manifest

    for file in (*record_files(snapshot, read_manifest(source, snapshot)), layout.snapshot_manifest(snapshot)):
        target.put_if_absent(file, source.get(file, limit=MAX_PART_BYTES))
