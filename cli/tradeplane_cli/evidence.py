"""Attesting a run and verifying one, as the commands do it and show it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from tradeplane_api.run import ExitCode
from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.registry.opened import Registries
from tradeplane_evidence.registry.references import Reference, parse_reference
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.signing.opening import open_statement_signer
from tradeplane_evidence.signing.signer import BundleSigner, name_of
from tradeplane_evidence.snapshot_artifact import SESSION_TYPE, SNAPSHOT_TYPE
from tradeplane_evidence.snapshot_lookup import ReliedOn, find_attestation
from tradeplane_evidence.statements.run import Execution
from tradeplane_evidence.stored_runs import read_run
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.images import Images
from tradeplane_evidence.verification.kinds import kind_of
from tradeplane_evidence.verification.runs import Verification, verify_run
from tradeplane_evidence.verification.sessions import verify_session
from tradeplane_evidence.verification.snapshots import Snapshots
from tradeplane_evidence.verification.whole_snapshots import verify_whole_snapshot
from tradeplane_store.objects import open_store

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import pairs
from tradeplane_cli.progress import stage
from tradeplane_cli.registries import parse_repository, registry_at
from tradeplane_cli.signing_passphrase import passphrase
from tradeplane_cli.told_checks import checks_as_json, checks_as_text, how_to_verify
from tradeplane_cli.trust import read_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.signing.keyring import Keyring
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.signers import ChainSigners

    from tradeplane_cli.replay_data import Data
    from tradeplane_cli.session_evidence import VerifiedSession
    from tradeplane_cli.snapshot_evidence import VerifiedSnapshot


@dataclass(frozen=True, slots=True)
class Pushed:
    """A run that was attested."""

    run: str
    attested: Attested
    key: str
    keyless: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "run": self.run,
            "reference": str(self.attested.reference),
            "attestation": str(self.attested.reference.at(self.attested.attestation)),
            "identity" if self.keyless else "key": self.key,
        }

    def as_text(self) -> str:
        """Lines for people, with what to do next."""
        rows = [(name.capitalize(), str(value)) for name, value in self.as_json().items()]
        return "\n".join([pairs(rows), "", *how_to_verify(self.attested.reference, self.key, keyless=self.keyless)])


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of a run in a registry."""

    verification: Verification

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        found = self.verification
        return {
            **checks_as_json(found),
            "statement": None if found.claim is None else found.claim.statement.plain(),
            "provenance": None if found.claim is None else found.claim.provenance.plain(),
            "replays": [one.as_json() for one in found.replays.claims],
        }

    def as_text(self) -> str:
        """Lines for people: one a check."""
        return checks_as_text(self.verification.checks)

    def run_again(self, data: Data, *, in_image: bool = False) -> bool:
        """Run what was verified again, and add what came of it as a check, as ``replayed_runs.run_again`` does it."""
        from tradeplane_cli.replayed_runs import run_again

        return run_again(self.verification, data, in_image=in_image)


@dataclass(frozen=True, slots=True)
class SnapshotsAt:
    """Where attestations of a run's snapshots are looked for, and whose count beside the signer's own."""

    repository: Reference
    keyring: Keyring | None

    @classmethod
    def of(cls, repository: str | None, keys: Sequence[Path]) -> SnapshotsAt | None:
        """Return it by the options given. Raises CommandFailure where keys are given alone."""
        if repository is None:
            if keys:
                raise CommandFailure(
                    "--snapshot-key says whose attestations of snapshots count, and not where they lie",
                    remedy="give --snapshots REPOSITORY",
                )
            return None
        return cls(parse_repository(repository), read_keys(keys) if keys else None)


def attest(
    run: str,
    url: str,
    target: str,
    signer: str,
    authority: str | None,
    *,
    plain_http: bool,
    snapshots: SnapshotsAt | None = None,
) -> Pushed:
    """Push a finished run of a store, found to be what its manifest says, and the signed statement of it.

    Raises what the rooms below raise, and ResultsChanged or Malformed naming the file that is not as it says.
    ``snapshots``: where attestations of its data are looked for; none is stated where it is None.
    """
    from tradeplane_evidence.verification.tables import check_tables  # only here: it is slow to load

    repository = parse_repository(target)
    key = open_statement_signer(signer, passphrase())
    stored = read_run(open_store(url), run)
    check_tables(stored.results, stored.files)

    async def push() -> Attested:
        async with Registries(partial(registry_at, plain_http=plain_http)) as registries:
            execution = Execution()
            if snapshots is not None:
                by = ReliedOn(key, execution.builder, snapshots.keyring)
                there, now = await registries.of(snapshots.repository), datetime.now(UTC)
                asked = stored.artifacts.items()
                found = [await find_attestation(there, snapshots.repository, *one, by, now) for one in asked]
                execution = replace(execution, snapshots=tuple(one for one in found if one is not None))
            registry = await registries.of(repository)
            return await attest_run(stored, registry, repository, Alone(key, authority), execution)

    with stage(f"Pushing {run} to {repository.host}"):
        attested = asyncio.run(push())
    return Pushed(run, attested, name_of(key), keyless=isinstance(key, BundleSigner))


@dataclass(frozen=True, slots=True)
class Links:
    """What is asked of what a run was made by and from; the chain ends at the run where it is absent."""

    images: Policy
    snapshots: Policy


def verify(
    target: str,
    signers: ChainSigners,
    policy: Policy,
    links: Links | None,
    *,
    plain_http: bool,
    replays: bool = True,
) -> Verified | VerifiedSession | VerifiedSnapshot:
    """Verify a run in a registry, with its image and its data by ``links``; or a session; or a snapshot.

    ``replays``: whether what replays of a run found is looked at. Raises what the rooms below raise where a registry
    cannot be asked, and CommandFailure where a session is to be verified without its replays.
    """
    from tradeplane_cli.session_evidence import VerifiedSession
    from tradeplane_cli.snapshot_evidence import VerifiedSnapshot

    reference, now = parse_reference(target), datetime.now(UTC)

    async def look() -> Verified | VerifiedSession | VerifiedSnapshot:
        async with Registries(partial(registry_at, plain_http=plain_http)) as registries:
            registry = await registries.of(reference)
            kind = await kind_of(registry, reference)
            if kind == SESSION_TYPE:
                _needs_replays(reference, replays=replays)
                return VerifiedSession(await verify_session(registry, reference, signers.runs, policy, now))
            if kind == SNAPSHOT_TYPE:
                trust = Trust(signers.snapshots, policy.of_snapshots(), now)
                return VerifiedSnapshot(await verify_whole_snapshot(registry, reference, trust))
            images, snapshots = None, None
            if links is not None:
                images = Images(registries.of, Trust(signers.images, links.images, now))
                snapshots = Snapshots(registries.of, Trust(signers.snapshots, links.snapshots, now))
            return Verified(
                await verify_run(
                    registry, reference, signers.runs, policy, now, images, snapshots=snapshots, replays=replays
                )
            )

    with stage(f"Verifying {reference}"):
        return asyncio.run(look())


def _needs_replays(reference: Reference, *, replays: bool) -> None:
    if not replays:
        raise CommandFailure(
            f"{reference} is a session, and what its replays found is all that vouches for one",
            code=ExitCode.INVALID,
            remedy="leave --no-replays out",
        )
