"""What is stated of replays: in the words of in-toto's predicate, the same each time, never better than they were."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigstore import dsse
from tradeplane_evidence.errors import Malformed, PolicyRefused
from tradeplane_evidence.statements.statement import parse_statement, serialise
from tradeplane_evidence.statements.test_result import TEST_RESULT_TYPE, result_of_tests
from tradeplane_store.canonical import canonical_json

from tests.unit.evidence import sample_replays, sample_runs
from tests.unit.evidence.sample_replays import AMD64, ARM64, BOTH_DIVERGED, DIVERGED, EXACT, UNJUDGED, WITHIN, replay

if TYPE_CHECKING:
    from tradeplane_api.parity import Verdict
    from tradeplane_api.replay import ReplayRun

FIELDS = {"result", "configuration", "url", "passedTests", "warnedTests", "failedTests"}
"""What the specification of the predicate has; the first two are required."""


def _predicate(*replays: ReplayRun) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(serialise(sample_replays.statement(*replays)))
    return dict(plain["predicate"])


def _said(*verdicts: Verdict) -> tuple[Any, ...]:
    """Return result and tests of replays on one processor, repeated."""
    found = _predicate(*(replay(AMD64, one, number) for number, one in enumerate(verdicts, 1)))
    return found["result"], found["passedTests"], found["warnedTests"], found["failedTests"]


def test_it_is_about_the_artifact_of_the_run_that_was_replayed() -> None:
    statement = sample_replays.statement()
    assert statement.about(sample_runs.artifact().digest)
    assert [one.name for one in statement.subject] == [sample_runs.RUN]
    assert statement.predicate_type == TEST_RESULT_TYPE


def test_exact_on_both_processors_is_passed() -> None:
    found = _predicate()
    assert found["result"] == "PASSED"
    assert found["passedTests"] == ["amd64/decisions", "amd64/execution", "arm64/decisions", "arm64/execution"]
    assert found["warnedTests"] == found["failedTests"] == []


def test_one_that_differs_on_one_processor_is_failed_and_named() -> None:
    found = _predicate(replay(AMD64), replay(ARM64, DIVERGED))
    assert found["result"] == "FAILED"
    assert found["failedTests"] == ["arm64/execution"]
    assert found["passedTests"] == ["amd64/decisions", "amd64/execution", "arm64/decisions"]


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ((WITHIN,), ("WARNED", ["amd64/decisions"], ["amd64/execution"], [])),
        ((EXACT, WITHIN), ("WARNED", ["amd64/decisions"], ["amd64/execution"], [])),
        ((DIVERGED, EXACT), ("FAILED", ["amd64/decisions"], [], ["amd64/execution"])),
        ((EXACT, DIVERGED), ("FAILED", ["amd64/decisions"], [], ["amd64/execution"])),
        ((WITHIN, BOTH_DIVERGED), ("FAILED", [], [], ["amd64/decisions", "amd64/execution"])),
    ],
)
def test_a_test_is_as_good_as_the_worst_of_its_repeats(verdicts: tuple[Verdict, ...], said: tuple[Any, ...]) -> None:
    assert _said(*verdicts) == said


def test_its_configuration_is_image_specification_results_and_each_record() -> None:
    found = {one["name"]: one for one in _predicate(replay(AMD64), replay(ARM64, DIVERGED))["configuration"]}
    assert found.pop("builder") == {"name": "builder", "uri": sample_runs.REPLAYER}
    assert found.pop("image")["digest"] == {"sha256": "ab" * 32}
    digest = sample_runs.results().run_digest.removeprefix("sha256:")
    assert found.pop("specification")["digest"] == {"tradeplane.run.v1": digest}
    manifest = next(layer for name, layer in sample_runs.artifact().layers.items() if name == "manifest.json")
    assert found.pop(f"results/{sample_runs.RUN}/manifest.json")["digest"] == {
        "sha256": manifest.digest.removeprefix("sha256:")
    }
    assert found["replays/again-arm64-1/record.json"]["annotations"] == {
        "architecture": "arm64",
        "repeat": 1,
        "decisions": "Exact",
        "execution": "Diverged",
        "fills": "417/420",
        "pnlDifference": "-1.500000000",
        "divergence": "trades[417].price",
        "finishedOn": "2026-01-05T10:00:11Z",
    }
    assert set(found) == {"replays/again-amd64-1/record.json", "replays/again-arm64-1/record.json"}


def test_the_documented_example_is_a_statement_of_this_version_in_the_form_of_the_predicate() -> None:
    page = Path(__file__).parents[3] / "docs" / "evidence" / "replay-v1.md"
    text = page.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    document = json.loads(example)
    assert document == sample_replays.statement().plain()
    assert set(document["predicate"]) <= FIELDS
    assert {"result", "configuration"} <= set(document["predicate"])
    assert all({"uri", "digest", "content"} & set(one) for one in document["predicate"]["configuration"])
    assert dsse.Statement(serialise(sample_replays.statement()))._inner.predicate_type == TEST_RESULT_TYPE


@pytest.mark.parametrize("verdict", [None, UNJUDGED])
def test_what_was_not_judged_is_not_stated(verdict: Verdict | None) -> None:
    with pytest.raises(PolicyRefused, match="was not judged"):
        sample_replays.statement(replay(AMD64), replay(ARM64, verdict))


@given(verdicts=st.lists(st.sampled_from([EXACT, WITHIN, DIVERGED, BOTH_DIVERGED]), min_size=1, max_size=8))
def test_nothing_passes_that_differed_and_nothing_is_left_out(verdicts: list[Verdict]) -> None:
    replays = [replay([AMD64, ARM64][number % 2], one, number // 2 + 1) for number, one in enumerate(verdicts)]
    found = result_of_tests(parse_statement(serialise(sample_replays.statement(*replays))))
    assert (found.result == "FAILED") == any(one.diverged for one in verdicts)
    assert (found.result == "PASSED") == all(one.exact for one in verdicts)
    named = [*found.passed_tests, *found.warned_tests, *found.failed_tests]
    architectures = {each.architecture.value for each in replays}
    assert sorted(named) == sorted(f"{one}/{part}" for one in architectures for part in ("decisions", "execution"))


def _changed(**changes: Any) -> bytes:
    plain = sample_replays.statement(replay(AMD64, DIVERGED)).plain()
    return canonical_json(plain | {"predicate": plain["predicate"] | changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"result": "PASSED"}, "'amd64/execution' failed"),
        ({"result": "WARNED"}, "'amd64/execution' failed"),
        ({"result": "PASSED", "failedTests": [], "warnedTests": ["amd64/execution"]}, "'amd64/execution' warned"),
        ({"result": "GREEN"}, "result"),
        ({"configuration": None}, "configuration"),
        ({"configuration": [{"name": "image"}]}, "neither uri nor digest"),
        ({"failedTests": "amd64/execution"}, "failedTests"),
    ],
)
def test_a_result_that_is_not_that_of_its_tests_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        result_of_tests(parse_statement(_changed(**changes)))


def test_a_statement_of_another_kind_is_refused() -> None:
    with pytest.raises(PolicyRefused, match="and not https://in-toto"):
        result_of_tests(sample_runs.statement())
