"""What replays of a run, or of a session, found, by the word of those who are relied on: bundles that are hung on it.

Nobody has to have replayed a run, so that nothing here asks for one. But whoever did and came to something else, by the
run's own image, has said that the run is not what it seems: that is not passed over, whatever others found.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_store import layout

from tradeplane_evidence.errors import EvidenceError, Malformed, PolicyRefused, ReplayDiverged
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
    TRADED_BY,
    result_of_tests,
)
from tradeplane_evidence.verification.attestations import REFUSALS, pull_attested
from tradeplane_evidence.verification.policy import AHEAD, about
from tradeplane_evidence.verification.signers import signed_by, signer_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradeplane_api.run import ResultsManifest

    from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
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
    """What replays found, as somebody signed it who is relied on.

    ``attestation``: digest of the manifest that holds the bundle. ``key``: fingerprint of the key. ``image``: digest by
    which they ran, ``own_image`` whether what was replayed had the same, as far as that is known. ``finished``: when
    the last of them ended, by the signer's own word; ``stamped``: when it was signed, by a trusted authority's.
    ``trusted``: who signed, where a certificate says so; ``key`` is the certificate's then.
    """

    attestation: str
    key: str
    signer: str
    found: ResultOfTests
    image: str | None
    own_image: bool
    finished: datetime | None
    stamped: datetime | None
    bundle: bytes = field(repr=False)
    trusted: TrustedIdentity | None = None

    @property
    def failed(self) -> bool:
        """Whether it says that the run, by its own image, comes to something else."""
        return self.own_image and self.found.result == "FAILED"

    def in_words(self) -> str:
        """Say what was found, where, and who says so."""
        tests = [*self.found.passed_tests, *self.found.warned_tests, *self.found.failed_tests]
        where = ", ".join(sorted({test.partition("/")[0] for test in tests})) or "no processor that it names"
        differs = f" ({', '.join(self.found.failed_tests)})" if self.found.failed_tests else ""
        other = "" if self.own_image else " with another image than the one recorded"
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
    """What all of them found.

    ``passed_over``: attestations that are not believed, or of which there were too many. ``fault``: what was wrong with
    the first that is not believed.
    """

    claims: tuple[ReplayClaim, ...] = ()
    passed_over: int = 0
    fault: EvidenceError | None = field(default=None, compare=False)

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


@dataclass(frozen=True, slots=True)
class HeldTo:
    """What replays must have been of and held to, for their results to be of what is here.

    ``what``: in words. ``digests``: by the names of a statement's configuration: algorithm and hexadecimal digits.
    ``image``: digest of the one it was made by, where it says so itself; ``image_stated``: the name by which a
    statement says so, where it is recorded beside it.
    """

    what: str
    digests: Mapping[str, tuple[str, str]]
    image: str | None = None
    image_stated: str | None = None

    def check(self, configuration: Mapping[str | None, ResourceDescriptor]) -> None:
        """Raise PolicyRefused where replays were held to something else."""
        for name, (algorithm, digits) in self.digests.items():
            one = configuration.get(name)
            if one is None or (one.digest or {}).get(algorithm) != digits:
                raise PolicyRefused(f"the replays were not held to {self.what}")

    def made_by(self, configuration: Mapping[str | None, ResourceDescriptor]) -> str | None:
        """Return the digest of the image that it was made by, as far as that is known."""
        return self.image if self.image_stated is None else _digest(configuration.get(self.image_stated))


def held_to_results(results: ResultsManifest, manifest: str) -> HeldTo:
    """Return what replays of a run must have been held to. ``manifest``: digest of the manifest of its results."""
    run, image = results.specification.run, results.specification.image
    digests = {
        layout.results_manifest(run): ("sha256", hexadecimal(manifest)),
        SPECIFICATION: (RUN_DIGEST, hexadecimal(results.run_digest)),
    }
    return HeldTo(f"the results of run {run} that are here", digests, image and image.rpartition("@")[2])


def held_to_session(snapshot: str) -> HeldTo:
    """Return what replays of the session of a snapshot must have been held to."""
    digests = {layout.snapshot_manifest(snapshot): ("sha256", hexadecimal(snapshot))}
    return HeldTo(f"the session of snapshot {snapshot}", digests, image_stated=TRADED_BY)


async def replays_of(
    registry: Registry, reference: Reference, trust: Trust, held: HeldTo, hung: Sequence[Descriptor]
) -> ReplayClaims:
    """Return what replays found of what is at a reference. Raises what the registry raises where it cannot be asked.

    ``hung``: what refers to it, but for the run's own attestation.
    """
    listed = results_of_tests_in(hung)
    claims, refused, faults = [], max(0, len(listed) - MAX_REPLAYS), list[EvidenceError]()
    for one in listed[:MAX_REPLAYS]:
        try:
            bundle = await pull_attested(registry, reference, one.digest)
            claims.append(claim_of(bundle, one.digest, reference, trust, held))
        except REFUSALS as error:
            refused += stated(one) is not None  # a registry that tells of none what it states has others among them
            faults.append(error)
    return ReplayClaims(tuple(claims), refused, next(iter(faults), None))


def results_of_tests_in(hung: Sequence[Descriptor]) -> list[Descriptor]:
    """Return what states results of tests of what refers to something, or may: not every registry tells."""
    bundles = [one for one in hung if one.artifact_type in {BUNDLE_TYPE, None}]
    return [one for one in bundles if stated(one) in {TEST_RESULT_TYPE, None}]


def claim_of(bundle: bytes, attestation: str, reference: Reference, trust: Trust, held: HeldTo) -> ReplayClaim:
    """Return what a bundle claims of replays. Raises one of ``REFUSALS``."""
    payload, key, stamped, trusted = signed_by(bundle, trust.signers)
    statement = parse_statement(payload)
    about(statement, reference.digest or "")
    found = result_of_tests(statement)
    configuration = {one.name: one for one in found.configuration}
    held.check(configuration)
    builder = configuration.get(BUILDER)
    trust.policy.check_builder("" if builder is None else builder.uri or "", key)
    finished = _finished(found)
    latest = trust.now if stamped is None else min(trust.now, stamped[0])
    if finished is not None and finished > latest + AHEAD:
        raise PolicyRefused(
            f"the replays are of {told(finished)}, which is yet to come: they were signed by {told(latest)}"
        )
    key.check(finished or trust.now if stamped is None else stamped[0], trusted=stamped is not None)
    image, own = _digest(configuration.get(IMAGE)), held.made_by(configuration)
    return ReplayClaim(
        attestation=attestation,
        key=key.key.fingerprint,
        signer=signer_in_words(key, None if trusted is None else trusted.identity),
        found=found,
        image=image,
        own_image=None in (own, image) or image == own,
        finished=finished,
        stamped=None if stamped is None else stamped[0],
        bundle=bundle,
        trusted=trusted,
    )


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
