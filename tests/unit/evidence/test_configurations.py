"""Versions of configurations, and what differs between two of them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_evidence.configurations.differences import Difference, Kind, differences
from tradeplane_evidence.configurations.documents import (
    MAX_DOCUMENT_BYTES,
    Configuration,
    configuration_of,
    payload_of,
)
from tradeplane_evidence.configurations.versions import version, versions_of
from tradeplane_evidence.errors import Malformed, NotAttested
from tradeplane_evidence.ledger.entries import entry_of
from tradeplane_evidence.ledger.events import Action, Authenticated, Claimed, Event
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.unit.evidence.sample_events import ALICE, KUBECTL, OBJECT, chain, event

SPEC = {
    "algorithm": {"name": "sma-cross", "parameters": {"fast": 10, "slow": 50}},
    "capital": "100000",
    "legs": [{"symbol": "SPX"}, {"symbol": "NDX"}],
}

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
leaves = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | names | st.floats(-1e6, 1e6)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4))
ABSENT = object()


def of(spec: Any) -> Configuration:
    return Configuration(api_version="tradeplane.dev/v1alpha1", kind="Strategy", spec=spec)


def patched(before: Any, found: list[Difference]) -> Any:
    """Return what comes of a document when each difference is made, the last place of a list first where it goes."""
    holder = {"": copy.deepcopy(before)}
    for one in sorted(found, key=lambda one: one.kind is Kind.REMOVED and isinstance(one.steps[-1], int)):
        if one.kind is not Kind.REMOVED:
            _set(holder, ("", *one.steps), one.after)
    for one in reversed([one for one in found if one.kind is Kind.REMOVED]):
        inner: Any = holder
        for step in ("", *one.steps[:-1]):
            inner = inner[step]
        assert canonical_json(inner[one.steps[-1]]) == canonical_json(one.before)
        del inner[one.steps[-1]]
    return holder[""]


def _set(holder: Any, steps: tuple[Any, ...], value: Any) -> None:
    for step in steps[:-1]:
        holder = holder[step]
    if isinstance(holder, list) and steps[-1] == len(holder):
        holder.append(value)
    else:
        holder[steps[-1]] = value


@given(values, values)
def test_the_differences_are_what_makes_one_of_the_other(before: Any, after: Any) -> None:
    found = differences(before, after)
    assert canonical_json(patched(before, found)) == canonical_json(after)
    assert bool(found) == (canonical_json(before) != canonical_json(after))
    assert len({one.path for one in found}) == len(found)
    mirrored = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED, Kind.CHANGED: Kind.CHANGED}
    back = differences(after, before)
    assert [(one.path, mirrored[one.kind]) for one in found] == [(one.path, one.kind) for one in back]


def test_differences_are_named_by_field() -> None:
    after = copy.deepcopy(SPEC)
    after["algorithm"]["parameters"] = {"fast": 11, "slow": 50, "a.b": True}  # type: ignore[index]
    after["legs"] = [{"symbol": "SPX"}]
    del after["capital"]
    found = differences({"spec": SPEC}, {"spec": after})
    assert [(one.path, one.kind.value, one.before, one.after) for one in found] == [
        ('spec.algorithm.parameters["a.b"]', "added", None, True),
        ("spec.algorithm.parameters.fast", "changed", 10, 11),
        ("spec.capital", "removed", "100000", None),
        ("spec.legs[1]", "removed", {"symbol": "NDX"}, None),
    ]


@pytest.mark.parametrize(
    ("before", "after"), [(1, True), (0, False), ("1", 1), (None, False), ([], {}), ([1], 1), ({}, None), ("", None)]
)
def test_values_of_another_type_are_not_the_same(before: Any, after: Any) -> None:
    assert [one.kind for one in differences({"x": before}, {"x": after})] == [Kind.CHANGED]


@given(values)
def test_a_configuration_is_read_from_its_bytes(spec: Any) -> None:
    data = payload_of(of(spec))
    found = configuration_of(data, "it")
    assert (found.api_version, found.kind) == ("tradeplane.dev/v1alpha1", "Strategy")
    assert canonical_json(found.spec) == canonical_json(spec)


def test_the_digest_is_of_what_is_asked_for_and_not_of_its_order() -> None:
    turned = dict(reversed(SPEC.items()))
    assert payload_of(of(SPEC)) == payload_of(of(turned))
    assert payload_of(of(SPEC)) != payload_of(of({**SPEC, "capital": "100001"}))


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (_nested(64), "nested deeper than 64 levels"),
        (_nested(5_000), "nested deeper than 64 levels"),
        ({"text": "x" * MAX_DOCUMENT_BYTES}, "at most 2,097,152 are read"),
        ({"seed": 2**53}, "no canonical JSON form"),
        ({"rate": float("nan")}, "no canonical JSON form"),
        ({"name": "\ud800"}, "no canonical JSON form"),
    ],
)
def test_what_cannot_be_read_back_is_not_kept(spec: Any, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        payload_of(of(spec))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"apiVersion":"v1","kind":"Strategy"}',
        b'{"apiVersion":"v1","kind":"Strategy","kind":"Replay","spec":{}}',
        b'{"kind":"Strategy","apiVersion":"v1","spec":{}}',
        b'{"apiVersion":"v1","kind":"Strategy","spec":{}, "more":1}',
        b'{"apiVersion":"v1","kind":"Strategy","spec":{}}\n',
    ],
)
def test_bytes_in_another_form_are_no_configuration(data: bytes) -> None:
    with pytest.raises(Malformed):
        configuration_of(data, "it")


def versions(events: list[Event]) -> list[tuple[int, str, str]]:
    found = versions_of(entry_of(row) for row in chain(events))
    return [(one.number, one.digest, type(one.actor).__name__) for one in found]


def test_versions_are_counted_in_the_order_of_the_ledger() -> None:
    first, second = sha256_digest(b"first"), sha256_digest(b"second")
    again = OBJECT.model_copy(update={"uid": "4d1f8c9e-0000-4000-8000-000000000002"})
    events = [
        event(1, configuration=first, actor=KUBECTL),
        event(1, configuration=first, actor=ALICE),  # the audit log says the same of it
        event(1, action=Action.STARTED, configuration=first),
        event(2, configuration=second, actor=KUBECTL),
        event(2, action=Action.APPROVED, configuration=second),
        event(3, action=Action.ROLLED_BACK, configuration=first, actor=KUBECTL),
        event(3, action=Action.DELETED, configuration=None),
        event(1, object=again, configuration=first, actor=KUBECTL),
    ]
    assert versions(events) == [
        (1, first, "Authenticated"),
        (2, second, "Claimed"),
        (3, first, "Claimed"),
        (4, first, "Claimed"),
    ]


def test_who_is_authenticated_stands_before_who_is_claimed_whoever_was_first() -> None:
    mallory = Claimed(by=ALICE.user)
    told = [event(1, actor=mallory), event(1, actor=ALICE)]
    for events in (told, told[::-1]):
        (found,) = versions_of(entry_of(row) for row in chain(events))
        assert isinstance(found.actor, Authenticated)
        assert found.actor.audit_id == ALICE.audit_id


def test_a_version_that_is_not_there_is_said() -> None:
    found = versions_of(entry_of(row) for row in chain([event(1), event(2)]))
    assert version(found, None, "Strategy x").number == 2
    assert version(found, 1, "Strategy x").number == 1
    for number in (0, 3, -1):
        with pytest.raises(NotAttested, match="it has 1 to 2"):
            version(found, number, "Strategy x")
    with pytest.raises(NotAttested, match="check kind, name and namespace"):
        version((), None, "Strategy x")
