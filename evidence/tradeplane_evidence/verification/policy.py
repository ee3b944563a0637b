"""What a genuine statement must say to be relied on. Each rule is its own, and refuses in its own words.

SLSA's "Verifying artifacts" is the source of what is asked: the builder that is trusted for the key, the build type
whose parameters are understood, and no parameter that is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.errors import Malformed, PolicyRefused
from tradeplane_evidence.signing.keyring import told
from tradeplane_evidence.statements.batch import BATCH_BUILD_TYPE
from tradeplane_evidence.statements.run import RUN_BUILD_TYPE, RUN_PARAMETERS
from tradeplane_evidence.statements.snapshot import SNAPSHOT_BUILD_TYPE, SNAPSHOT_PARAMETERS
from tradeplane_evidence.verification.rules import too_old

if TYPE_CHECKING:
    from tradeplane_evidence.signing.keyring import TrustedKey
    from tradeplane_evidence.statements.provenance import Provenance
    from tradeplane_evidence.statements.statement import Statement
    from tradeplane_evidence.verification.bundles import Claim
    from tradeplane_evidence.verification.rules import Rule

AHEAD = timedelta(minutes=5)
"""How far a signer's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked for. ``builders``: None where any will do that the key signs for.

    ``timestamped``: whether a trusted authority must say when it was signed. ``rules``: what is asked beside, all of
    it (``verification.rules``). A policy is a rule itself.
    """

    builders: frozenset[str] | None = None
    build_types: frozenset[str] = frozenset({RUN_BUILD_TYPE})
    parameters: frozenset[str] = RUN_PARAMETERS
    max_age: timedelta | None = None
    timestamped: bool = False
    rules: tuple[Rule, ...] = ()

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise PolicyRefused where a claim is not what is asked for, or says that it is of after it was signed."""
        stamped = claim.stamped is not None
        self.check_builder(claim.provenance.run_details.builder.id, claim.key)
        self.check_definition(claim.provenance)
        signed = now if claim.stamped is None else min(now, claim.stamped[0])
        if claim.made is not None and claim.made > signed + AHEAD:
            raise PolicyRefused(
                f"it is of {told(claim.made)}, which is yet to come: it was signed by {told(signed)}; check both clocks"
            )
        self.check_age(claim.made if claim.stamped is None else claim.stamped[0], now, stamped=stamped)
        self.check_rules(claim, now)

    def check_rules(self, claim: Claim, now: datetime) -> None:
        """Raise PolicyRefused where one of the rules refuses a claim."""
        for rule in self.rules:
            rule.check(claim, now)

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values, by which one is told from another (docs/evidence/summary-v1.md)."""
        return {
            "builders": None if self.builders is None else sorted(self.builders),
            "buildTypes": sorted(self.build_types),
            "parameters": sorted(self.parameters),
            "maxAgeSeconds": None if self.max_age is None else int(self.max_age.total_seconds()),
            "timestamped": self.timestamped,
            **({"rules": [rule.plain() for rule in self.rules]} if self.rules else {}),
        }

    def check_definition(self, provenance: Provenance) -> None:
        """Raise PolicyRefused where what was asked of the builder is not understood."""
        definition = provenance.build_definition
        if definition.build_type not in self.build_types:
            raise PolicyRefused(
                f"the build type is {definition.build_type}, and what its parameters mean is not known; "
                f"expected is {' or '.join(sorted(self.build_types))}"
            )
        unknown = sorted(set(definition.external_parameters) - self.parameters)
        if unknown:
            raise PolicyRefused(
                f"the external parameter {unknown[0][:64]!r} is not one of {', '.join(sorted(self.parameters))}: "
                "what it did is not known; use a tradeplane that knows it"
            )

    def of_batches(self) -> Policy:
        """Return the policy for a statement that many runs are in: it chooses nothing, and has no parameters.

        Rules are asked of each run, whose provenance is in its own artifact.
        """
        return replace(self, build_types=frozenset({BATCH_BUILD_TYPE}), parameters=frozenset(), rules=())

    def of_snapshots(self) -> Policy:
        """Return what is asked of how a snapshot came to be, where the same is asked as of a run."""
        return replace(self, build_types=frozenset({SNAPSHOT_BUILD_TYPE}), parameters=SNAPSHOT_PARAMETERS)

    def check_batched(self, provenance: Provenance, batch: Provenance) -> None:
        """Raise PolicyRefused where the provenance of one run is not what is asked for, or not its batch's word."""
        builder, signed_for = provenance.run_details.builder.id, batch.run_details.builder.id
        if builder != signed_for:
            raise PolicyRefused(f"the run is said to be by builder {builder}, and was signed for by {signed_for}")
        made, latest = made_at(provenance), made_at(batch)
        if made is not None and (latest is None or made > latest):
            until = "no time" if latest is None else f"{told(latest)} at the latest"
            raise PolicyRefused(f"the run is of {told(made)}, and those it was signed with are of {until}")
        self.check_definition(provenance)

    def check_builder(self, builder: str, key: TrustedKey) -> None:
        """Raise PolicyRefused where a builder is not asked for, or is none that the key signs for."""
        if key.builders is not None and builder not in key.builders:
            raise PolicyRefused(f"key {key.key.fingerprint} does not sign for builder {builder}, by the keyring")
        if self.builders is not None and builder not in self.builders:
            raise PolicyRefused(f"the builder is {builder}, and asked for is {' or '.join(sorted(self.builders))}")

    def check_age(self, at: datetime | None, now: datetime, *, stamped: bool) -> None:
        """Raise PolicyRefused where it is too old, or where nobody says its age that is trusted and asked for."""
        if self.timestamped and not stamped:
            raise PolicyRefused("no timestamp authority of the keyring says when it was signed, and that is asked for")
        words = None if self.max_age is None else too_old(at, self.max_age, now)
        if words is not None:
            raise PolicyRefused(words)


def about(statement: Statement, digest: str) -> None:
    """Raise PolicyRefused where a statement is of something else."""
    if not statement.about(digest):
        raise PolicyRefused(f"the statement is not about {digest}, but about {statement.subject[0].name or 'another'}")


def made_at(provenance: Provenance) -> datetime | None:
    """Return when a provenance says that it was finished; None where it says nothing. Raises Malformed."""
    metadata = provenance.run_details.metadata
    text = None if metadata is None else metadata.finished_on
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"the provenance: runDetails.metadata.finishedOn: {text!r} is no time (RFC 3339)") from error
    if found.tzinfo is None:
        raise Malformed(f"the provenance: runDetails.metadata.finishedOn: {text!r} has no offset (RFC 3339)")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise Malformed(f"the provenance: runDetails.metadata.finishedOn: {text!r} is of no year in UTC") from error
