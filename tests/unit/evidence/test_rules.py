"""Rules, each by itself and put together: what passes, what is refused, and that the refusal says which rule it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.errors import PolicyRefused
from tradeplane_evidence.keyless.identities import Identity
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.statements.statement import serialise
from tradeplane_evidence.statements.test_result import TEST_RESULT_TYPE
from tradeplane_evidence.verification.bundles import Claim, verify_bundle
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.rules import (
    BuiltBy,
    NoOlderThan,
    ParameterIs,
    PredicateIs,
    Rule,
    RuleRefused,
    SignedBy,
    SubjectIs,
    Timestamped,
    all_of,
    any_of,
    signs_for,
)

from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import ISSUER, SUBJECT, PrivateSigstore, SomebodyThere

if TYPE_CHECKING:
    from tradeplane_evidence.signing.file_signer import FileSigner

NOW = datetime(2026, 1, 6, tzinfo=UTC)
BUILDER, ELSEWHERE = sample_runs.EXECUTION.builder, "https://example.com/builders/elsewhere"
SOMEBODY = SomebodyThere(PrivateSigstore())
ALGORITHM = "specification.simulation.algorithm.name"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return sample_runs.signer_in(tmp_path_factory.mktemp("key"))


def _by_key(signer: FileSigner, *rules: Rule) -> Claim:
    digest, ring = sample_runs.artifact().digest, sample_runs.keyring(signer)
    return verify_bundle(sample_runs.bundle(signer), digest, ring, Policy(rules=rules), NOW)


def _by_name(*rules: Rule) -> Claim:
    bundle = SOMEBODY.signed_bundle(serialise(sample_runs.statement()))
    return verify_bundle(bundle, sample_runs.artifact().digest, SOMEBODY.trusted(), Policy(rules=rules), NOW)


def _is(name: str, *values: str) -> Rule:
    return ParameterIs(name, frozenset(values))


@pytest.mark.parametrize(
    "rule",
    [
        BuiltBy(frozenset({BUILDER, ELSEWHERE})),
        PredicateIs(PREDICATE_TYPE),
        SubjectIs("summary.json"),
        NoOlderThan(timedelta(days=1)),
        _is(ALGORITHM, "sma-cross", "macd-momentum"),
        _is("specification.formatVersion", "1"),
        _is("specification.snapshots.0", sample_runs.results().specification.snapshots[0]),
        _is("specification.simulation.capital", "1000000"),
        all_of(),
        Policy(builders=frozenset({BUILDER})),
    ],
)
def test_what_a_rule_asks_for_passes(signer: FileSigner, rule: Rule) -> None:
    assert _by_key(signer, rule).made is not None
    assert _by_name(rule).identity is not None
    json.dumps(rule.plain())


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (BuiltBy(frozenset({ELSEWHERE})), f"the builder is {BUILDER}, and asked for is {ELSEWHERE}"),
        (PredicateIs(TEST_RESULT_TYPE), "the statement is a https://slsa.dev/provenance/v1"),
        (SubjectIs("other.arrow"), "subjects is called other.arrow"),
        (NoOlderThan(timedelta(hours=1)), "nothing older than 1:00:00"),
        (Timestamped(), "nobody who is trusted says"),
        (_is(ALGORITHM, "sma-cross"), f"{ALGORITHM} is macd-momentum, and asked for is sma-cross"),
        (_is("specification.simulation.algorithm", "macd-momentum"), 'algorithm is {"name":'),
        (_is("specification.snapshots.1", "x"), "there is no external parameter specification.snapshots.1"),
        (_is("specification.snapshots.-1", "x"), "there is no external parameter"),
        (_is("specification.run.0", "x"), "there is no external parameter"),
        (_is("override", "1"), r"there is no external parameter override \(at 'override'\)"),
        (_is(ALGORITHM), "asked for is nothing"),
        (any_of(), "there is none"),
    ],
)
def test_what_a_rule_does_not_ask_for_is_refused_by_that_rule(signer: FileSigner, rule: Rule, words: str) -> None:
    with pytest.raises(RuleRefused, match=words) as refused:
        _by_key(signer, rule)
    assert refused.value.rule is rule


def test_alternatives_are_told_each_with_its_reason(signer: FileSigner) -> None:
    fingerprint = signer.public_key.fingerprint
    pairs = any_of(signs_for(fingerprint, BUILDER), signs_for(Identity(SUBJECT, ISSUER), ELSEWHERE))
    assert _by_key(signer, pairs).identity is None
    with pytest.raises(RuleRefused, match=r"none of 2 rules allows it: .*signed by .*; the builder is") as refused:
        _by_name(pairs)
    assert refused.value.rule is pairs
    rules = [reason.rule for reason in refused.value.reasons if isinstance(reason, RuleRefused)]
    assert rules == [SignedBy(fingerprint), BuiltBy(frozenset({ELSEWHERE}))]


@pytest.mark.parametrize("other", [Identity(SUBJECT, "https://example.com"), Identity("x", ISSUER), SUBJECT])
def test_somebody_is_their_whole_name_and_no_key(other: Identity | str) -> None:
    assert _by_name(SignedBy(Identity(SUBJECT, ISSUER)), Timestamped()).identity is not None
    with pytest.raises(RuleRefused, match="signed by"):
        _by_name(SignedBy(other))
    claim = _by_name()
    with pytest.raises(RuleRefused):
        _by_name(SignedBy(claim.key.key.fingerprint))


def test_policies_are_alternatives_too(signer: FileSigner) -> None:
    new, old = Policy(max_age=timedelta(hours=1)), Policy(builders=frozenset({BUILDER}), max_age=timedelta(days=1))
    assert _by_key(signer, any_of(new, old)).made is not None
    strict = replace(old, rules=(SubjectIs("other.arrow"),))
    with pytest.raises(RuleRefused, match="nothing older than 1:00:00 is asked for; none of its"):
        _by_key(signer, any_of(new, strict))
    with pytest.raises(PolicyRefused, match="nothing older"):
        _by_key(signer, all_of(old, new))


def test_a_rule_widens_nothing(signer: FileSigner) -> None:
    """What the policy itself does not allow is refused, whatever an alternative among the rules says."""
    policy = Policy(builders=frozenset({ELSEWHERE}), rules=(any_of(BuiltBy(frozenset({BUILDER})), all_of()),))
    with pytest.raises(PolicyRefused, match="the builder is"):
        verify_bundle(
            sample_runs.bundle(signer), sample_runs.artifact().digest, sample_runs.keyring(signer), policy, NOW
        )


def test_rules_are_told_apart() -> None:
    plain = [Policy().plain(), *(Policy(rules=(one,)).plain() for one in (all_of(), any_of(), Timestamped()))]
    assert "rules" not in plain[0]
    assert len({json.dumps(one) for one in plain}) == 4
