"""Signing a summary of a verification that passed into a file, as ``tradeplane verify --summary`` does it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from tradeplane_api.run import ExitCode
from tradeplane_evidence.signing.opening import open_statement_signer
from tradeplane_evidence.signing.signer import sign_and_stamp
from tradeplane_evidence.statements.verification_summary import LEVELS, VERIFIER, Verifier
from tradeplane_evidence.verification.runs import Verification
from tradeplane_evidence.verification.signers import names_of
from tradeplane_evidence.verification.summaries import Asked, summed_up

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.signing_passphrase import passphrase

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.signers import ChainSigners

    from tradeplane_cli.evidence import Links, Verified
    from tradeplane_cli.session_evidence import VerifiedSession
    from tradeplane_cli.snapshot_evidence import VerifiedSnapshot


@dataclass(frozen=True, slots=True)
class Wanted:
    """A summary that is asked for."""

    file: Path
    signer: str
    verifier: str
    level: str

    @classmethod
    def of(cls, file: Path | None, signer: str | None, verifier: str | None, level: int) -> Wanted | None:
        """Return what is asked for by the options given. Raises CommandFailure where half of it is, or it is there."""
        if file is None and signer is None:
            return None
        if file is None or signer is None:
            raise CommandFailure(
                "a summary needs a file and who signs it, and one of the two is given",
                code=ExitCode.INVALID,
                remedy="give --summary FILE and --signer URI",
            )
        if file.exists():
            raise CommandFailure(f"{file} is there already", code=ExitCode.INVALID, remedy="name another file")
        return cls(file, signer, verifier or VERIFIER, LEVELS[level - 1])


def write_summary(
    verified: Verified | VerifiedSession | VerifiedSnapshot,
    wanted: Wanted,
    signers: ChainSigners,
    policy: Policy,
    links: Links | None,
    *,
    replayed: bool,
    replays: bool,
) -> None:
    """Sign the summary of a run's verification into a new file. Raises what signing raises, and CommandFailure."""
    found = verified.verification
    if not isinstance(found, Verification):
        raise CommandFailure(
            f"{found.reference} is no run, and a summary is of a run", remedy="leave --summary and --signer out"
        )
    verifier = Verifier(id=wanted.verifier, version={"tradeplane": version("tradeplane-cli")})
    images, snapshots = (None, None) if links is None else (links.images, links.snapshots)
    asked = Asked(names_of(signers.runs), policy, images, replayed, replays=replays, snapshots=snapshots)
    if links is not None and signers.differ:
        asked = replace(asked, image_signers=names_of(signers.images), snapshot_signers=names_of(signers.snapshots))
    statement = summed_up(found, asked, verifier, wanted.level, datetime.now(UTC))
    bundle = asyncio.run(sign_and_stamp(statement, open_statement_signer(wanted.signer, passphrase()), None))
    try:
        with wanted.file.open("xb") as file:
            file.write(bundle)
    except OSError as error:
        raise CommandFailure(
            f"the summary {wanted.file} cannot be written: {error.strerror}", remedy="name another file by --summary"
        ) from error
    found.say("summary", f"{wanted.level} by {wanted.verifier}, in {wanted.file}")
