"""Images that runs of an export were made by: who attested them, and the files by which a reader verifies that.

An image is in an export once, however many runs it made, in a folder of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.export import commands
from tradeplane_evidence.export.signatory import signatory_of
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.verification.artifact_bundles import parse_artifact_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_evidence.export.commands import Command
    from tradeplane_evidence.export.folder import Folder
    from tradeplane_evidence.export.signatory import Signatory
    from tradeplane_evidence.registry.opened import Registries
    from tradeplane_evidence.verification.images import ImageClaim


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


async def write_images(images: Iterable[ImageClaim], registries: Registries, folder: Folder) -> None:
    """Write the files of each image once. Raises TooLarge, OSError, and what registries raise."""
    for place, image in sorted({_place(one): one for one in images}.items()):
        registry = await registries.of(image.reference)
        index, _ = await registry.manifest(image.reference)
        folder.add(f"{place}/index.json", index)
        folder.add(f"{place}/bundle.sigstore.json", image.bundle)
        folder.add(f"{place}/statement.json", parse_artifact_bundle(image.bundle).envelope().payload_bytes())


def _place(image: ImageClaim) -> str:
    """Return the folder of an image: of its digest, and of where it lies and what attests it there."""
    whole = hashlib.sha256(f"{image.reference} {image.attestation}".encode()).hexdigest()[:16]
    return f"images/{hexadecimal(image.reference.digest or '')[:16]}-{whole}"
