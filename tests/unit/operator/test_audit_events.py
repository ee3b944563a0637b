"""What an audit log says that somebody did: no more than was done, by nobody else, and no client keeps others out."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.kinds import KINDS
from tradeplane_evidence.configurations.documents import Configuration, payload_of
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.ledger.events import Action, Authenticated
from tradeplane_operator.recording import audit_events
from tradeplane_operator.recording.audit_events import Deed, entry_of, is_told, told
from tradeplane_operator.recording.specifications import digest_of
from tradeplane_store.canonical import sha256_digest

from tests.unit.operator.sample_audit import PATH, TIME, event, gone, listed, partial, strategy, table

ALICE = Authenticated(
    user="alice", groups=("quants", "system:authenticated"), audit_id="0c3d6c0e-2f5b-4a7f-8d3a-1f2e3d4c5b6a"
)
OURS = {"app.kubernetes.io/part-of": "tradeplane"}
SPEC_PATCH = {"spec": {"capital": "5"}}
DIGESTS = [sha256_digest(bytes([number])) for number in range(4)]


def patched(generation: int = 2, asked: Any = SPEC_PATCH, code: int = 200, **more: Any) -> dict[str, Any]:
    answer = more.pop("answer", strategy(generation))
    return event(more.pop("verb", "patch"), code, answer, asked, **more)


def deeds(*events: Any) -> list[Deed]:
    found = told(listed(*events))
    assert found.refused == []
    return found.deeds


def refusal(one: Any) -> str:
    found = told(listed(one))
    assert found.deeds == []
    (words,) = found.refused
    return words


def nothing(one: Any) -> None:
    found = told(listed(one))
    assert (found.deeds, found.refused, found.passed) == ([], [], 1)


def policy(labels: Any = OURS, kind: str = "ValidatingAdmissionPolicy") -> dict[str, Any]:
    """Return an admission policy as it is answered with."""
    metadata = {"name": "tradeplane-runs", "uid": "p-1", "generation": 2, "labels": labels}
    spec = {"failurePolicy": "Fail"}
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def of_policies(resource: str = "validatingadmissionpolicies", **more: Any) -> dict[str, Any]:
    """Return the event of a write of one."""
    place = {"resource": resource, "name": "tradeplane-runs", "apiGroup": "admissionregistration.k8s.io"}
    return patched(objectRef=place, **({"answer": policy()} | more))


def test_who_changed_a_policy_of_ours_is_who_the_api_server_says() -> None:
    (deed,) = deeds(of_policies())
    assert (deed.action, deed.actor, deed.generation) == (Action.APPLIED, ALICE, 2)
    assert (deed.object.kind, deed.object.namespace, deed.object.uid) == ("ValidatingAdmissionPolicy", "", "p-1")
    assert deed.configuration is not None
    assert deed.configuration.api_version == "admissionregistration.k8s.io/v1"
    (deed,) = deeds(of_policies(verb="delete", code=200, answer=policy()))
    assert (deed.action, deed.object.name) == (Action.DELETED, "tradeplane-runs")


@pytest.mark.parametrize(
    "one",
    [
        of_policies(answer=policy(labels=None)),
        of_policies(answer=policy(labels={"app.kubernetes.io/part-of": "another"})),
        of_policies("validatingwebhookconfigurations", answer=policy(kind="ValidatingWebhookConfiguration")),
        of_policies(verb="delete", answer=policy(labels=None)),
        of_policies(verb="delete", answer=gone("p-1")),
    ],
    ids=["no label", "another's", "another kind", "deleted, no label", "deleted, not told whose"],
)
def test_policies_of_others_are_none_of_ours(one: Any) -> None:
    nothing(one)


def test_an_answer_that_is_another_kind_than_was_asked_for_is_refused() -> None:
    assert "the answer is a" in refusal(of_policies(answer=policy(kind="ValidatingAdmissionPolicyBinding")))


def test_who_created_it_is_who_the_api_server_says() -> None:
    (deed,) = deeds(event())
    assert (deed.action, deed.actor, deed.occurred, deed.generation) == (Action.APPLIED, ALICE, TIME, 1)
    assert (deed.object.kind, deed.object.namespace, deed.object.name, deed.object.uid) == (
        "Strategy",
        "trading",
        "macd",
        "4d1f8c9e",
    )
    assert deed.note is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_all_kinds_are_alike(kind: Any) -> None:
    place = {"resource": kind.plural, "namespace": "trading", "apiGroup": "tradeplane.dev", "apiVersion": "v1alpha1"}
    (made, removed) = deeds(
        event(answer=strategy() | {"kind": kind.name}, objectRef=place), event("delete", 200, gone(), objectRef=place)
    )
    assert made.object.kind == removed.object.kind == kind.name


def test_a_specification_has_the_digest_that_a_watch_gives_it() -> None:
    spec = {"capital": "5", "parameters": {"x": 1.5, "y": 10**21, "z": "\u00e9", "list": [None, True]}}
    (deed,) = deeds(event(answer=strategy(spec=spec)))
    watched = orjson.loads(json.dumps(spec))
    seen = Configuration(api_version="tradeplane.dev/v1alpha1", kind="Strategy", spec=watched)
    assert deed.configuration is not None
    assert payload_of(deed.configuration) == payload_of(seen)
    assert digest_of(deed.configuration) == sha256_digest(payload_of(seen))


@pytest.mark.parametrize(
    "said",
    [
        patched(),
        patched(asked=[{"op": "replace", "path": "/spec/capital", "value": "5"}]),
        patched(asked=[{"op": "move", "from": "/spec/capital", "path": "/metadata/annotations/x"}]),
        patched(asked=[{"op": "replace", "path": "", "value": {}}]),
        patched(asked={"metadata": {"labels": {}}, "spec": {}}),
        patched(asked=None),  # a patch that was not told may have changed anything
        patched(asked=[{"op": "replace", "path": 1}]),
        event("update", 200, strategy(2), strategy(2)),
        patched(generation=1, code=201),  # by server-side apply
    ],
)
def test_what_can_have_changed_a_specification_applied_it(said: Any) -> None:
    (deed,) = deeds(said)
    assert deed.action is Action.APPLIED


@pytest.mark.parametrize(
    "said",
    [
        event(stage="RequestReceived"),
        event(stage="Panic"),
        event("get", 200),
        event(code=409),
        event(code=302),
        event(responseStatus={"metadata": {}}),
        event(objectRef={"resource": "strategies", "apiGroup": "apps"}),
        event(objectRef={"resource": "strategies", "apiGroup": "tradeplane.dev", "subresource": "status"}),
        event(
            "update", 200, objectRef={"resource": "strategies", "apiGroup": "tradeplane.dev", "subresource": "scale"}
        ),
        event("delete", 404, gone()),
        patched(generation=1),
        event("update", 200, strategy(1), strategy(1)),
        patched(asked={"metadata": {"finalizers": ["tradeplane.dev/close"]}}),
        patched(asked={"apiVersion": "x", "kind": "y", "metadata": {}, "status": {}}),
        patched(asked=[{"op": "add", "path": "/metadata/finalizers", "value": []}]),
        patched(asked=[{"op": "copy", "from": "/status/x", "path": "/metadata/labels/x"}]),
        patched(asked=[]),
        # what only tried
        patched(requestURI=f"{PATH}/macd?dryRun=All&fieldManager=x"),
        event(requestURI=f"{PATH}?%64ryRun=All"),
        event("delete", 200, gone(), requestURI=f"{PATH}/macd?dryRun=All"),
        event("delete", 200, gone(), {"kind": "DeleteOptions", "dryRun": ["All"]}),
    ],
)
def test_what_did_nothing_is_no_deed(said: Any) -> None:
    nothing(said)


@pytest.mark.parametrize(
    "said",
    [
        # Where a deletion has a body, the API server does not look at its query.
        event("delete", 200, gone(), {"kind": "DeleteOptions"}, requestURI=f"{PATH}/macd?dryRun=All"),
        event("deletecollection", 200, {"items": [strategy()]}, {}, requestURI=f"{PATH}?dryRun=All"),
        # Go passes over pairs with a semicolon in them, and such as it cannot decode.
        patched(requestURI=f"{PATH}/macd?dryRun=All;x"),
        patched(requestURI=f"{PATH}/macd?dryRun=All%zz"),
        patched(requestURI=f"{PATH}/macd?dryrun=All"),
        patched(requestURI=f"{PATH}/dryRun=All"),
    ],
)
def test_what_only_looks_like_a_dry_run_is_a_deed(said: Any) -> None:
    assert len(deeds(said)) == 1


def test_a_dry_run_behind_what_looks_like_a_fragment_is_one() -> None:
    nothing(patched(requestURI=f"{PATH}/macd?x=#&dryRun=All"))


def test_who_acts_as_somebody_else_is_recorded_as_them_and_named_in_the_note() -> None:
    (deed,) = deeds(event(impersonatedUser={"username": "bob", "groups": ["traders"]}))
    assert (deed.actor.user, deed.actor.groups, deed.note) == ("bob", ("traders",), "impersonated by alice")
    (deed,) = deeds(event(impersonatedUser={"username": "bob"}, user={"username": "a" * 2_000}))
    assert deed.note is not None
    assert len(deed.note) == 1_024
    assert deed.note.endswith("aaa...")


@pytest.mark.parametrize("groups", [None, []])
def test_a_user_without_groups_is_one(groups: Any) -> None:
    (deed,) = deeds(event(user={"username": "alice"} | ({} if groups is None else {"groups": groups})))
    assert deed.actor.groups == ()


def test_limits_are_those_of_the_ledger() -> None:
    (deed,) = deeds(event(user={"username": "a" * 1_024, "groups": ["g"] * 256}))
    assert (len(deed.actor.user), len(deed.actor.groups)) == (1_024, 256)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (event(user={"username": "a" * 1_025}), "who did it: user: String should have at most 1024"),
        (event(user={"username": ""}), "who did it: user"),
        (event(user={"username": "a\x00"}), "who did it: user"),
        (event(user={"username": "\ud800"}), "who did it: user"),
        (event(user={"groups": ["g"]}), "who did it: user"),
        (event(user={"username": "alice", "groups": ["g"] * 257}), "who did it: groups: .* at most 256"),
        (event(user={"username": "alice", "groups": ["g" * 1_025]}), "who did it: groups"),
        (event(user={"username": "alice", "groups": "quants"}), "who did it: groups"),
        (event(user="alice"), "user: nothing is there to be read"),
        (event(user=None), "user: nothing is there"),
        (event(impersonatedUser="root"), "impersonatedUser: nothing is there"),
        (event(impersonatedUser={}), "who did it: user"),
        (event(auditID=None), "who did it: audit_id"),
        (event(auditID="x" * 65), "who did it: audit_id"),
        (event(auditID=5), "event 5: who did it: audit_id"),
        (event(stageTimestamp="yesterday"), "stageTimestamp is no time"),
        (event(stageTimestamp="2026-01-05T09:00:00"), "stageTimestamp names no zone"),
        (event(stageTimestamp=None), "stageTimestamp is no time: None"),
        (event(level="Metadata") | {"responseObject": None}, "the audit policy must say RequestResponse"),
        (event(level="Request"), "the answer was not told"),
        (
            {**event(annotations={"audit.k8s.io/truncated": "true"}), "responseObject": None},
            "the answer was cut off as too large",
        ),
        (event(responseStatus="ok"), "responseStatus: nothing is there"),
        (event(objectRef="tradeplane.dev"), "objectRef: nothing is there"),
        (event(objectRef={"resource": "gadgets", "apiGroup": "tradeplane.dev"}), "'gadgets' is of no kind"),
        (event(objectRef={"resource": ["strategies"], "apiGroup": "tradeplane.dev"}), "is of no kind"),
        (event(answer=[1]), "the answer is no object"),
        (event(answer=strategy() | {"kind": "Snapshot"}), "the answer is a 'Snapshot'"),
        (event(answer=strategy() | {"apiVersion": "tradeplane.dev/v2"}), "of 'tradeplane.dev/v2'"),
        (event(answer=strategy(True)), "no generation"),
        (event(answer=strategy(0)), "no generation"),
        (event(answer=strategy(2**53)), "no generation"),
        (event(answer=strategy() | {"metadata": None}), "metadata: nothing is there"),
        (event(answer=strategy(uid="")), "the answer's object: uid"),
        (event(answer=strategy(name="n" * 300)), "the answer's object: name"),
        (event(answer=strategy(namespace=["a"])), "the answer's object: namespace"),
        (event(answer=table()), "a table, and not of one object"),
        (event(answer=table(strategy(), strategy())), "a table, and not of one object"),
        (event(answer={"kind": "Table", "rows": [{"cells": [], "object": None}]}), "the object of a row"),
        (event(answer={"kind": "Table", "rows": {}}), "the list of the answer is none"),
        (event("delete", 200, gone() | {"details": None}), "details: nothing is there"),
        (event("delete", 200, gone("")), "the answer's object: uid"),
        (event("delete", 200, gone(), "now"), "the options of a deletion is no object"),
        (event("deletecollection", 200, {"items": 5}), "the list of the answer"),
        (event("deletecollection", 200, {"items": [5]}), "an item"),
    ],
)
def test_what_cannot_be_read_is_told_by_itself(said: Any, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(refusal(said))
    found = told(listed(event(auditID="before"), said, event(auditID="after")))
    assert [deed.actor.audit_id for deed in found.deeds] == ["before", "after"]


@pytest.mark.parametrize(
    "patch",
    [
        '{"spec": {"capital": "5"}, "junk": ' + "[" * 50_000 + "]" * 50_000 + "}",
        '{"spec": {"capital": "5"}, "spec": {"capital": "6"}}',
        '{"spec": {"capital": "5"}, "junk": [1e999]}',
        '{"spec": {"capital": "5"}, "junk": "\\ud800"}',
        '{"metadata": {}, "metadata": {"labels": {}}}',
    ],
)
def test_what_a_client_sent_keeps_neither_it_nor_others_out(patch: str) -> None:
    odd = json.dumps(patched(asked="PATCH")).replace('"PATCH"', patch)
    others = [json.dumps(event(auditID=name)) for name in ("before", "after")]
    items = ",".join([others[0], odd, others[1]])
    found = told(f'{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{items}]}}'.encode())
    assert [deed.actor.audit_id for deed in found.deeds] == ["before", ALICE.audit_id, "after"]
    assert found.refused == []


def test_a_specification_that_cannot_be_read_is_applied_without_it() -> None:
    text = json.dumps(event(answer=strategy(spec="SPEC"))).replace('"SPEC"', "[" * 2_000 + "]" * 2_000)
    (deed,) = told(f'{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{text}]}}'.encode()).deeds
    assert (deed.actor, deed.generation, deed.configuration) == (ALICE, 1, None)
    assert "the specification was not kept: " in (deed.note or "")


@pytest.mark.parametrize("answer", [partial(2), table(partial(2))])
def test_an_answer_without_the_specification_hides_nobody(answer: Any) -> None:
    (deed,) = deeds(patched(answer=answer))
    assert (deed.actor, deed.generation, deed.configuration) == (ALICE, 2, None)
    assert (deed.note or "").startswith("the client asked for an answer without the specification")


def test_a_table_with_the_object_is_as_the_object() -> None:
    assert deeds(patched(answer=table(strategy(2)))) == deeds(patched())


@pytest.mark.parametrize(
    "answer", [gone(), strategy(2), partial(2), table(partial(2))], ids=["status", "object", "partial", "table"]
)
def test_who_deleted_it(answer: Any) -> None:
    (deed,) = deeds(event("delete", 200, answer, {"kind": "DeleteOptions"}))
    assert (deed.action, deed.actor, deed.generation, deed.note) == (Action.DELETED, ALICE, None, None)
    assert (deed.object.namespace, deed.object.name, deed.object.uid) == ("trading", "macd", "4d1f8c9e")


def test_a_deletion_that_waits_for_finalizers_says_so() -> None:
    answer = strategy(2, finalizers=["x"], deletionTimestamp="2026-01-05T09:00:01Z")
    (deed,) = deeds(event("delete", 200, answer, impersonatedUser={"username": "bob"}))
    assert deed.note == "impersonated by alice; it is gone once its finalizers are"


@pytest.mark.parametrize("kind", ["StrategyList", "PartialObjectMetadataList"])
def test_a_collection_is_deleted_one_by_one(kind: str) -> None:
    answer = {"kind": kind, "items": [strategy(uid="a"), strategy(uid="b", finalizers=["x"])]}
    assert [(deed.object.uid, deed.note) for deed in deeds(event("deletecollection", 200, answer))] == [
        ("a", None),
        ("b", "it is gone once its finalizers are"),
    ]
    rows = table(partial(uid="a"), partial(uid="b"))
    assert [deed.object.uid for deed in deeds(event("deletecollection", 200, rows))] == ["a", "b"]
    assert deeds(event("deletecollection", 200, {"kind": kind, "items": None})) == []


def test_what_was_not_asked_for_is_passed() -> None:
    found = told(listed({"verb": "create", "requestObject": {"kind": "Secret"}}, event(), {}))
    assert (len(found.deeds), found.passed, found.refused) == (1, 2, [])


def test_deeds_come_in_the_order_in_which_they_ended() -> None:
    times = ["2026-01-05T09:00:03Z", "2026-01-05T10:00:01+01:00", "2026-01-05T09:00:02.5Z"]
    found = deeds(*(event(auditID=str(number), stageTimestamp=time) for number, time in enumerate(times)))
    assert [deed.actor.audit_id for deed in found] == ["1", "2", "0"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not JSON"),
        (b"[]", "is no object"),
        (b"5", "is no object"),
        (b'{"kind": "EventList"', "do not match"),
        (
            b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1beta1", "items": []}',
            "no EventList of audit.k8s.io/v1",
        ),
        (b'{"kind": "Event", "apiVersion": "audit.k8s.io/v1", "items": []}', "no EventList"),
        (b'{"kind": {}, "apiVersion": "audit.k8s.io/v1"}', "no EventList"),
        (b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": {}}', "is no list"),
        (b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": 5}', "is no list"),
        (b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [1]}', "no list of events"),
        (b'{"kind": "EventList", "kind": "EventList"}', "stands twice"),
        (b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{"a": "]}', "no end"),
    ],
)
def test_what_is_no_list_of_events_is_refused_whole(data: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        told(data)


def test_a_list_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_events, "MAX_EVENTS", 2)
    assert told(listed({}, {})).passed == 2
    with pytest.raises(Malformed, match="3 events are more than 2"):
        told(listed({}, {}, {}))


def test_what_is_nested_to_wear_a_reader_out_is_not_read_and_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_events, "MAX_STEPS", 100)
    text = json.dumps(patched(asked="PATCH")).replace('"PATCH"', "[1," * 200 + "1" + "]" * 200)
    items = ",".join([json.dumps(event()), text, json.dumps(event())])
    found = told(f'{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{items}]}}'.encode())
    assert len(found.deeds) == 2
    assert found.refused == ["event None: what a client sent is nested so that it is not read"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["Table", "tradeplane.dev", "All"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list("abc")), inner, max_size=3),
    max_leaves=6,
)
FIELDS: list[tuple[str, ...]] = [(name,) for name in event()]
DEEPER: list[tuple[str, ...]] = [
    ("user", "username"),
    ("user", "groups"),
    ("objectRef", "resource"),
    ("objectRef", "apiGroup"),
]
DEEPER += [("responseStatus", "code"), ("responseObject", "kind"), ("responseObject", "metadata")]
DEEPER += [("responseObject", "metadata", name) for name in ("uid", "name", "generation", "namespace", "finalizers")]
DEEPER += [("responseObject", "items"), ("responseObject", "rows"), ("responseObject", "details")]


@given(st.sampled_from([*FIELDS, *DEEPER]), JSON, st.sampled_from(["create", "patch", "delete", "deletecollection"]))
def test_no_value_in_any_place_keeps_others_out(place: tuple[str, ...], value: Any, verb: str) -> None:
    odd = event(verb, 201, strategy(3) | {"note": "tradeplane.dev"}, SPEC_PATCH)
    inner = odd
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    found = told(listed(event(auditID="before"), odd, event(auditID="after")))
    by = [deed.actor.audit_id for deed in found.deeds]
    assert {"before", "after"} <= set(by)
    assert len(found.refused) <= 1


def applied(generation: int, **more: Any) -> Deed:
    (deed,) = deeds(patched(generation, answer=strategy(generation, **more)))
    return deed


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, False),
        ({1: TIME, None: TIME}, False),
        ({2: TIME}, True),  # the same, told again
        ({2: "2026-01-05T09:00:00.000000Z"}, True),  # who came after changed nothing
        ({2: "2026-01-05T09:00:02.000000Z"}, False),  # and who came before did
    ],
)
def test_a_generation_is_of_who_came_first(known: Any, expected: bool) -> None:
    assert is_told(applied(2), known) is expected


def test_a_deletion_is_of_who_came_first() -> None:
    (deed,) = deeds(event("delete", 200, gone()))
    assert not is_told(deed, {1: TIME})
    assert is_told(deed, {None: TIME})


@pytest.mark.parametrize(
    ("earlier", "action"),
    [
        ({}, Action.APPLIED),
        ({1: DIGESTS[0]}, Action.APPLIED),
        ({1: DIGESTS[1], 2: DIGESTS[2]}, Action.APPLIED),
        ({1: DIGESTS[0], 2: DIGESTS[1]}, Action.ROLLED_BACK),
    ],
)
def test_a_deed_is_entered_as_what_it_was(earlier: Any, action: Action) -> None:
    entry = entry_of(applied(3), DIGESTS[0], earlier)
    assert entry is not None
    assert (entry.action, entry.actor, entry.occurred) == (action, ALICE, TIME)
    assert (entry.generation, entry.configuration) == (3, DIGESTS[0])


def test_a_deletion_is_entered_without_a_configuration() -> None:
    (deed,) = deeds(event("delete", 200, gone()))
    entry = entry_of(deed, None, {1: DIGESTS[0]})
    assert entry is not None
    assert (entry.action, entry.actor, entry.generation, entry.configuration) == (Action.DELETED, ALICE, None, None)


@pytest.mark.parametrize(
    ("earlier", "entered"),
    [
        ({2: DIGESTS[0]}, False),  # its generation was counted up by the deletion, and it was written since
        ({2: None}, False),
        ({2: DIGESTS[1]}, True),
        ({1: DIGESTS[0]}, True),
    ],
)
def test_a_write_to_what_is_being_deleted_applies_where_it_changes_something(earlier: Any, entered: bool) -> None:
    deed = applied(3, deletionTimestamp="2026-01-05T09:00:00Z")
    assert (entry_of(deed, DIGESTS[0], earlier) is not None) is entered
    assert entry_of(applied(3), DIGESTS[0], earlier) is not None


def test_the_same_deed_has_the_same_key_and_another_request_another() -> None:
    entries = [entry_of(deed, DIGESTS[0], {}) for deed in deeds(event(), event(), event(auditID="other"))]
    keys = [entry.key for entry in entries if entry is not None]
    assert keys[0] == keys[1] != keys[2]
