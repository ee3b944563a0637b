"""What becomes of what a deleted Snapshot names: it goes, or it is waited for, or it stays and that is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tradeplane_operator.planning.names import PAYLOAD_FINALIZER
from tradeplane_operator.planning.payload import PayloadRemoval, PayloadUse, RemovalEnd
from tradeplane_operator.planning.snapshot import ObservedSnapshot, SnapshotFacts, SnapshotState, plan
from tradeplane_operator.planning.snapshot_view import view_of
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import EventType, Fact, Need, Plan

from tests.unit.operator.simulation import SETTINGS, SNAPSHOT, ready_snapshot
from tests.unit.operator.test_snapshots import MANIFEST

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAUSE = timedelta(seconds=SETTINGS.client.request_seconds)
THEIRS = "example.dev/theirs"
FREE = PayloadUse()
GONE = PayloadRemoval(RemovalEnd.GONE)


def _snapshot(*finalizers: str, deleted: bool = True, **spec: Any) -> dict[str, Any]:
    """Return a Snapshot that was verified long ago, and deleted just now."""
    body = ready_snapshot()
    ready = {
        "type": "Ready",
        "status": "True",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "reason": "Verified",
        "message": "",
    }
    body["status"] = {"observedGeneration": 1, "conditions": [ready], "holds": "Bars"}
    body["metadata"] |= {"finalizers": list(finalizers)}
    if deleted:
        body["metadata"] |= {"deletionTimestamp": rfc3339(NOW)}
    body["spec"] |= spec
    return body


def _deleted(**spec: Any) -> ObservedSnapshot:
    return ObservedSnapshot(_snapshot(PAYLOAD_FINALIZER, **({"deletionPolicy": "Delete"} | spec)), use=FREE)


def _said(observed: ObservedSnapshot, wanted: Plan) -> ObservedSnapshot:
    """Return a Snapshot whose status is what a plan wanted."""
    return replace(observed, resource=dict(observed.resource) | {"status": wanted.status})


def _reason(wanted: Plan) -> str:
    assert wanted.status is not None
    return next(str(one["reason"]) for one in wanted.status["conditions"] if one["type"] == "Ready")


def _going(observed: ObservedSnapshot) -> ObservedSnapshot:
    """Return a Snapshot of which was said that its payload goes."""
    wanted = plan(observed, SETTINGS, NOW)
    assert _reason(wanted) == "PayloadGoes"
    return _said(observed, wanted)


@pytest.mark.parametrize(
    ("policy", "there", "wanted"),
    [
        ("Delete", (), (PAYLOAD_FINALIZER,)),
        ("Delete", (THEIRS,), (THEIRS, PAYLOAD_FINALIZER)),
        ("Delete", (PAYLOAD_FINALIZER,), None),
        ("Retain", (PAYLOAD_FINALIZER, THEIRS), (THEIRS,)),
        ("Retain", (), None),
        ("Burn", (PAYLOAD_FINALIZER,), None),
    ],
)
def test_the_finalizer_is_where_the_policy_is(
    policy: str, there: tuple[str, ...], wanted: tuple[str, ...] | None
) -> None:
    observed = ObservedSnapshot(_snapshot(*there, deleted=False, deletionPolicy=policy))
    assert plan(observed, SETTINGS, NOW).finalizers == wanted


def test_a_snapshot_of_before_there_was_a_policy_is_retained() -> None:
    resource = _snapshot(deleted=False)
    assert "deletionPolicy" not in resource["spec"]
    assert plan(ObservedSnapshot(resource), SETTINGS, NOW) == Plan()
    assert plan(ObservedSnapshot(_snapshot()), SETTINGS, NOW) == Plan()


def test_one_that_an_older_operator_verified_says_what_it_holds_and_stays_verified_where_it_cannot() -> None:
    resource = _snapshot(deleted=False)
    del resource["status"]["holds"]
    observed = ObservedSnapshot(resource)
    assert plan(observed, SETTINGS, NOW).needs == (Need(Fact.RESULTS),)
    away = replace(observed, facts=SnapshotFacts(SnapshotState.UNAVAILABLE, "away"))
    assert plan(away, SETTINGS, NOW) == Plan()
    found = plan(replace(observed, facts=SnapshotFacts(SnapshotState.FOUND, manifest=MANIFEST)), SETTINGS, NOW)
    assert found.status is not None
    assert (found.status["holds"], _reason(found)) == ("Bars", "Verified")


def test_the_payload_goes_once_all_who_read_it_have_said_so() -> None:
    observed = _deleted()
    assert plan(replace(observed, use=None), SETTINGS, NOW).needs == (Need(Fact.READERS),)
    said = plan(observed, SETTINGS, NOW)
    assert (said.remove_payload, said.look_again_at) == (False, NOW + PAUSE)
    going = _said(observed, said)
    assert not plan(going, SETTINGS, NOW + PAUSE / 2).remove_payload
    assert plan(going, SETTINGS, NOW + PAUSE) == Plan(remove_payload=True)
    gone = plan(replace(going, removal=GONE), SETTINGS, NOW + PAUSE)
    assert gone == Plan(finalizers=())


def test_who_begins_to_read_it_between_is_waited_for() -> None:
    going = _going(_deleted())
    waits = plan(replace(going, use=PayloadUse(read=True)), SETTINGS, NOW + PAUSE)
    assert (_reason(waits), waits.remove_payload, waits.finalizers) == ("PayloadInUse", False, None)
    assert waits.look_again_at is not None
    long_after = NOW + timedelta(days=30)
    assert _reason(plan(replace(going, use=PayloadUse(read=True)), SETTINGS, long_after)) == "PayloadInUse"
    assert plan(_said(going, waits), SETTINGS, long_after).remove_payload


def test_nothing_goes_before_all_there_is_was_seen() -> None:
    going = _going(_deleted())
    waits = plan(replace(going, use=PayloadUse(known=False)), SETTINGS, NOW + PAUSE)
    assert (_reason(waits), waits.remove_payload) == ("PayloadInUse", False)


def test_what_another_snapshot_names_stays_and_that_is_told() -> None:
    shared = plan(replace(_deleted(), use=PayloadUse(others=("copy",), read=True)), SETTINGS, NOW)
    assert (shared.finalizers, shared.remove_payload) == ((), False)
    (notice,) = shared.notices
    assert (notice.type, notice.reason) == (EventType.NORMAL, "PayloadShared")
    assert notice.message == f"{SNAPSHOT} stays in store 'default': Snapshot copy names it too"


def test_what_the_store_refuses_is_said_and_left_and_not_tried_again() -> None:
    refused = PayloadRemoval(RemovalEnd.REFUSED, "Object Lock (COMPLIANCE) until 2031-01-01T00:00:00Z")
    kept = plan(replace(_going(_deleted()), removal=refused), SETTINGS, NOW + PAUSE)
    assert (_reason(kept), kept.finalizers, kept.look_again_at) == ("PayloadKept", (), None)
    (notice,) = kept.notices
    assert (notice.type, notice.reason) == (EventType.WARNING, "PayloadKept")
    assert "Object Lock (COMPLIANCE) until 2031" in notice.message


def test_a_store_that_is_away_is_tried_so_long_and_no_longer() -> None:
    away = replace(_going(_deleted()), removal=PayloadRemoval(RemovalEnd.UNAVAILABLE, "no route to host"))
    waits = plan(away, SETTINGS, NOW + PAUSE)
    assert (_reason(waits), waits.finalizers) == ("PayloadUnavailable", None)
    again = plan(replace(_said(away, waits), removal=None), SETTINGS, NOW + PAUSE * 2)
    assert again.remove_payload
    limit = NOW + timedelta(seconds=SETTINGS.pace.store_patience_seconds)
    given_up = plan(away, SETTINGS, limit)
    assert (_reason(given_up), given_up.finalizers) == ("PayloadKept", ())
    assert "may be left in store 'default', in part: no route to host" in given_up.notices[0].message


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"store": "elsewhere"}, "store 'elsewhere' is not one of this cluster any more"),
        ({"deletionPolicy": "Burn"}, "spec.deletionPolicy"),
        ({"digest": "sha256:0"}, "spec.digest"),
    ],
)
def test_what_cannot_be_removed_is_kept_and_said(spec: dict[str, str], words: str) -> None:
    kept = plan(_deleted(**spec), SETTINGS, NOW)
    assert (_reason(kept), kept.finalizers, kept.remove_payload) == ("PayloadKept", (), False)
    assert words in kept.notices[0].message


def test_one_that_is_retained_after_all_goes_and_leaves_its_payload() -> None:
    assert plan(_deleted(deletionPolicy="Retain"), SETTINGS, NOW) == Plan(finalizers=())


def test_finalizers_of_others_stay() -> None:
    observed = ObservedSnapshot(_snapshot(THEIRS, PAYLOAD_FINALIZER, deletionPolicy="Retain"))
    assert plan(observed, SETTINGS, NOW).finalizers == (THEIRS,)


def test_nobody_begins_to_read_one_that_is_being_deleted() -> None:
    view = view_of(_snapshot(PAYLOAD_FINALIZER))
    assert (view.ready, view.message) == (False, "it is being deleted")
    assert view_of(_snapshot(deleted=False)).ready


@given(
    use=st.builds(PayloadUse, st.sampled_from([(), ("a",)]), st.booleans(), st.booleans()),
    removal=st.none() | st.builds(PayloadRemoval, st.sampled_from(RemovalEnd), st.just("words")),
    seconds=st.integers(0, 10_000),
    said=st.booleans(),
    spec=st.fixed_dictionaries(
        {"deletionPolicy": st.sampled_from(["Retain", "Delete", "Burn"]), "store": st.sampled_from(["default", "gone"])}
    ),
)
def test_only_what_is_asked_for_free_and_announced_is_removed_and_an_end_is_never_silent(
    use: PayloadUse, removal: PayloadRemoval | None, seconds: int, said: bool, spec: dict[str, str]
) -> None:
    now = NOW + timedelta(seconds=seconds)
    resource = _snapshot(PAYLOAD_FINALIZER)
    observed = ObservedSnapshot(resource | {"spec": resource["spec"] | spec}, use=use)
    if said:
        observed = _said(observed, plan(replace(_deleted(), use=FREE), SETTINGS, NOW))
    observed = replace(observed, removal=removal)
    wanted = plan(observed, SETTINGS, now)
    asked = spec == {"deletionPolicy": "Delete", "store": "default"}
    if wanted.remove_payload:
        assert asked
        assert said
        assert now >= NOW + PAUSE
        assert (use.others, use.read, use.known, removal) == ((), False, True, None)
    silent = wanted.finalizers == () and not wanted.notices
    if silent:
        assert spec["deletionPolicy"] == "Retain" or removal == PayloadRemoval(RemovalEnd.GONE, "words")
    assert wanted.finalizers == () or wanted.remove_payload or wanted.look_again_at is not None
