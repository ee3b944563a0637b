"""Images that runs of an export were made by: who attested them, and the files by which a reader verifies that.

An image is in an export once, however many runs it made, in a folder of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import canonical_json

from tradeplane_evidence.export import commands
from tradeplane_evidence.export.folder import ExportedFile, is_file_name
from tradeplane_evidence.export.signatory import signatory_of
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.verification.artifact_bundles import parse_artifact_bundle
from tradeplane_evidence.verification.whole_images import named_bills

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradeplane_evidence.export.commands import Command
    from tradeplane_evidence.export.folder import Folder
    from tradeplane_evidence.export.signatory import Signatory
    from tradeplane_evidence.registry.opened import Registries
    from tradeplane_evidence.verification.images import ImageClaim


MAX_BILL_BYTES = 32 * 1024 * 1024
"""Bytes of the bills of materials of one image."""


@dataclass(frozen=True, slots=True)
class Bills:
    """The bills of materials of an image, as files; ``left_out``: names of those that are not here, and why."""

    files: tuple[ExportedFile, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttestedBy:
    """What is believed of the image that made a run. ``commit`` is None where nobody committed those sources."""

    folder: str
    reference: str
    attestation: str
    who: Signatory
    builder: str
    commit: str | None
    source: str
    """The sources in words."""
    command: Command
    bills: Bills = field(default_factory=Bills)

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        return {
            "folder": self.folder,
            "reference": self.reference,
            "attestation": self.attestation,
            **self.who.as_json(),
            "builder": self.builder,
            "commit": self.commit,
            "source": self.source,
            "bills": [{"path": one.path, "sha256": one.sha256, "bytes": one.size} for one in self.bills.files],
            "leftOut": dict(sorted(self.bills.left_out.items())),
        }


def attested_by(image: ImageClaim) -> AttestedBy:
    """Return what an export says of an image."""
    place = _place(image)
    who = signatory_of(image.claim.key.key.fingerprint, image.claim.trusted, image.bundle)
    return AttestedBy(
        folder=place,
        reference=str(image.reference),
        attestation=image.attestation,
        who=who,
        builder=image.claim.provenance.run_details.builder.id,
        commit=image.commit,
        source=image.source_in_words(),
        command=commands.of_image(who, f"{place}/bundle.sigstore.json", f"{place}/index.json"),
    )


async def write_images(images: Iterable[ImageClaim], registries: Registries, folder: Folder) -> dict[str, Bills]:
    """Write the files of each image once; return its bills of materials, by its folder.

    Raises TooLarge, OSError, and what registries raise.
    """
    bills: dict[str, Bills] = {}
    for place, image in sorted({_place(one): one for one in images}.items()):
        registry = await registries.of(image.reference)
        index, _ = await registry.manifest(image.reference)
        folder.add(f"{place}/index.json", index)
        folder.add(f"{place}/bundle.sigstore.json", image.bundle)
        folder.add(f"{place}/statement.json", parse_artifact_bundle(image.bundle).envelope().payload_bytes())
        bills[place] = write_bills(await named_bills(registry, image), place, folder)
    return bills


def write_bills(named: Mapping[tuple[str, str], Mapping[str, Any] | None], place: str, folder: Folder) -> Bills:
    """Write the bills of materials of an image, each as the bytes whose digest its provenance names.

    ``named``: by name and digest; None for one that is not in the registry. Raises TooLarge, OSError.
    """
    files: list[ExportedFile] = []
    left_out: dict[str, str] = {}
    names = {name for name, _ in named}
    for (name, digest), bill in named.items():
        known = name if len(names) == len(named) and is_file_name(name) else f"{hexadecimal(digest)[:16]}.cdx.json"
        if bill is None:
            left_out[known] = "the provenance names it, and it is not in the registry"
            continue
        data = canonical_json(dict(bill))
        if sum(one.size for one in files) + len(data) > MAX_BILL_BYTES:
            left_out[known] = f"bills of materials of the image have more than {MAX_BILL_BYTES:,} bytes"
            continue
        files.append(folder.add(f"{place}/sboms/{known}", data))
    if not named:
        left_out["sboms"] = "the provenance names no bill of materials"
    return Bills(tuple(files), left_out)


def _place(image: ImageClaim) -> str:
    """Return the folder of an image: of its digest, and of where it lies and what attests it there."""
    whole = hashlib.sha256(f"{image.reference} {image.attestation}".encode()).hexdigest()[:16]
    return f"images/{hexadecimal(image.reference.digest or '')[:16]}-{whole}"
