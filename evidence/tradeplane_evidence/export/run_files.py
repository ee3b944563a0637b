"""The files of one run in an export, under names of the export's own: none that a registry gives leads anywhere."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tradeplane_store.canonical import canonical_json

from tradeplane_evidence.export import commands
from tradeplane_evidence.export.folder import is_file_name
from tradeplane_evidence.export.images import attested_by
from tradeplane_evidence.export.published_trust import by_keyring
from tradeplane_evidence.export.records import AttestedData, Record, ReplayFile, Signed, of_whom, signed_of
from tradeplane_evidence.statements.run import SPECIFICATION
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.verification.artifact_bundles import parse_artifact_bundle

if TYPE_CHECKING:
    from tradeplane_evidence.export.examination import Asking, Examined
    from tradeplane_evidence.export.folder import ExportedFile, Folder
    from tradeplane_evidence.registry.references import Reference

SPECIFICATION_FILE = "specification.json"
"""What a run was to do, as it was resolved and signed; a reader need not look for it in the statement."""


def write_run(one: Examined, asking: Asking, found_by: str, folder: Folder) -> Record:
    """Write the files of a run, and return what is said of it. Raises TooLarge, and OSError."""
    found, reference = one.verification, one.verification.reference
    place, left_out = _place(reference), dict(one.pulled.left_out)
    files = _write(one, place, folder, left_out)
    signed = _signed(one)
    asked = commands.Asked(asking.policy, asking.images, asking.snapshots, by_keyring(asking.signers))
    lines = [commands.by_tradeplane(str(reference), asked)]
    if signed is not None:
        parts = (signed.who, f"{place}/bundle.sigstore.json", f"{place}/artifact.json")
        lines = [commands.by_cosign(*parts), commands.by_tradeplane_offline(*parts), *lines]
    replays = tuple(
        ReplayFile(claim, f"{place}/replays/{number:03}.sigstore.json")
        for number, claim in enumerate(found.replays.claims, 1)
    )
    files += [folder.add(one.path, one.claim.bundle) for one in replays]
    lines[-1:-1] = [commands.of_replays(one.who, one.path, f"{place}/artifact.json") for one in replays]
    data = tuple(
        AttestedData(one, f"{place}/data/{number:03}.sigstore.json") for number, one in enumerate(found.snapshots, 1)
    )
    files += [folder.add(one.path, one.claim.bundle) for one in data]
    lines[-1:-1] = [commands.of_snapshot(one.who, one.path, one.claim.snapshot) for one in data]
    image = None if found.image is None else attested_by(found.image)
    if image is not None:
        lines.insert(-1, image.command)
    namespace, strategy = of_whom(reference, found.claim)
    return Record(
        folder=place,
        reference=str(reference),
        namespace=namespace,
        strategy=strategy,
        found_by=found_by,
        verified=found.passed,
        checks=tuple(found.checks),
        signed=signed,
        summary=found.results.summary if found.passed and found.results is not None else None,
        files=tuple(files),
        left_out=left_out,
        commands=tuple(lines),
        image=image,
        replays=replays,
        snapshots=data,
    )


def _signed(one: Examined) -> Signed | None:
    """Return what was signed of a run, by a bundle that verified."""
    claim, reference = one.verification.claim, one.verification.reference
    if claim is None or one.pulled.bundle is None:
        return None
    return signed_of(claim, reference.digest or "", one.pulled.bundle)


def _place(reference: Reference) -> str:
    """Return the folder of a run: of the artifact's digest and of the whole reference, so that no two share one."""
    whole = hashlib.sha256(str(reference).encode()).hexdigest()[:16]
    return f"runs/{hexadecimal(reference.digest)[:16]}-{whole}" if reference.digest else f"runs/{whole}"


def _write(one: Examined, place: str, folder: Folder, left_out: dict[str, str]) -> list[ExportedFile]:
    pulled, claim = one.pulled, one.verification.claim
    others, files = list(pulled.others), []
    if pulled.artifact is not None:
        files.append(folder.add(f"{place}/artifact.json", pulled.artifact))
    if pulled.bundle is not None and claim is not None:
        files.append(folder.add(f"{place}/bundle.sigstore.json", pulled.bundle))
        statement = parse_artifact_bundle(pulled.bundle).envelope().payload_bytes()
        files.append(folder.add(f"{place}/statement.json", statement))
        specification = claim.provenance.build_definition.external_parameters.get(SPECIFICATION)
        if specification is not None:
            files.append(folder.add(f"{place}/{SPECIFICATION_FILE}", canonical_json(specification)))
    elif pulled.bundle is not None:
        others.append(pulled.bundle)
    for number, data in enumerate(others, 1):
        files.append(folder.add(f"{place}/not-verified/{number:03}.sigstore.json", data))
    for name, data in sorted(pulled.files.items()):
        if is_file_name(name):
            files.append(folder.add(f"{place}/files/{name}", data))
        else:
            left_out[name] = "its name is none that a file of results has"
    return files
