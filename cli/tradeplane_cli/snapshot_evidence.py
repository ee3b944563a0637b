"""Attesting a snapshot and verifying one in a registry, as the commands do it and show it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.run import ExitCode
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.signing.opening import open_statement_signer
from tradeplane_evidence.signing.signer import BundleSigner, name_of
from tradeplane_evidence.snapshot_attestation import attest_snapshot
from tradeplane_evidence.snapshot_records import RecordLimits, push_records
from tradeplane_evidence.statements.snapshot import Imported, refuse_session
from tradeplane_evidence.stored_snapshots import read_snapshot
from tradeplane_evidence.verification.checks import Check
from tradeplane_store.objects import open_store

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import pairs
from tradeplane_cli.progress import stage
from tradeplane_cli.registries import parse_repository, registry_at
from tradeplane_cli.replay_data import refuse_image
from tradeplane_cli.signing_passphrase import passphrase
from tradeplane_cli.snapshots import verify_snapshot
from tradeplane_cli.told_checks import checks_as_json, checks_as_text, how_to_verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.verification.whole_snapshots import SnapshotVerification

    from tradeplane_cli.replay_data import Data


@dataclass(frozen=True, slots=True)
class PushedSnapshot:
    """A snapshot that was attested."""

    snapshot: str
    attested: Attested
    signer: str
    """Fingerprint of the key, or who signs."""
    keyless: bool = False
    records: str | None = None
    """Digest of the artifact of its records, where they were pushed."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        records = {} if self.records is None else {"records": str(self.attested.reference.at(self.records))}
        return {
            "snapshot": self.snapshot,
            "reference": str(self.attested.reference),
            "attestation": str(self.attested.reference.at(self.attested.attestation)),
            **records,
            "identity" if self.keyless else "key": self.signer,
        }

    def as_text(self) -> str:
        """Lines for people, with what to do next."""
        rows = [(name.capitalize(), str(value)) for name, value in self.as_json().items()]
        return "\n".join([pairs(rows), "", *how_to_verify(self.attested.reference, self.signer, keyless=self.keyless)])


@dataclass(frozen=True, slots=True)
class VerifiedSnapshot:
    """What was found of a snapshot in a registry."""

    verification: SnapshotVerification

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        found = self.verification
        claim = None if found.claim is None else found.claim.claim
        return {
            **checks_as_json(found),
            "snapshot": found.snapshot,
            "statement": None if claim is None else claim.statement.plain(),
            "provenance": None if claim is None else claim.provenance.plain(),
        }

    def as_text(self) -> str:
        """Lines for people: one a check."""
        return checks_as_text(self.verification.checks)

    def run_again(self, data: Data, *, in_image: bool = False) -> bool:
        """Hold every record against what was verified, and add what came of it as a check.

        Returns whether each is there and as it was attested. Raises what reading raises: DataRefused where it is not
        in the store that was named, and CommandFailure where the registry does not have them either.
        """
        refuse_image(self.verification.reference, "a snapshot", in_image=in_image)
        snapshot = self.verification.snapshot
        if snapshot is None:
            raise CommandFailure("there is no snapshot to read", remedy="verify a snapshot that was attested")
        with data.of({snapshot: self.verification.reference}) as found:
            read = verify_snapshot(snapshot, found.url)
        if not read.faults:
            words = f"{read.stored.manifest.records:,} records {found.whence}, each as it was attested"
            self.verification.say("records", words)
            return True
        words = f"{read.faults[0]}; tradeplane snapshot verify {snapshot} shows all that is wrong"
        self.verification.checks.append(Check("records", words, "DataRefused"))
        return False


def attest(
    snapshot: str,
    url: str,
    target: str,
    signer: str,
    authority: str | None,
    places: Mapping[str, str],
    *,
    plain_http: bool,
    with_records: bool = False,
) -> PushedSnapshot:
    """Push the manifest of a snapshot of a store and the signed statement of how it was imported.

    ``with_records``: whether its records are pushed as well. Every record is read first: whoever signs for a snapshot
    has it whole. Raises CommandFailure where it is not, or where the repository has a tag, and what the rooms below
    raise.
    """
    repository = parse_repository(target)
    if repository.tag is not None:
        raise CommandFailure(
            f"{target} has a tag, and a snapshot's is its id", remedy="leave out what comes after the last colon"
        )
    key = open_statement_signer(signer, passphrase())
    store = open_store(url)
    stored = read_snapshot(store, snapshot)
    refuse_session(snapshot, stored.manifest)
    read = verify_snapshot(snapshot, url)
    if read.faults:
        raise CommandFailure(
            f"snapshot {snapshot} is not whole: {read.faults[0]}",
            code=ExitCode.REFUSED,
            remedy="import it again, or restore it from a copy",
        )

    async def push() -> tuple[Attested, str | None]:
        async with registry_at(repository, plain_http=plain_http) as registry:
            attested = await attest_snapshot(stored, Imported(places), registry, repository, Alone(key, authority))
            if not with_records:
                return attested, None
            return attested, await push_records(stored, store, registry, repository, RecordLimits())

    with stage(f"Pushing {snapshot} to {repository.host}"):
        attested, records = asyncio.run(push())
    return PushedSnapshot(snapshot, attested, name_of(key), isinstance(key, BundleSigner), records)


def places_of(options: Sequence[str]) -> Mapping[str, str]:
    """Return where sources were had from, by their names. Raises CommandFailure for what is not NAME=URI."""
    found: dict[str, str] = {}
    for text in options:
        name, separator, uri = text.partition("=")
        if not separator or not name or ":" not in uri:
            raise CommandFailure(
                f"--source {text} is not NAME=URI",
                remedy="write for example --source prices.csv=https://example.com/prices.csv",
            )
        if found.setdefault(name, uri) != uri:
            raise CommandFailure(f"--source names {name} twice", remedy="give each source once")
    return found
