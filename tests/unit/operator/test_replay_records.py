"""Records of replays: each that agrees with itself is believed, and each that does not is refused with why."""

from __future__ import annotations

from typing import Any

import pytest
from tradeplane_api.parity import Baseline, Compared, Parity, ReplayRecord, ReplaySpecification, Tolerance, WhatIf
from tradeplane_operator.observing.replay_records import check_record
from tradeplane_operator.planning.observed import ResultState
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.unit.operator.replay_planning import (
    DIVERGED,
    EXACT,
    MANIFEST,
    OTHER,
    RESULT,
    UNJUDGED,
    WHAT_IF,
    WITHIN,
    figures,
)

NAME = "again-1"
OF_A_RUN = ReplaySpecification(replay=NAME, baseline=Baseline(run="macd-1", manifest=MANIFEST))
OF_A_SESSION = ReplaySpecification(format_version=2, replay=NAME, session=MANIFEST)
TOLERANT = OF_A_SESSION.model_copy(update={"tolerance": Tolerance()})
CHANGED = OF_A_SESSION.model_copy(update={"what_if": WhatIf(parameters={"fast": 12})})
COMPARED = Compared(expected=figures(33, "2.5"), got=figures(31, "3.75"))


def _record(specification: ReplaySpecification, same: bool, **changes: Any) -> bytes:
    made = ReplayRecord(
        schema_version=specification.format_version,
        specification=specification,
        baseline_digest=RESULT,
        result_digest=RESULT if same else OTHER,
        verdict=EXACT,
        environment={},
    )
    return canonical_json(made.model_copy(update=changes))


@pytest.mark.parametrize(
    ("specification", "same", "changes"),
    [
        (OF_A_RUN, True, {}),
        (OF_A_RUN, False, {"verdict": DIVERGED}),
        (OF_A_SESSION, True, {}),
        (OF_A_SESSION, False, {"verdict": DIVERGED}),
        (OF_A_SESSION, True, {"verdict": DIVERGED}),
        (OF_A_SESSION, True, {"verdict": UNJUDGED}),
        (TOLERANT, False, {"verdict": WITHIN}),
        (TOLERANT, True, {}),
        (CHANGED, False, {"verdict": WHAT_IF, "compared": COMPARED}),
        (CHANGED, True, {"verdict": WHAT_IF, "compared": COMPARED}),
    ],
)
def test_a_record_that_agrees_with_itself_is_believed(
    specification: ReplaySpecification, same: bool, changes: Any
) -> None:
    data = _record(specification, same, **changes)
    left = check_record(data, NAME)
    assert left.results.state is ResultState.FOUND
    assert left.results.manifest_digest == sha256_digest(data)
    assert left.verdict == changes.get("verdict", EXACT)
    assert left.compared == changes.get("compared")


@pytest.mark.parametrize(
    ("specification", "same", "changes", "words"),
    [
        (OF_A_RUN, False, {}, "verdict is not that of its digests"),
        (OF_A_RUN, True, {"verdict": DIVERGED}, "verdict is not that of its digests"),
        (OF_A_RUN, False, {"verdict": WITHIN}, "without a tolerance"),
        (OF_A_RUN, True, {"schema_version": 2}, "schemaVersion"),
        (OF_A_SESSION, True, {"schema_version": 1}, "schemaVersion"),
        (OF_A_SESSION, False, {}, "verdict is not that of its digests"),
        (OF_A_SESSION, False, {"verdict": WITHIN}, "without a tolerance"),
        (OF_A_SESSION, False, {"verdict": WHAT_IF, "compared": COMPARED}, "another question"),
        (TOLERANT, False, {}, "verdict is not that of its digests"),
        (TOLERANT, False, {"verdict": WITHIN.model_copy(update={"decisions": Parity.WITHIN})}, "decisions are Within"),
        (CHANGED, False, {"verdict": WHAT_IF}, "no figures"),
        (CHANGED, True, {"compared": COMPARED}, "another question"),
        (CHANGED, True, {"verdict": UNJUDGED, "compared": COMPARED}, "another question"),
        *(
            (OF_A_SESSION, True, {"verdict": EXACT.model_copy(update={"pnl_difference": text})}, "no number")
            for text in ("", "much", "NaN", "Infinity", "1.5 USD")
        ),
        (OF_A_SESSION.model_copy(update={"replay": "again-2"}), True, {}, "of replay 'again-2'"),
    ],
)
def test_a_record_that_does_not_is_refused_with_why(
    specification: ReplaySpecification, same: bool, changes: Any, words: str
) -> None:
    left = check_record(_record(specification, same, **changes), NAME)
    assert left.results.state is ResultState.REFUSED
    assert words in left.results.message
    assert (left.verdict, left.compared) == (None, None)


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"\xff", _record(OF_A_SESSION, True)[:-9]])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    left = check_record(data, NAME)
    assert left.results.state is ResultState.REFUSED
    assert "cannot be read" in left.results.message
