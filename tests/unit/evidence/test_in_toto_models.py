"""Every statement that is made here is one to in-toto's own models, predicates included, and says to them the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement as TheirStatement
from tradeplane_evidence.ledger.heads import HEAD_TYPE
from tradeplane_evidence.statements.approval import APPROVAL_TYPE
from tradeplane_evidence.statements.statement import serialise

from tests.unit.evidence import sample_runs
from tests.unit.evidence.sample_statements import STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message
    from tradeplane_evidence.statements.statement import Statement

PREDICATES: dict[str, type[Message]] = {
    "https://slsa.dev/provenance/v1": provenance_pb2.Provenance,
    "https://in-toto.io/attestation/test-result/v0.1": test_result_pb2.TestResult,
    "https://slsa.dev/verification_summary/v1": vsa_pb2.VerificationSummary,
}
WITHOUT_A_MODEL = {"https://cyclonedx.org/bom", APPROVAL_TYPE, HEAD_TYPE}
"""Predicates of which in-toto has no model: CycloneDX has its own schema, and approvals and heads are our forms."""


def _read(plain: Any) -> Any:
    """Return a statement as their model has it, as plain values. Raises ParseError or ValueError, as they do."""
    read = ParseDict(plain, statement_pb2.Statement())
    TheirStatement.copy_from_pb(read).validate()
    return MessageToDict(read)


def _read_predicate(plain: Any) -> Any:
    """Return a predicate the same way."""
    return MessageToDict(ParseDict(_known(plain["predicate"]), PREDICATES[plain["predicateType"]]()))


def _known(predicate: Any) -> Any:
    """Return a predicate without what their model of a summary is too old for.

    ``verifiedLevels`` is one text in it, and a list in SLSA v1.0; ``verifier`` has had a version since SLSA v1.1.
    """
    known = {name: value for name, value in predicate.items() if name != "verifiedLevels"}
    if "verifier" in known:
        known["verifier"] = {"id": known["verifier"]["id"]}
    return known


def _filled(value: Any) -> Any:
    """Return plain values without what is empty, which a form of protobuf does not tell from absent."""
    if isinstance(value, dict):
        filled = {name: _filled(inner) for name, inner in value.items()}
        return {name: inner for name, inner in filled.items() if inner not in ([], {})}
    return [_filled(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=list(STATEMENTS))
def test_a_statement_is_one_to_their_model_and_says_the_same(statement: Statement) -> None:
    plain = json.loads(serialise(statement))
    assert _read(plain) == plain


@pytest.mark.parametrize("name", [name for name, one in STATEMENTS.items() if one.predicate_type in PREDICATES])
def test_a_predicate_is_one_to_their_model_and_says_the_same(name: str) -> None:
    plain = json.loads(serialise(STATEMENTS[name]))
    assert _filled(_read_predicate(plain)) == _filled(_known(plain["predicate"]))


def test_each_kind_of_predicate_is_held_to_a_model() -> None:
    made = {statement.predicate_type for statement in STATEMENTS.values()}
    assert made == PREDICATES.keys() | WITHOUT_A_MODEL


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.update(subject=[]),
        lambda plain: plain["subject"][0].update(digest={}),
        lambda plain: plain.update(predicateType=""),
        lambda plain: plain.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda plain: plain.update(unknown=1),
        lambda plain: plain["predicate"]["runDetails"].update(unknown=1),
        lambda plain: plain["predicate"]["buildDefinition"].update(resolvedDependencies={}),
        lambda plain: plain["predicate"]["runDetails"]["metadata"].update(startedOn="yesterday"),
    ],
)
def test_their_models_refuse_what_is_none(change: Callable[[Any], object]) -> None:
    plain = json.loads(serialise(sample_runs.statement(sample_runs.ATTESTED_IMAGE)))
    change(plain)
    with pytest.raises((ParseError, ValueError)):
        (_read(plain), _read_predicate(plain))
