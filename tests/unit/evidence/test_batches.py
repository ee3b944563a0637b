"""Within a quota, what waits is signed as one; what one run is said to be stands in its own artifact."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.errors import Malformed, PolicyRefused, SignerUnavailable
from tradeplane_evidence.results_artifact import with_provenance
from tradeplane_evidence.signing.batches import Alone, Candidate, Quota, Signed, WithinQuota
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.batch import BATCH_BUILD_TYPE, batch_statement
from tradeplane_evidence.statements.statement import MAX_SUBJECTS, parse_statement, serialise
from tradeplane_evidence.verification.bundles import Claim, claim_of_one, verify_bundle
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.rules import ParameterIs, RuleRefused
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.unit.evidence import sample_replays, sample_runs

if TYPE_CHECKING:
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.keys import PublicKey
    from tradeplane_evidence.statements.statement import Statement

NOW = datetime(2026, 1, 6, tzinfo=UTC)
AT_ONCE = 1_000.0
"""Signatures a second of a quota that is not what is tested."""
FINISHED = sample_runs.EXECUTION.finished or ""


@dataclass
class Counted:
    """A signer that says how often it was asked, and refuses as long as it is told to."""

    signer: FileSigner
    times: int = 0
    refusals: int = 0
    deterministic: bool = field(default=True, init=False)

    @property
    def public_key(self) -> PublicKey:
        return self.signer.public_key

    def sign(self, data: bytes) -> bytes:
        self.times += 1
        if self.refusals:
            self.refusals -= 1
            raise SignerUnavailable("the quota of the account is used up; try again later")
        return self.signer.sign(data)


@pytest.fixture
def signer(tmp_path: Path) -> Counted:
    return Counted(sample_runs.signer_in(tmp_path))


def _provenance(run: str = sample_runs.RUN) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(canonical_json(sample_runs.statement().predicate))
    plain["buildDefinition"]["externalParameters"]["specification"]["run"] = run
    return plain


def _candidate(number: int = 0, builder: str = sample_runs.EXECUTION.builder) -> Candidate:
    second = f"2026-01-05T09:00:{number % 60:02}Z"
    return Candidate(sample_runs.statement(), sha256_digest(b"artifact %d" % number), builder, second)


def _statement(signed: Signed) -> Statement:
    return parse_statement(parse_bundle(signed.bundle).dsse_envelope.payload_bytes())


async def _all(signing: WithinQuota, *candidates: Candidate) -> list[Signed]:
    return await asyncio.gather(*(signing.sign(one) for one in candidates))


async def test_one_that_waits_is_signed_by_itself(signer: Counted) -> None:
    (signed,) = await _all(WithinQuota(signer, Quota(AT_ONCE)), _candidate())
    assert signed == await Alone(signer).sign(_candidate())
    assert not signed.batched
    assert _statement(signed) == sample_runs.statement()


async def test_all_that_wait_are_one_statement_that_is_about_each(signer: Counted) -> None:
    candidates = [_candidate(number) for number in range(50)]
    signed = await _all(WithinQuota(signer, Quota(AT_ONCE)), *candidates)
    assert signer.times == 1
    assert len({one.bundle for one in signed}) == 1
    assert all(one.batched for one in signed)
    statement = _statement(signed[0])
    assert {one.artifact for one in candidates} == {f"sha256:{one.digest['sha256']}" for one in statement.subject}
    assert statement.predicate["runDetails"]["metadata"] == {"finishedOn": "2026-01-05T09:00:49Z"}


async def test_what_is_said_of_one_is_not_told_to_the_others(signer: Counted) -> None:
    (signed, _) = await _all(WithinQuota(signer, Quota(AT_ONCE)), _candidate(1), _candidate(2))
    statement = _statement(signed)
    assert statement.predicate["buildDefinition"] == {
        "buildType": BATCH_BUILD_TYPE,
        "externalParameters": {},
        "resolvedDependencies": [],
    }
    assert all(one.name is None for one in statement.subject)


async def test_no_statement_is_about_more_than_is_read(signer: Counted) -> None:
    signed = await _all(WithinQuota(signer, Quota(AT_ONCE)), *map(_candidate, range(MAX_SUBJECTS + 6)))
    times = Counter(one.bundle for one in signed)
    sizes = {len(_statement(Signed(bundle, batched=True)).subject): count for bundle, count in times.items()}
    assert sizes == {6: 6, MAX_SUBJECTS: MAX_SUBJECTS}
    assert signer.times == 2


@pytest.mark.parametrize("place", [0, 1, 3])
async def test_what_is_signed_by_itself_only_is_not_signed_with_runs_that_wait(signer: Counted, place: int) -> None:
    candidates = [_candidate(number) for number in range(3)]
    alone = Candidate(sample_replays.statement(), "", sample_runs.EXECUTION.builder, None)
    signed = await _all(WithinQuota(signer, Quota(AT_ONCE)), *candidates[:place], alone, *candidates[place:])
    own = signed.pop(place)
    assert not own.batched
    assert _statement(own) == sample_replays.statement()
    for candidate, one in zip(candidates, signed, strict=True):
        assert _statement(one).about(candidate.artifact)
        assert len(_statement(one).subject) == 3
    assert signer.times == 2


async def test_one_builder_does_not_sign_for_another(signer: Counted) -> None:
    candidates = [_candidate(number, f"https://example.com/{number % 2}") for number in range(6)]
    signed = await _all(WithinQuota(signer, Quota(AT_ONCE)), *candidates)
    for candidate, one in zip(candidates, signed, strict=True):
        statement = _statement(one)
        assert statement.about(candidate.artifact)
        assert statement.predicate["runDetails"]["builder"]["id"] == candidate.builder
    assert signer.times == 2


async def test_the_signer_is_not_asked_more_often_than_it_may_be(signer: Counted) -> None:
    signing, begun = WithinQuota(signer, Quota(20.0)), time.monotonic()
    for number in range(4):
        await signing.sign(_candidate(number))
    assert time.monotonic() - begun >= 3 / 20
    assert signer.times == 4


async def test_a_refusal_is_told_to_all_that_were_in_it_and_the_next_turn_is_another(signer: Counted) -> None:
    signer.refusals = 1
    signing = WithinQuota(signer, Quota(AT_ONCE))
    told = await asyncio.gather(*(signing.sign(_candidate(one)) for one in range(5)), return_exceptions=True)
    assert [type(one) for one in told] == [SignerUnavailable] * 5
    assert len({one.bundle for one in await _all(signing, _candidate(1), _candidate(2))}) == 1


async def test_where_one_gives_up_the_others_are_signed(signer: Counted) -> None:
    signing = WithinQuota(signer, Quota(20.0))
    await signing.sign(_candidate())
    waiting = [asyncio.create_task(signing.sign(_candidate(number))) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    signed = await asyncio.gather(*waiting[1:])
    assert [one.batched for one in signed] == [True, True]
    assert not _statement(signed[0]).about(_candidate(1).artifact)


def _claimed(signer: Counted, provenance: dict[str, Any], finished: str = FINISHED, **asked: Any) -> Claim:
    """Sign the artifact that has a provenance in it together with another; return what is claimed of it."""
    data, policy = canonical_json(provenance), Policy(**asked)
    artifact = with_provenance(sample_runs.artifact(), data)
    other = sha256_digest(b"another artifact")
    statement = batch_statement([artifact.digest, other], sample_runs.EXECUTION.builder, finished)
    bundle = sign_statement(statement, signer)
    claim = verify_bundle(bundle, artifact.digest, sample_runs.keyring(signer.signer), policy, NOW)
    return claim_of_one(claim, data, policy, NOW)


def test_the_claim_of_one_is_what_stands_in_its_artifact(signer: Counted) -> None:
    claim = _claimed(signer, _provenance())
    assert claim.provenance.plain() == _provenance()
    assert claim.made == datetime(2026, 1, 5, 9, 0, 7, tzinfo=UTC)
    assert claim.batch is not None
    assert claim.batch.build_definition.build_type == BATCH_BUILD_TYPE


def test_rules_are_asked_of_the_run_and_not_of_those_it_was_signed_with(signer: Counted) -> None:
    name = "specification.simulation.algorithm.name"
    assert _claimed(signer, _provenance(), rules=(ParameterIs(name, frozenset({"macd-momentum"})),)).batch is not None
    with pytest.raises(RuleRefused, match="asked for is sma-cross"):
        _claimed(signer, _provenance(), rules=(ParameterIs(name, frozenset({"sma-cross"})),))


def test_its_age_is_that_of_the_run_and_not_of_those_it_was_signed_with(signer: Counted) -> None:
    late = "2026-01-05T23:00:00Z"
    asked = {"max_age": timedelta(hours=12)}
    with pytest.raises(PolicyRefused, match="nothing older than 12:00:00"):
        _claimed(signer, _provenance(), late, **asked)


@pytest.mark.parametrize(
    ("at", "change", "words"),
    [
        (("runDetails", "builder"), {"id": "https://example.com/other"}, "was signed for by"),
        (("runDetails", "metadata"), {"finishedOn": "2026-01-05T09:00:08Z"}, "at the latest"),
        (("buildDefinition",), {"buildType": "https://example.com/v1"}, "what its parameters mean is not known"),
        (("buildDefinition",), {"buildType": BATCH_BUILD_TYPE}, "what its parameters mean is not known"),
        (("buildDefinition", "externalParameters"), {"override": 1}, "external parameter 'override'"),
    ],
)
def test_what_the_policy_does_not_ask_for_is_refused(
    signer: Counted, at: tuple[str, ...], change: dict[str, Any], words: str
) -> None:
    provenance = _provenance()
    place = provenance
    for step in at:
        place = place[step]
    place.update(change)
    with pytest.raises(PolicyRefused, match=words):
        _claimed(signer, provenance)


@pytest.mark.parametrize("provenance", [{}, {"buildDefinition": {}}, {"runDetails": {"builder": {"id": "x"}}}])
def test_what_is_no_provenance_is_refused(signer: Counted, provenance: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="the provenance in the artifact"):
        _claimed(signer, provenance)


def test_a_batch_that_chooses_something_is_refused(signer: Counted) -> None:
    """Nothing may be said of all of them at once: what it did to each is not known."""
    statement = batch_statement([sha256_digest(b"one")], sample_runs.EXECUTION.builder, FINISHED)
    predicate = json.loads(canonical_json(statement.predicate))
    predicate["buildDefinition"]["externalParameters"]["specification"] = {"run": "another"}
    bundle = sign_statement(statement.model_copy(update={"predicate": predicate}), signer)
    with pytest.raises(PolicyRefused, match="external parameter 'specification'"):
        verify_bundle(bundle, sha256_digest(b"one"), sample_runs.keyring(signer.signer), Policy(), NOW)


def test_a_batch_of_a_builder_that_the_key_does_not_sign_for_is_refused(signer: Counted) -> None:
    statement = batch_statement([sha256_digest(b"one")], "https://example.com/other", FINISHED)
    (trusted,) = sample_runs.keyring(signer.signer).keys
    keyring = replace(sample_runs.keyring(signer.signer), keys=(replace(trusted, builders=frozenset({"x"})),))
    with pytest.raises(PolicyRefused, match="does not sign for builder"):
        verify_bundle(sign_statement(statement, signer), sha256_digest(b"one"), keyring, Policy(), NOW)


def test_the_same_artifacts_in_another_order_are_the_same_statement() -> None:
    digests = [sha256_digest(b"%d" % number) for number in range(5)]
    turned = batch_statement([*reversed(digests), digests[0]], "b", FINISHED)
    assert turned == batch_statement(digests, "b", FINISHED)


def test_the_documented_example_is_a_statement_of_this_version() -> None:
    page = (Path(__file__).parents[3] / "docs" / "evidence" / "run-batch-v1.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    digests = ["sha256:" + "22" * 32, "sha256:" + "11" * 32]
    statement = batch_statement(digests, sample_runs.EXECUTION.builder, FINISHED)
    assert json.loads(example) == json.loads(serialise(statement))
    assert BATCH_BUILD_TYPE in page
