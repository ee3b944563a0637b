"""A cluster's list of Strategies: which runs it names, which of them have no attestation, and what is refused of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tradeplane_api.attestation import AttestationStatus
from tradeplane_api.run import Outcome
from tradeplane_api.strategy import Architecture, RunStatus, Trigger
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.export.strategies import MAX_RUNS, StatedRun, read_strategies
from tradeplane_evidence.registry.references import parse_reference

REFERENCE = f"registry.example.com/runs/trading/sp500@sha256:{'ab' * 32}"


def run(name: str, outcome: str = "Succeeded", reference: str | None = REFERENCE) -> dict[str, Any]:
    attestation = None if reference is None else {"reference": reference, "attestation": f"sha256:{'cd' * 32}"}
    return {"name": name, "outcome": outcome, "completionTime": "2026-01-05T09:00:07Z", "attestation": attestation}


def strategy(latest: dict[str, Any] | None, *history: dict[str, Any], name: str = "sp500") -> dict[str, Any]:
    status = {"latest": latest, "history": list(history), "observedGeneration": 3, "conditions": [{"type": "Ready"}]}
    return {"kind": "Strategy", "metadata": {"name": name, "namespace": "trading", "uid": "u"}, "status": status}


def read(value: Any) -> tuple[StatedRun, ...]:
    return read_strategies(json.dumps(value).encode())


def test_attested_and_bare_runs_are_told_apart_and_others_left_out() -> None:
    found = read(
        {
            "items": [
                strategy(run("new", reference=None), run("old"), run("bad", "Failed", None), run("on", "Running", None))
            ]
        }
    )
    assert [(one.run, one.reference) for one in found] == [("new", None), ("old", parse_reference(REFERENCE))]
    assert {(one.namespace, one.strategy, one.finished) for one in found} == {
        ("trading", "sp500", "2026-01-05T09:00:07Z")
    }


def test_one_strategy_is_a_list_of_one_and_an_unseen_one_has_no_runs() -> None:
    assert len(read(strategy(run("new")))) == 1
    assert read({"items": [{"metadata": {"name": "unseen"}}]}) == ()
    assert read({"items": []}) == ()


def test_the_status_as_the_operator_writes_it_is_read() -> None:
    """Fields are named as the API has them: another name there would be no attestation here."""
    written = RunStatus(
        name="sp500-1",
        generation=1,
        trigger=Trigger.GENERATION,
        architecture=Architecture.AMD64,
        outcome=Outcome.SUCCEEDED,
        completion_time="2026-01-05T09:00:07Z",
        attestation=AttestationStatus(
            reference=REFERENCE,
            attestation=f"sha256:{'cd' * 32}",
            key=f"sha256:{'ef' * 32}",
            time="2026-01-05T09:00:08Z",
        ),
    )
    (found,) = read(strategy(written.model_dump(mode="json", by_alias=True)))
    assert found == StatedRun("trading", "sp500", "sp500-1", "2026-01-05T09:00:07Z", parse_reference(REFERENCE))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "the list of Strategies"),
        ({"items": {"a": 1}}, "items"),
        ({"items": [{"metadata": {}}]}, "metadata.name"),
        ({"items": [strategy(run("x", reference="file:///etc/passwd"))]}, "run x of Strategy trading/sp500: status"),
        ({"items": [strategy(run("x", reference="http://169.254.169.254/latest"))]}, "names nothing in a registry"),
        ({"items": [strategy(run("x", reference="localhost:1/runs/../../x@sha256:" + "00" * 32))]}, "repository"),
        ({"items": [strategy(run("x", reference="localhost:1/runs/x:v1"))]}, "has no digest"),
        ({"items": [strategy(None, *[run("x")] * (MAX_RUNS + 1))]}, "history"),
        ({"items": [strategy(run("x" * 300))]}, "name"),
    ],
)
def test_what_is_no_list_is_refused(value: Any, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        read(value)


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"items": [], "items": []}', b'{"items":' + b"[" * 500 + b"]" * 500 + b"}"]
)
def test_what_is_no_json_of_one_meaning_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_strategies(data)
