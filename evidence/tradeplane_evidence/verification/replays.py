"""What replays of a run found, by the word of those who are relied on: bundles that are hung on it beside its own.

Nobody has to have replayed a run, so that nothing here asks for one. But whoever did and came to something else, by the
run's own image, has said that the run is not what it seems: that is not passed over, whatever others found.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_store import layout

from tradeplane_evidence.errors import Malformed, PolicyRefused, ReplayDiverged
from tradeplane_evidence.registry.bundles import stated
from tradeplane_evidence.signing.bundle import BUNDLE_TYPE
from tradeplane_evidence.signing.keyring import told
from tradeplane_evidence.statements.run import IMAGE
from tradeplane_evidence.statements.statement import hexadecimal, parse_statement
from tradeplane_evidence.statements.test_result import (
    BUILDER,
    RUN_DIGEST,
    SPECIFICATION,
    TEST_RESULT_TYPE,
    result_of_tests,
)
from tradeplane_evidence.verification.attestations import REFUSALS, pull_attested
from tradeplane_evidence.verification.bundles import signed_by, signer_in_words
from tradeplane_evidence.verification.policy import AHEAD, about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_api.run import ResultsManifest

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.statements.statement import ResourceDescriptor
    from tradeplane_evidence.statements.test_result import ResultOfTests
    from tradeplane_evidence.verification.attestations import Trust

MAX_REPLAYS = 64
"""Attestations of replays of one run that are looked at; whoever may write to a repository can add to them."""


@dataclass(frozen=True, slots=True)
class ReplayClaim:
    """What replays of a run found, as somebody signed it who is relied on.

    ``attestation``: digest of the manifest that holds the bundle. ``key``: fingerprint of the key. ``image``: digest by
    which they ran, ``own_image`` whether the run had the same.
    """

    attestation: str
    key: str
    signer: str
    found: ResultOfTests
    image: str | None
    own_image: bool
    finished: datetime | None
    bundle: bytes = field(repr=False)

    @property
    def failed(self) -> bool:
        """Whether it says that the run, by its own image, comes to something else."""
        return self.own_image and self.found.result == "FAILED"

    def in_words(self) -> str:
        """Say what was found, where, and who says so."""
        tests = [*self.found.passed_tests, *self.found.warned_tests, *self.found.failed_tests]
        where = ", ".join(sorted({test.partition("/")[0] for test in tests})) or "no processor that it names"
        differs = f" ({', '.join(self.found.failed_tests)})" if self.found.failed_tests else ""
        other = "" if self.own_image else " with another image than the run's"
        return f"{self.found.result} on {where}{differs}{other} (by {self.signer})"

    def as_json(self) -> dict[str, Any]:
        """Return its fields, as docs/cli.md states them."""
        return {
            "attestation": self.attestation,
            "result": self.found.result,
            "passedTests": list(self.found.passed_tests),
            "warnedTests": list(self.found.warned_tests),
            "failedTests": list(self.found.failed_tests),
            "image": self.image,
            "ownImage": self.own_image,
            "finishedOn": None if self.finished is None else told(self.finished),
            "signer": self.signer,
        }


@dataclass(frozen=True, slots=True)
class ReplayClaims:
    """What all of them found. ``passed_over``: attestations that are not believed, or of which there were too many."""

    claims: tuple[ReplayClaim, ...] = ()
    passed_over: int = 0

    def in_words(self) -> str:
        """Say it, what is the same once."""
        counted = Counter(one.in_words() for one in self.claims)
        words = [f"replayed: {said}" + (f", {count} times" if count > 1 else "") for said, count in counted.items()]
        if self.passed_over:
            words.append(f"{self.passed_over} passed over")
        return "; ".join(words)

    def check(self) -> None:
        """Raise ReplayDiverged where one says that the run comes to something else."""
        if any(one.failed for one in self.claims):
            raise ReplayDiverged(self.in_words())


async def replays_of(
    registry: Registry,
    reference: Reference,
    trust: Trust,
    results: ResultsManifest,
    manifest: str,
    hung: Sequence[Descriptor],
) -> ReplayClaims:
    """Return what replays of a run found. Raises what the registry raises where it cannot be asked.

    ``manifest``: digest of the manifest of its results. ``hung``: what refers to it, but for the run's own attestation.
    """
    bundles = [one for one in hung if one.artifact_type in {BUNDLE_TYPE, None}]
    found = [one for one in bundles if stated(one) in {TEST_RESULT_TYPE, None}]
    claims, refused = [], max(0, len(found) - MAX_REPLAYS)
    for one in found[:MAX_REPLAYS]:
        try:
            bundle = await pull_attested(registry, reference, one.digest)
            claims.append(claim_of(bundle, one.digest, reference, trust, results, manifest))
        except REFUSALS:
            refused += stated(one) is not None  # a registry that tells of none what it states has others among them
    return ReplayClaims(tuple(claims), refused)


def claim_of(
    bundle: bytes, attestation: str, reference: Reference, trust: Trust, results: ResultsManifest, manifest: str
) -> ReplayClaim:
    """Return what a bundle claims of replays of a run. Raises one of ``REFUSALS``."""
    payload, key, stamped, identity = signed_by(bundle, trust.signers)
    statement = parse_statement(payload)
    about(statement, reference.digest or "")
    found = result_of_tests(statement)
    configuration = {one.name: one for one in found.configuration}
    _is_of(configuration, results, manifest)
    builder = configuration.get(BUILDER)
    trust.policy.check_builder("" if builder is None else builder.uri or "", key)
    finished = _finished(found)
    latest = trust.now if stamped is None else min(trust.now, stamped[0])
    if finished is not None and finished > latest + AHEAD:
        raise PolicyRefused(
            f"the replays are of {told(finished)}, which is yet to come: they were signed by {told(latest)}"
        )
    key.check(finished or trust.now if stamped is None else stamped[0], trusted=stamped is not None)
    image = _digest(configuration.get(IMAGE))
    own = results.specification.image
    return ReplayClaim(
        attestation=attestation,
        key=key.key.fingerprint,
        signer=signer_in_words(key, identity),
        found=found,
        image=image,
        own_image=own is None or image is None or image == own.rpartition("@")[2],
        finished=finished,
        bundle=bundle,
    )


def _is_of(configuration: dict[str | None, ResourceDescriptor], results: ResultsManifest, manifest: str) -> None:
    """Raise PolicyRefused where the replays were not held to these results."""
    run = results.specification.run
    held = _digest(configuration.get(layout.results_manifest(run)))
    specification = configuration.get(SPECIFICATION)
    stated_run = None if specification is None else (specification.digest or {}).get(RUN_DIGEST)
    if held != manifest or stated_run != hexadecimal(results.run_digest):
        raise PolicyRefused(f"the replays were not held to the results of run {run} that are here")


def _digest(one: ResourceDescriptor | None) -> str | None:
    digest = None if one is None else (one.digest or {}).get("sha256")
    return None if digest is None else f"sha256:{digest}"


def _finished(found: ResultOfTests) -> datetime | None:
    """Return when the last of the replays ended, by the signer's word. Raises Malformed."""
    ended = [(one.annotations or {}).get("finishedOn") for one in found.configuration]
    try:
        times = [datetime.fromisoformat(text).astimezone(UTC) for text in ended if text is not None]
    except (TypeError, ValueError, OverflowError) as error:
        raise Malformed(f"the results of tests: finishedOn is no time (RFC 3339): {str(error)[:200]}") from error
    return max(times, default=None)
