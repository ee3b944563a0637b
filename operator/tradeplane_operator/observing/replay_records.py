"""Records of replays as pods leave them: believed only where they are about the replay and agree with themselves.

A pod of a tenant wrote them. Whoever reads a verdict here on need not ask whether a tolerance was given, or whether it
is that of a what-if: the record says so, or it is refused.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from pydantic import ValidationError
from tradeplane_api.parity import Parity, ReplayRecord
from tradeplane_store.canonical import sha256_digest

from tradeplane_operator.observing.problems import first_problem
from tradeplane_operator.planning.observed import ReplayFacts, ResultFacts, ResultState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.parity import Verdict


def refused(message: str, state: ResultState = ResultState.REFUSED) -> ReplayFacts:
    """Return that there is no record to go by, and why."""
    return ReplayFacts(ResultFacts(state, message))


def check_record(data: bytes, replay: str) -> ReplayFacts:
    """Return the facts of a replay's record, FOUND only where it is about this replay and agrees with itself."""
    try:
        record = ReplayRecord.model_validate_json(data)
    except ValidationError as error:
        return refused(f"the replay's record cannot be read: {first_problem(error)}")
    if record.specification.replay != replay:
        return refused(f"the record is of replay {record.specification.replay!r}")
    problem_found = next((words for words, holds in _AGREES if not holds(record)), None)
    if problem_found is not None:
        return refused(problem_found)
    facts = ResultFacts(ResultState.FOUND, result_digest=record.result_digest, manifest_digest=sha256_digest(data))
    return ReplayFacts(facts, record.verdict, record.compared)


def _of_its_version(record: ReplayRecord) -> bool:
    return record.schema_version == record.specification.format_version


def _of_its_digests(record: ReplayRecord) -> bool:
    """Version 1: exact where the digests are equal and nowhere else. Version 2: exact only where they are equal."""
    same = record.result_digest == record.baseline_digest
    return same or not record.verdict.exact if record.schema_version == 2 else record.verdict.exact == same


def _within_a_tolerance(record: ReplayRecord) -> bool:
    return record.specification.tolerance is not None or Parity.WITHIN not in _parts(record.verdict)


def _decisions_the_same(record: ReplayRecord) -> bool:
    return record.verdict.decisions is not Parity.WITHIN


def _judged_unless_a_what_if(record: ReplayRecord) -> bool:
    unjudged = [part is Parity.UNJUDGED for part in _parts(record.verdict)]
    return all(unjudged) if record.specification.what_if is not None else not unjudged[0]


def _in_figures(record: ReplayRecord) -> bool:
    return record.specification.what_if is None or record.compared is not None


def _difference_is_a_number(record: ReplayRecord) -> bool:
    try:
        return Decimal(record.verdict.pnl_difference).is_finite()
    except InvalidOperation:
        return False


def _parts(verdict: Verdict) -> tuple[Parity, Parity]:
    return verdict.decisions, verdict.execution


_AGREES: tuple[tuple[str, Callable[[ReplayRecord], bool]], ...] = (
    ("the record's schemaVersion is not that of what was asked", _of_its_version),
    ("the record's verdict is not that of its digests: equal digests are exact, others are not", _of_its_digests),
    ("the record's verdict is Within, and it was asked for without a tolerance", _within_a_tolerance),
    ("the record's decisions are Within: decisions are the same, or they are not", _decisions_the_same),
    (
        "the record's verdict is of another question: decisions are judged, and of a what-if nothing is",
        _judged_unless_a_what_if,
    ),
    ("the record of a what-if has no figures, and those are its answer", _in_figures),
    ("the record's pnlDifference is no number", _difference_is_a_number),
)
