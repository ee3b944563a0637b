"""A run in a registry: what an auditor asks, one question after the other, each answered by itself.

Nothing of ours is asked: the registry's bytes, a public key or a name, and a policy.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, files_digest

from tradeplane_evidence.errors import Malformed, NotAttested, PolicyRefused, ReplayDiverged
from tradeplane_evidence.registry.bundles import attestations_in
from tradeplane_evidence.registry.manifests import parse_manifest
from tradeplane_evidence.registry.references import is_digest, parse_reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.results_artifact import (
    MANIFEST_FILE,
    MAX_DOCUMENT_BYTES,
    MAX_FILE_BYTES,
    PROVENANCE_FILE,
    RESULTS_TYPE,
    SUMMARY_FILE,
    check_summary,
    parse_results,
)
from tradeplane_evidence.statements.run import (
    ARCHITECTURE,
    ATTESTATION,
    FILES,
    FILES_DIGEST,
    IMAGE,
    PLATFORMS,
    RESULT,
    SPECIFICATION,
    asking_strategy,
)
from tradeplane_evidence.statements.statement import MAX_STATEMENT_BYTES, hexadecimal
from tradeplane_evidence.verification.attestations import REFUSALS, Trust, believed
from tradeplane_evidence.verification.bundles import Claim, claim_of_one, time_in_words
from tradeplane_evidence.verification.checks import Checks
from tradeplane_evidence.verification.platforms import stated_manifest
from tradeplane_evidence.verification.replays import ReplayClaims, held_to_results, replays_of
from tradeplane_evidence.verification.snapshots import named_snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradeplane_api.run import ResultsManifest, RunSpecification
    from tradeplane_api.strategy import ImageManifest

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor, Manifest
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.verification.images import ImageClaim, Images
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.signers import Signers
    from tradeplane_evidence.verification.snapshots import SnapshotClaim, Snapshots


@dataclass(slots=True)
class Verification(Checks):
    """What was found of a run. ``attestation``: digest of the manifest that holds the bundle that is believed."""

    claim: Claim | None = None
    attestation: str | None = None
    results: ResultsManifest | None = None
    image: ImageClaim | None = None
    snapshots: tuple[SnapshotClaim, ...] = ()
    replays: ReplayClaims = field(default_factory=ReplayClaims)


async def verify_run(
    registry: Registry,
    reference: Reference,
    signers: Signers,
    policy: Policy,
    now: datetime,
    images: Images | None = None,
    *,
    snapshots: Snapshots | None = None,
    replays: bool = True,
) -> Verification:
    """Return what is found of a run at a reference.

    ``images`` and ``snapshots``: what the chain goes on with; it ends at the run where they are absent. ``replays``:
    whether what replays of it found is looked at. Raises what a registry raises where it cannot be asked.
    """
    found, trust = Verification(reference), Trust(signers, policy, now)
    step = "artifact"
    try:
        manifest = await _artifact(registry, found)
        step = "attestation"
        hung = await list_referrers(registry, found.reference.repository, found.reference.digest or "")
        claim = await _attestation(registry, found, manifest, trust, hung)
        step = "files"
        files = _files(manifest, claim)
        manifest_bytes = await registry.blob(found.reference.repository, files[MANIFEST_FILE], MAX_DOCUMENT_BYTES)
        step = "result"
        results = parse_results(manifest_bytes)
        step = "files"
        await _pull(registry, found, files, results, len(manifest_bytes))
        _left(found, files, claim)
        step = "result"
        _result(found, results, claim)
        step = "inputs"
        _inputs(found, claim)
        step = "snapshots"
        await _snapshots(found, claim, snapshots)
        step = "chain"
        await _chain(found, claim, images)
        if replays:
            step = "replays"
            await _replays(registry, found, trust, files[MANIFEST_FILE], hung)
    except (*REFUSALS, ReplayDiverged) as error:
        found.fail(step, error)
    else:
        found.say("time", time_in_words(claim))
    return found


async def _artifact(registry: Registry, found: Verification) -> Manifest:
    """Pull the manifest, which names what all else is about."""
    data, digest = await registry.manifest(found.reference)
    manifest = parse_manifest(data, f"the manifest of {found.reference}")
    if manifest.artifact_type != RESULTS_TYPE:
        raise PolicyRefused(
            f"{found.reference} is a {manifest.artifact_type or manifest.config.media_type}, and no results of a run"
        )
    found.pulled(digest, f", {len(manifest.layers)} files")
    return manifest


async def _attestation(
    registry: Registry, found: Verification, manifest: Manifest, trust: Trust, hung: Sequence[Descriptor]
) -> Claim:
    """Find what is claimed of this artifact, and of this run where the statement is of many."""

    async def of_one(claim: Claim) -> Claim:
        if not claim.is_of_many:
            return claim
        provenance = await _provenance(registry, found.reference, manifest)
        return claim_of_one(claim, provenance, trust.policy, trust.now)

    one = await believed(registry, found.reference, trust, of_one, hung=attestations_in(hung))
    found.claim, found.attestation = one.claim, one.attestation
    claim = one.claim
    others = f"; {one.passed_over} passed over" if one.passed_over else ""
    together = f", with {len(claim.statement.subject) - 1:,} other runs" if claim.batch is not None else ""
    found.say("signature", f"by {claim.signer}{together}{others}")
    found.say("policy", f"builder {claim.provenance.run_details.builder.id}")
    return claim


async def _provenance(registry: Registry, reference: Reference, manifest: Manifest) -> bytes:
    """Return what an artifact says of its run itself: its digest, which was signed, stands for that."""
    held = [layer for layer in manifest.layers if layer.title == PROVENANCE_FILE]
    if len(held) != 1:
        raise Malformed(f"the artifact was signed together with others, and has no one {PROVENANCE_FILE}")
    return await registry.blob(reference.repository, held[0].digest, MAX_STATEMENT_BYTES)


def _files(manifest: Manifest, claim: Claim) -> dict[str, str]:
    """Return the digests of the artifact's files by name. Raises PolicyRefused where one is not as it was signed.

    Where many were signed at once that is the artifact's digest alone, and the files' by what stands in it.
    """
    signed = {one.name: one.digest.get("sha256") for one in claim.statement.subject}
    files: dict[str, str] = {}
    for layer in manifest.layers:
        name = layer.title
        if name is None or name in files:
            raise Malformed("a layer of the artifact has no name of a file, or that of another")
        if claim.batch is None and signed.get(name) != hexadecimal(layer.digest):
            raise PolicyRefused(f"file {name} of the artifact is not the one that was signed")
        files[name] = layer.digest
    if MANIFEST_FILE not in files:
        raise Malformed(f"the artifact has no {MANIFEST_FILE}")
    return files


async def _pull(
    registry: Registry, found: Verification, files: dict[str, str], results: ResultsManifest, total: int
) -> None:
    """Pull every file, whose bytes are checked as they come, and what they hold by the manifest, one after the other.

    ``total``: bytes that were pulled before.
    """
    from tradeplane_evidence.verification.tables import check_table  # only here: it is slow to load

    parts = {f"{part.name}.arrow": part for part in results.parts}
    _check_names(found, files, {MANIFEST_FILE, SUMMARY_FILE, *parts})
    for name, digest in files.items():
        if name == MANIFEST_FILE:
            continue
        data = await registry.blob(found.reference.repository, digest, MAX_FILE_BYTES)
        total += len(data)
        if name in parts:
            await asyncio.to_thread(check_table, name, data, parts[name])
        elif name == SUMMARY_FILE:
            check_summary(data, results)
    found.say("files", f"{len(files)} files, {total:,} bytes, each as it was signed and as the manifest has it")


def _check_names(found: Verification, files: dict[str, str], named: set[str]) -> None:
    """Raise Malformed where files are missing that a run has, or are there that nothing says anything of."""
    missing, others = sorted(named - files.keys()), sorted(files.keys() - named - {PROVENANCE_FILE})
    if missing:
        raise Malformed(f"{found.reference} has no {', '.join(missing)}, which the manifest of its results names")
    if others:
        listed = ", ".join(others)[:200]
        raise Malformed(f"{found.reference} has {listed}, which the manifest of its results does not name")


def _left(found: Verification, files: dict[str, str], claim: Claim) -> None:
    """Check that the files are those that the run's pod left, where the statement has what it said of them."""
    byproducts = {one.name: one.digest or {} for one in claim.provenance.run_details.byproducts}
    stated = byproducts.get(FILES)
    if stated is None:
        return
    held = {name: digest for name, digest in files.items() if name != PROVENANCE_FILE}
    if stated.get(FILES_DIGEST) != hexadecimal(files_digest(held)):
        raise PolicyRefused(f"the files of {found.reference} are not those that the statement has the run's pod leave")


def _result(found: Verification, results: ResultsManifest, claim: Claim) -> None:
    """Check that the statement and the results it is of say the same."""
    specification = results.specification.model_dump(mode="json", by_alias=True)
    stated = claim.provenance.build_definition.external_parameters.get(SPECIFICATION)
    if canonical_json(stated) != canonical_json(specification):
        raise PolicyRefused("the specification that was signed is not the one in the results")
    byproducts = {one.name: one.digest or {} for one in claim.provenance.run_details.byproducts}
    if byproducts.get("result", {}).get(RESULT) != hexadecimal(results.result_digest):
        raise PolicyRefused("the result digest that was signed is not the one in the results")
    found.results = results
    strategy = asking_strategy(claim.provenance)
    asked = "" if strategy is None else f", asked for by Strategy {strategy.namespace}/{strategy.name}"
    found.say("result", f"{results.result_digest} of run {results.specification.run}{asked}")


def _inputs(found: Verification, claim: Claim) -> None:
    """Check that what the run was made from is stated: each snapshot, and the image."""
    if found.results is None:
        raise NotAttested("there are no results")
    specification = found.results.specification
    dependencies = claim.provenance.build_definition.resolved_dependencies
    stated = {one.name: (one.digest or {}).get("sha256") for one in dependencies}
    for name, digest in _needed(specification):
        if stated.get(name) != hexadecimal(digest):
            raise PolicyRefused(f"the statement does not name {name} as the run's specification does")
    _platform(found.results, claim)
    image = specification.image or "no image (a run of somebody's own machine)"
    count = len(specification.snapshots)
    snapshots = "1 snapshot" if count == 1 else f"{count} snapshots"
    found.say("inputs", f"{snapshots}, {image}; {len(dependencies)} dependencies stated")


def _platform(results: ResultsManifest, claim: Claim) -> None:
    """Check that the manifest of the image that is stated, if any, is for the processor that the results state."""
    manifest = stated_manifest(claim.provenance)
    machine = results.environment.get(ARCHITECTURE, "")
    if manifest is not None and manifest.platform != PLATFORMS.get(machine):
        raise PolicyRefused(
            f"the statement has the run made by the image for {manifest.platform}, and its results say that they were "
            f"made on {machine[:100] or 'no processor'}"
        )


def _needed(specification: RunSpecification) -> Sequence[tuple[str, str]]:
    snapshots = [(layout.snapshot_manifest(one), one) for one in specification.snapshots]
    image = [] if specification.image is None else [(IMAGE, specification.image.rpartition("@")[2])]
    return [*snapshots, *image]


async def _snapshots(found: Verification, claim: Claim, snapshots: Snapshots | None) -> None:
    """Go on from the run to its data, and to what these were made from."""
    data = () if found.results is None else found.results.specification.snapshots
    named = named_snapshots(claim.provenance, data)
    if not named:
        found.say("snapshots", "ends at the data: no attestation of a snapshot is stated")
        return
    if snapshots is None:
        listed = ", ".join(one.attestation for one in named)
        found.say("snapshots", f"goes on to attestations of the data ({listed}), and was not followed")
        return
    found.snapshots = tuple([await snapshots.verify(one) for one in named])
    bare = len(data) - len(named)
    rest = "" if not bare else f"; {bare} of {len(data)} without a stated attestation"
    told = [f"{one.snapshot} attested {one.in_words()}" for one in found.snapshots]
    found.say("snapshots", "; ".join(told) + rest)


async def _chain(found: Verification, claim: Claim, images: Images | None) -> None:
    """Go on from the run to the image that it was made by, and to the sources of that."""
    image = None if found.results is None else found.results.specification.image
    if image is None:
        found.say("chain", "ends at the run: no image made it")
        return
    stated = {one.name: one for one in claim.provenance.build_definition.resolved_dependencies}.get(IMAGE)
    attestation = None if stated is None else (stated.annotations or {}).get(ATTESTATION)
    if attestation is None:
        manifest = stated_manifest(claim.provenance)
        ran = "" if manifest is None else f"; it is said to be {_ran(manifest)}"
        found.say("chain", f"ends at the image: no attestation of it is stated{ran}")
    elif not is_digest(attestation):
        raise Malformed(f"the attestation of the image is stated as {str(attestation)[:100]!r}, which is no digest")
    elif images is None:
        found.say("chain", f"goes on to the image's attestation {attestation}, and was not followed")
    else:
        reference = parse_reference(image)
        found.image = await images.verify(reference, attestation)
        manifest = stated_manifest(claim.provenance)
        if manifest is not None:
            await images.verify_manifest(reference, manifest)
        found.say("chain", f"image attested {found.image.in_words()}; {_ran(manifest)}")


def _ran(manifest: ImageManifest | None) -> str:
    """Say which of an image's manifests made the run, after it was checked."""
    if manifest is None:
        return "which of its manifests it was run by is not stated"
    attested = "which is not attested by itself" if manifest.attestation is None else "attested as well"
    return f"run by its manifest {manifest.digest} for {manifest.platform}, {attested}"


async def _replays(
    registry: Registry, found: Verification, trust: Trust, manifest: str, hung: Sequence[Descriptor]
) -> None:
    """Look at what replays of the run found; nothing is said where nobody who is relied on replayed it."""
    if found.results is None:
        raise NotAttested("there are no results")
    others = [one for one in hung if one.digest != found.attestation]
    held = held_to_results(found.results, manifest)
    found.replays = await replays_of(registry, found.reference, trust, held, others)
    found.replays.check()
    if found.replays.claims:
        found.say("replays", found.replays.in_words())
