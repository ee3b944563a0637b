"""What forbids a move is decided from what was seen: how a region can fall short, and what can be given up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tradeplane_stacks.failover.findings import (
    BucketSeen,
    Finding,
    KeySeen,
    State,
    key_finding,
    refusals,
    registry_findings,
    store_finding,
)

KEY = KeySeen("mrk-1", "Enabled", "ECC_NIST_P256", multi_region=True)
BUCKET = BucketSeen(versioned=True, locked=True, copied_into=True, pending_bytes=0.0)
IMAGES = ("tradeplane/operator", "tradeplane/workloads")
HERE = {name: frozenset({"sha256:a", "sha256:b"}) for name in (*IMAGES, "tradeplane/runs/trading/cross")}


@pytest.mark.parametrize(
    ("there", "here", "asked", "state"),
    [
        (KEY, KEY, True, "ready"),
        (None, KEY, True, "missing"),
        (replace(KEY, state="Disabled"), KEY, True, "missing"),
        (replace(KEY, state="PendingDeletion"), KEY, True, "missing"),
        (replace(KEY, state="Creating"), KEY, True, "missing"),
        (replace(KEY, spec="RSA_2048"), KEY, True, "missing"),
        (replace(KEY, multi_region=False), KEY, True, "missing"),
        (KEY, replace(KEY, id="mrk-2"), True, "missing"),
        (KEY, None, True, "missing"),
        (KEY, None, False, "unknown"),
        (None, None, False, "missing"),
        (replace(KEY, state="Disabled"), None, False, "missing"),
    ],
)
def test_a_key(there: KeySeen | None, here: KeySeen | None, asked: bool, state: State) -> None:
    assert key_finding(there, here, asked_here=asked).state == state


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (BUCKET, "ready"),
        (None, "missing"),
        (replace(BUCKET, versioned=False), "missing"),
        (replace(BUCKET, locked=False), "missing"),
        (replace(BUCKET, copied_into=False), "missing"),
        (replace(BUCKET, copied_into=False, pending_bytes=None), "missing"),
        (replace(BUCKET, copied_into=None), "unknown"),
        (replace(BUCKET, pending_bytes=None), "unknown"),
        (replace(BUCKET, pending_bytes=1.0), "behind"),
        (replace(BUCKET, versioned=False, copied_into=None, pending_bytes=None), "missing"),
    ],
)
def test_a_bucket(seen: BucketSeen | None, state: State) -> None:
    assert store_finding("bucket", seen).state == state


def test_what_was_waiting_last_is_told_where_nothing_newer_is_known() -> None:
    found = store_finding("bucket", replace(BUCKET, pending_bytes=None, last_pending_bytes=512.0))
    assert "512 bytes were waiting by the last measurement" in found.message
    assert "last measurement" not in store_finding("bucket", replace(BUCKET, pending_bytes=None)).message


@pytest.mark.parametrize(
    ("there", "here", "state", "message"),
    [
        (HERE, HERE, "ready", "all of 3"),
        ({**HERE, "more": frozenset({"sha256:c"})}, HERE, "ready", "all of 3"),
        ({**HERE, IMAGES[0]: HERE[IMAGES[0]] | {"sha256:c"}}, HERE, "ready", "all of 3"),
        ({}, HERE, "missing", "there is no repository tradeplane/operator, tradeplane/workloads"),
        ({IMAGES[0]: HERE[IMAGES[0]]}, HERE, "missing", "there is no repository tradeplane/workloads"),
        ({**HERE, IMAGES[1]: frozenset()}, HERE, "missing", "no image is in tradeplane/workloads"),
        ({**HERE, IMAGES[1]: frozenset()}, None, "missing", "no image is in tradeplane/workloads"),
        ({**HERE, IMAGES[0]: frozenset({"sha256:a"})}, HERE, "behind", "not copied yet: 1 of tradeplane/operator"),
        ({name: HERE[name] for name in IMAGES}, HERE, "behind", "2 of tradeplane/runs/trading/cross"),
        (HERE, None, "unknown", "cannot be compared"),
    ],
)
def test_repositories(
    there: dict[str, frozenset[str]], here: dict[str, frozenset[str]] | None, state: State, message: str
) -> None:
    (found,) = registry_findings(IMAGES, there, here)
    assert found.state == state
    assert message in found.message


@pytest.mark.parametrize(
    ("state", "refused", "refused_without_source"),
    [("ready", False, False), ("behind", True, False), ("unknown", True, False), ("missing", True, True)],
)
def test_what_is_missing_is_refused_always_and_what_is_behind_unless_it_is_given_up(
    state: State, refused: bool, refused_without_source: bool
) -> None:
    found = (Finding("part", state, "words"), Finding("other", "ready", "words"))
    assert refusals(found, source_lost=False) == (found[:1] if refused else ())
    assert refusals(found, source_lost=True) == (found[:1] if refused_without_source else ())
