"""Attesting an image by the files that its build left, and verifying one, as the commands do it and show it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_api.run import ExitCode
from tradeplane_evidence.build_records import MAX_RECORD_BYTES
from tradeplane_evidence.image_attestation import (
    MAX_SBOM_BYTES,
    AttestedImage,
    attest_image,
    parse_record,
)
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.signing.opening import open_statement_signer
from tradeplane_evidence.signing.signer import BundleSigner, name_of
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.whole_images import ImageVerification, verify_whole_image

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import pairs
from tradeplane_cli.progress import stage
from tradeplane_cli.registries import registry_at
from tradeplane_cli.signing_passphrase import passphrase
from tradeplane_cli.told_checks import checks_as_json, checks_as_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tradeplane_api.image_build import ImageBuild
    from tradeplane_evidence.statements.run import Execution
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.signers import Signers


@dataclass(frozen=True, slots=True)
class Files:
    """What a build left: its record, and its bills of materials; those that the record names beside it where empty."""

    record: Path
    sboms: Sequence[Path]


@dataclass(frozen=True, slots=True)
class AttestedByFiles:
    """An image that was attested."""

    build: ImageBuild
    attested: AttestedImage
    signer: str
    """Fingerprint of the key, or who signed."""
    keyless: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        at = self.attested.reference.at
        index = self.build.digest
        return {
            "image": self.build.image,
            "reference": str(self.attested.reference),
            "provenance": str(at(self.attested.provenance.attestations[index])),
            "sboms": {platform: str(at(hung.attestations[index])) for platform, hung in self.attested.sboms.items()},
            "modified": self.build.source is not None and self.build.source.modified,
            "identity" if self.keyless else "key": self.signer,
        }

    def as_text(self) -> str:
        """Lines for people, with what to do next."""
        told = self.as_json()
        who = "identity" if self.keyless else "key"
        rows = [(name.capitalize(), str(told[name])) for name in ("image", "reference", "provenance", who)]
        rows[3:3] = [(f"SBOM {platform}", place) for platform, place in told["sboms"].items()]
        lines = [pairs(rows), ""]
        if told["modified"]:
            lines += ["It was built from sources that nobody committed as they were, and names no commit.", ""]
        signer = f"--certificate-identity {self.signer} --certificate-oidc-issuer ISSUER --trusted-root ROOT.json"
        asked = f"{signer} --use-signed-timestamps" if self.keyless else "--key KEY.pub --insecure-ignore-tlog"
        command = f"cosign verify-attestation {asked} --type"
        return "\n".join(
            [
                *lines,
                f"Anybody with the {'trusted root of the instance' if self.keyless else 'public key'} verifies it:",
                f"  tradeplane verify-image {told['reference']} {signer if self.keyless else '--key KEY.pub'}",
                f"  {command} {PREDICATE_TYPE} {told['reference']}",
                f"  {command} cyclonedx {told['reference']}",
            ]
        )


def attest_by_files(
    target: str, files: Files, signer: str, execution: Execution, authority: str | None, *, plain_http: bool
) -> AttestedByFiles:
    """Push the provenance of an image in a registry and its bills of materials, signed.

    Raises what the rooms below raise, and CommandFailure where a file cannot be read.
    """
    reference = parse_reference(target)
    build = parse_record(_read(files.record, MAX_RECORD_BYTES, "record of the build"))
    paths = files.sboms or [files.record.with_name(one.sbom.file) for one in build.platforms]
    sboms = [_read(path, MAX_SBOM_BYTES, "bill of materials") for path in paths]
    key = open_statement_signer(signer, passphrase())

    async def push() -> AttestedImage:
        async with registry_at(reference, plain_http=plain_http) as registry:
            return await attest_image(registry, reference, build, sboms, key, execution, authority)

    with stage(f"Attesting {build.image} in {reference.host}"):
        attested = asyncio.run(push())
    return AttestedByFiles(build, attested, name_of(key), keyless=isinstance(key, BundleSigner))


def _read(path: Path, limit: int, what: str) -> bytes:
    """Return a file's bytes, one more than allowed where it has more: who parses it refuses that."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise CommandFailure(
            f"the {what} {path} cannot be read: {error.strerror}",
            code=ExitCode.INVALID,
            remedy="give the files that python -m tradeplane_stacks.images push left in build/",
        ) from error


@dataclass(frozen=True, slots=True)
class VerifiedImage:
    """What was found of an image in a registry."""

    verification: ImageVerification

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        image = self.verification.image
        return {
            **checks_as_json(self.verification),
            "attestation": None if image is None else image.attestation,
            "commit": None if image is None else image.commit,
            "provenance": None if image is None else image.claim.provenance.plain(),
        }

    def as_text(self) -> str:
        """Lines for people: one a check."""
        return checks_as_text(self.verification.checks)


def verify_image(target: str, signers: Signers, policy: Policy, *, plain_http: bool) -> VerifiedImage:
    """Verify an image in a registry. Raises what the rooms below raise where a registry cannot be asked."""
    reference = parse_reference(target)

    async def look() -> ImageVerification:
        async with registry_at(reference, plain_http=plain_http) as registry:
            return await verify_whole_image(registry, reference, Trust(signers, policy, datetime.now(UTC)))

    with stage(f"Verifying {reference}"):
        return VerifiedImage(asyncio.run(look()))
