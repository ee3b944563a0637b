"""Which Snapshots are attested, what they say of it, and what runs on them wait for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.attestation import AttestationStatus
from tradeplane_api.snapshot_manifest import Holding
from tradeplane_operator.observing.index import Index
from tradeplane_operator.planning.attesting import AttestationEnd, AttestationFacts
from tradeplane_operator.planning.names import CAPTURE_UID_LABEL
from tradeplane_operator.planning.snapshot import ObservedSnapshot, SnapshotFacts, SnapshotState, plan
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.settings import Evidence

from tests.unit.evidence import sample_sessions
from tests.unit.operator.capture_simulation import capturing
from tests.unit.operator.simulation import NAMESPACE, SETTINGS, SNAPSHOT, ready_snapshot
from tests.unit.operator.test_snapshots import MANIFEST

if TYPE_CHECKING:
    from tradeplane_operator.planning.wanted import Plan

Json = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVIDENCE = Evidence(registry="registry.example.com/runs", signer="file:/key.pem")
ORIGIN: Json = {"capture": "tape", "bundle": 3, "specification": '{"store":"default"}'}
STATUS = AttestationStatus(
    reference=f"registry.example.com/runs/{NAMESPACE}/snapshots@sha256:{'a' * 64}",
    attestation=f"sha256:{'b' * 64}",
    key=f"sha256:{'c' * 64}",
    time=rfc3339(NOW),
)
DONE = AttestationFacts(AttestationEnd.DONE, NOW, attestation=STATUS)
DOWN = AttestationFacts(
    AttestationEnd.UNAVAILABLE, NOW, 1, "RegistryUnavailable", "registry.example.com cannot be reached"
)
FOUND = SnapshotFacts(SnapshotState.FOUND, manifest=MANIFEST)


def _snapshot(origin: Json | None = ORIGIN) -> Json:
    """Return a Snapshot that was just made."""
    body = ready_snapshot()
    return body | {"status": {} if origin is None else {"origin": origin}}


def _plan(
    of: Json,
    *facts: AttestationFacts,
    found: SnapshotFacts | None = FOUND,
    evidence: Evidence | None = EVIDENCE,
    now: datetime = NOW,
) -> Plan:
    settings = SETTINGS.model_copy(update={"evidence": evidence})
    return plan(
        ObservedSnapshot(of, found, attestations=dict.fromkeys([SNAPSHOT], *facts) if facts else {}), settings, now
    )


def _with(of: Json, wanted: Plan) -> Json:
    assert wanted.status is not None
    return {**of, "status": json.loads(json.dumps(wanted.status))}


def _condition(wanted: Plan, kind: str) -> Json:
    assert wanted.status is not None
    return next((one for one in wanted.status["conditions"] if one["type"] == kind), {})


def test_what_a_capture_sealed_is_attested_once_it_is_verified_and_ready_at_once() -> None:
    of = _snapshot()
    verified = _plan(of)
    assert _condition(verified, "Ready")["status"] == "True"
    assert (_condition(verified, "Attested")["status"], _condition(verified, "Attested")["reason"]) == (
        "False",
        "Attesting",
    )
    assert verified.attest_snapshot is not None
    assert (verified.attest_snapshot.name, verified.owed) == (SNAPSHOT, frozenset({SNAPSHOT}))
    assert verified.attest_snapshot.specification() == {"store": "default"}
    assert verified.status is not None
    assert verified.status["origin"] == ORIGIN
    attested = _plan(_with(of, verified), DONE, found=None)
    assert attested.status is not None
    assert attested.status["attestation"]["attestation"] == STATUS.attestation
    assert _condition(attested, "Attested")["status"] == "True"
    assert _condition(attested, "Ready")["message"] == _condition(verified, "Ready")["message"]
    assert (attested.attest_snapshot, attested.owed) == (None, frozenset())
    over = _plan(_with(_with(of, verified), attested), found=None)
    assert (over.status, over.attest_snapshot, over.owed) == (None, None, frozenset())


def test_a_restart_asks_again_for_what_is_owed() -> None:
    of = _with(_snapshot(), _plan(_snapshot()))
    again = _plan(of, found=None)
    assert again.attest_snapshot is not None
    assert again.status == of["status"]


def test_a_registry_that_is_down_delays_it_and_leaves_it_ready() -> None:
    of = _with(_snapshot(), _plan(_snapshot()))
    down = _plan(of, DOWN, found=None)
    assert _condition(down, "Ready")["status"] == "True"
    assert _condition(down, "Attested")["reason"] == "RegistryUnavailable"
    assert "cannot be reached" in _condition(down, "Attested")["message"]
    assert (down.attest_snapshot, down.owed) == (None, frozenset({SNAPSHOT}))
    assert down.look_again_at == NOW + timedelta(seconds=EVIDENCE.again_seconds)
    assert _plan(of, DOWN, found=None, now=down.look_again_at).attest_snapshot is not None
    refused = _plan(of, replace(DOWN, end=AttestationEnd.REFUSED), found=None)
    assert refused.look_again_at == NOW + timedelta(seconds=EVIDENCE.most_seconds)


def test_what_nobody_captured_is_not_attested_whatever_its_labels_say() -> None:
    """A tenant may write labels, as they may make Snapshots; statuses they may not."""
    of = _snapshot(origin=None)
    of["metadata"] = of["metadata"] | {"labels": {CAPTURE_UID_LABEL: "uid-c", "tradeplane.dev/bundle": "000003"}}
    verified = _plan(of)
    assert (verified.attest_snapshot, _condition(verified, "Attested")) == (None, {})
    assert _plan(_with(of, verified), found=None).status is None


@pytest.mark.parametrize("evidence", [None, EVIDENCE])
def test_without_evidence_and_of_sessions_nothing_is_said(evidence: Evidence | None) -> None:
    session = MANIFEST.model_validate_json(sample_sessions.manifest())
    assert session.holds is Holding.SESSION
    found = FOUND if evidence is None else SnapshotFacts(SnapshotState.FOUND, manifest=session)
    wanted = _plan(_snapshot(), found=found, evidence=evidence)
    assert (wanted.attest_snapshot, _condition(wanted, "Attested")) == (None, {})
    assert _plan(_with(_snapshot(), wanted), found=None, evidence=evidence).attest_snapshot is None


@pytest.mark.parametrize("state", [SnapshotState.MISSING, SnapshotState.REFUSED, SnapshotState.UNAVAILABLE])
def test_what_is_not_verified_is_not_attested(state: SnapshotState) -> None:
    wanted = _plan(_snapshot(), found=SnapshotFacts(state, "it is not there"))
    assert wanted.attest_snapshot is None
    assert wanted.status is not None
    assert wanted.status["origin"] == ORIGIN


def test_another_generation_is_verified_anew_and_stays_attested() -> None:
    of = _with(_snapshot(), _plan(_with(_snapshot(), _plan(_snapshot())), DONE, found=None))
    of["metadata"] = of["metadata"] | {"generation": 2}
    again = _plan(of)
    assert again.attest_snapshot is None
    assert _condition(again, "Attested") | {"status": "True", "observedGeneration": 2} == _condition(again, "Attested")


def _indexed(of: Json) -> Index:
    index = Index()
    index.snapshots.put(of, confirmed=True)
    return index


def test_runs_wait_for_what_is_to_be_attested_and_for_nothing_else() -> None:
    owed = _with(_snapshot(), _plan(_snapshot()))
    assert _indexed(owed).awaits_attestation(NAMESPACE, SNAPSHOT)
    assert _indexed(_snapshot()).awaits_attestation(NAMESPACE, SNAPSHOT)
    assert not _indexed(owed).awaits_attestation("another", SNAPSHOT)
    assert not _indexed(owed).awaits_attestation(NAMESPACE, f"sha256:{'9' * 64}")
    for of in (
        _with(owed, _plan(owed, DONE, found=None)),
        _snapshot(origin=None),
        owed | {"status": owed["status"] | {"holds": "Session"}},
    ):
        assert not _indexed(of).awaits_attestation(NAMESPACE, SNAPSHOT)


def test_a_snapshot_of_a_capture_says_which_spec_it_was_sealed_by() -> None:
    server, operator = capturing(attests=True)
    server.seal()
    operator.settle(3)
    server.change(rotation={"seconds": 60})
    server.seal()
    operator.settle(3)
    first, second = (server.snapshots[f"tape-{number:06}"]["status"]["origin"] for number in (1, 2))
    assert (first["capture"], first["bundle"], second["bundle"]) == ("tape", 1, 2)
    specs = [json.loads(one["specification"]) for one in (first, second)]
    assert specs[0]["source"] == {"connectionRef": {"name": "sim"}, "instruments": ["SYNUSDT"]} | specs[0]["source"]
    assert specs[0] != specs[1]
    assert specs[1]["rotation"]["seconds"] == 60


def test_definitions_that_keep_no_origin_are_told_and_hold_up_what_is_recorded() -> None:
    server, operator = capturing(attests=True)
    server.prunes = True
    server.seal()
    operator.settle(3)
    assert server.ready()["reason"] == "SnapshotRefused"
    assert "apply the custom resource definitions of this version" in server.ready()["message"]
    assert server.bundles["lastNumber"] == 0
    server.prunes = False
    operator.settle(4)
    assert (server.ready()["reason"], server.bundles["lastNumber"]) == ("Capturing", 1)
    assert server.made == {"tape-000001": 1}
