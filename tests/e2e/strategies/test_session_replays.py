"""The session of a strategy that traded is a Snapshot, and replaying that on both nodes comes to the same bits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.demo.evidence import public_key_file
from tradeplane_stacks.demo.scenario import tradeplane

from tests.e2e.platform import Object, until
from tests.e2e.strategies.test_replays import MACHINES, example
from tests.e2e.strategies.test_sessions import _LIMIT_S, TRADED_SECONDS, trading

if TYPE_CHECKING:
    from tests.e2e.platform import Tenant

__all__ = ["trading"]
"""The fixture that applies the example and waits until it trades; each module has a namespace of its own."""


@pytest.fixture(scope="module")
def sealed(tenant: Tenant, trading: Object) -> Object:
    """Let the strategy trade, suspend it, and wait for the Snapshot of its session."""
    del trading
    tenant.await_traded(TRADED_SECONDS, _LIMIT_S)
    tenant.patch("strategy", "quoting", {"suspend": True})
    closed = tenant.await_said("strategy", "quoting", "Suspended", limit_s=_LIMIT_S)
    assert closed["status"]["session"]["fills"] > 0
    named = until(
        "the name of its Snapshot",
        lambda: tenant.get("strategy", "quoting")["status"]["session"].get("snapshotName"),
        lambda name: name is not None,
        _LIMIT_S,
    )
    tenant.await_said("snapshot", named, "Verified", limit_s=_LIMIT_S)
    return tenant.get("strategy", "quoting")


@pytest.fixture(scope="module")
def replayed(tenant: Tenant, sealed: Object) -> Object:
    """Replay it with the example as it is."""
    del sealed
    tenant.apply(example("replay-session"))
    return tenant.await_said("replay", "quoting", "Exact", limit_s=_LIMIT_S)


def _snapshot(strategy: Object) -> str:
    name: str = strategy["status"]["session"]["snapshotName"]
    return name


def test_a_session_is_exact_on_both_processors(tenant: Tenant, sealed: Object, replayed: Object) -> None:
    session, status = sealed["status"]["session"], replayed["status"]
    assert status["pinned"]["session"] == session["snapshot"]
    assert [one["architecture"] for one in status["replays"]] == ["amd64", "arm64"]
    for one in status["replays"]:
        record = json.loads((tenant.directory / "replays" / one["name"] / "record.json").read_text())
        assert record["environment"]["architecture"] == MACHINES[one["architecture"]]
        assert record["specification"]["session"] == session["snapshot"]
        assert record["verdict"]["fillsMatched"] == record["verdict"]["fills"] == session["fills"]
        expected, got = record["compared"]["expected"], record["compared"]["got"]
        for part in ("ordersDigest", "fillsDigest", "pnlDigest"):
            assert got[part] == expected[part]
    assert len({one["resultDigest"] for one in status["replays"]}) == 1


def test_kubectl_tells_of_the_session_in_one_line(tenant: Tenant, sealed: Object, replayed: Object) -> None:
    del replayed
    fills = sealed["status"]["session"]["fills"]
    columns = (
        ".spec.strategyRef.name,READY:.status.conditions[?(@.type=='Ready')].status,"
        "DECISIONS:.status.summary.decisions,EXECUTION:.status.summary.execution,FILLS:.status.summary.fills,"
        "DIVERGENCE:.status.summary.divergence"
    )
    line = tenant.kubectl("get", "replay", "quoting", "-o", f"custom-columns=STRATEGY:{columns}").splitlines()[1]
    assert line.split() == ["quoting", "True", "Exact", "Exact", f"{fills}/{fills}", "<none>"]
    headers = tenant.kubectl("get", "replays").splitlines()[0].split()
    assert {"STRATEGY", "SNAPSHOT", "DECISIONS", "EXECUTION", "FILLS", "PNL", "DIVERGENCE"} <= set(headers)


def test_a_laptop_finds_the_same(tenant: Tenant, sealed: Object, replayed: Object) -> None:
    del replayed
    snapshot = sealed["status"]["session"]["snapshot"]
    told = json.loads(tradeplane("replay", snapshot, "--store", tenant.store, "-o", "json"))
    assert (told["verdict"]["decisions"], told["verdict"]["execution"]) == ("Exact", "Exact")


def test_an_auditor_verifies_the_session_by_what_its_replays_found(
    tenant: Tenant, sealed: Object, replayed: Object
) -> None:
    def attestation() -> Object | None:
        found: Object | None = tenant.get("replay", "quoting")["status"].get("attestation")
        return found

    del replayed
    found = until("the replays to be attested", attestation, lambda one: one is not None, _LIMIT_S)
    assert found is not None
    asked = ("--key", str(public_key_file(found["key"])), "--plain-http", "--replay", "--store", tenant.store)
    told = json.loads(tradeplane("verify", found["reference"], *asked, "-o", "json"))
    assert (told["verified"], told["snapshot"]) == (True, sealed["status"]["session"]["snapshot"])
    (claim,) = told["replays"]
    assert claim["passedTests"] == ["amd64/decisions", "amd64/execution", "arm64/decisions", "arm64/execution"]


def test_a_what_if_is_compared_and_not_judged(tenant: Tenant, sealed: Object) -> None:
    asked = example("replay-session")
    spec = {
        "snapshotRef": {"name": _snapshot(sealed)},
        "architectures": ["amd64"],
        "whatIf": {"parameters": {"quantity": "0.01"}},
    }
    tenant.apply({**asked, "metadata": {"name": "smaller"}, "spec": spec})
    found = tenant.await_said("replay", "smaller", "Compared", limit_s=_LIMIT_S)
    conditions = {one["type"]: one for one in found["status"]["conditions"]}
    assert conditions["Ready"]["status"] == "True"
    assert (conditions["Parity"]["status"], conditions["Parity"]["reason"]) == ("Unknown", "Compared")
    (one,) = found["status"]["replays"]
    assert one["verdict"]["decisions"] == one["verdict"]["execution"] == "Unjudged"
    assert one["compared"]["expected"]["ordersDigest"] != one["compared"]["got"]["ordersDigest"]


def test_what_is_no_session_is_refused_with_what_to_do(tenant: Tenant) -> None:
    asked = example("replay-session")
    spec = {"snapshotRef": {"name": "sp500"}}
    tenant.apply({**asked, "metadata": {"name": "of-bars"}, "spec": spec})
    found = tenant.await_said("replay", "of-bars", "NotASession", limit_s=_LIMIT_S)
    assert "name the Snapshot of a session" in json.dumps(found["status"]["conditions"])
    assert found["status"].get("replays", []) == []
