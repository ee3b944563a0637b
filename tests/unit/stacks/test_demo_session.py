"""The demo's session: traded once, suspended, sealed and replayed; and what is told where it cannot be."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_stacks.demo import objects
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.objects import Objects, example
from tradeplane_stacks.demo.progress import Progress
from tradeplane_stacks.demo.session import CAPTURE, STRATEGY, TRADED_S, Session, captured, sealed, trading_for
from tradeplane_stacks.demo.waiting import readiness

if TYPE_CHECKING:
    from pathlib import Path

SNAPSHOT = "quoting-01234567-session-1"
CLOSED = {
    "state": "Closed",
    "outcome": "Flat",
    "snapshot": "sha256:" + "0" * 64,
    "snapshotName": SNAPSHOT,
    "inputs": 70,
    "orders": 9,
    "fills": 3,
}


def strategy(generation: int = 2, observed: int = 2, ready: str = "False", suspend: bool = True, **status: Any) -> Any:
    said = {"type": "Ready", "status": ready, "reason": "Suspended" if suspend else "Trading", "message": "so it is"}
    stalled = {"type": "Stalled", "status": "False", "reason": "x", "message": ""}
    return {
        "metadata": {"name": STRATEGY, "generation": generation},
        "spec": {"suspend": suspend},
        "status": {"observedGeneration": observed, "conditions": [said, stalled], **status},
    }


def capture(suspend: bool = True, reason: str = "Suspended", ready: str = "False", observed: int = 2) -> Any:
    said = {"type": "Ready", "status": ready, "reason": reason, "message": "so it is"}
    return {
        "metadata": {"name": CAPTURE, "generation": 2},
        "spec": {"suspend": suspend},
        "status": {
            "observedGeneration": observed,
            "conditions": [said, {"type": "Stalled", "status": "False", "reason": "x", "message": ""}],
            "bundles": {"count": 2, "records": 60, "gaps": 1},
        },
    }


CAPTURING = capture(suspend=False, reason="Capturing", ready="True")


@dataclass
class Cluster:
    """What kubectl finds, in this order, and what it was told to do."""

    strategies: list[Any]
    architectures: tuple[str, ...] = ("amd64", "arm64")
    captures: list[Any] = field(default_factory=lambda: [capture()])
    told: list[tuple[str, ...]] = field(default_factory=list)

    def __call__(self, *arguments: Any, remedy: str = "") -> str:
        self.told.append(tuple(str(one) for one in arguments))
        return ""

    def get(self, kind: str, *arguments: str) -> Any:
        if kind == "nodes":
            labels = [{"kubernetes.io/arch": one} for one in self.architectures]
            return {"items": [{"metadata": {"labels": one}} for one in labels]}
        found = {"strategy": self.strategies, "snapshotcapture": self.captures}.get(kind)
        if found:
            return found.pop(0) if len(found) > 1 else found[0]
        return {"name": arguments[0], **strategy(ready="True")}

    def verbs(self) -> list[str]:
        return [one[0] for one in self.told]


class Clock:
    """Seconds that pass with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += TRADED_S
        return self.now


def session(cluster: Cluster) -> tuple[Session, io.StringIO]:
    stream = io.StringIO()
    progress = Progress(stream, 1, terminal=False)
    return Session(Objects(cluster, progress, "research"), Clock()), stream  # type: ignore[arg-type]


def trading() -> Any:
    return strategy(generation=1, observed=1, ready="True", suspend=False, session={"state": "Trading"})


def test_a_session_is_traded_suspended_and_its_snapshot_awaited_and_so_is_the_capture() -> None:
    going = capture(reason="Sealing", ready="Unknown")
    cluster = Cluster(
        [trading(), trading(), trading(), strategy(session=CLOSED)],
        captures=[CAPTURING, CAPTURING, CAPTURING, going, capture()],
    )
    demo, stream = session(cluster)
    demo.trade()
    assert cluster.verbs() == ["apply", "patch", "patch"]
    assert [one[3:5] for one in cluster.told[1:]] == [("strategy", STRATEGY), ("snapshotcapture", CAPTURE)]
    assert {one[-1] for one in cluster.told[1:]} == {'{"spec":{"suspend":true}}'}
    assert "suspended with 60 records, 1 gaps; sealed as 2 Snapshots" in stream.getvalue()
    assert f"closed Flat after 70 inputs, 9 orders, 3 fills; sealed as Snapshot {SNAPSHOT}" in stream.getvalue()
    assert "trading, 15 of 15 s" in stream.getvalue()


def test_a_session_that_is_sealed_is_not_traded_again() -> None:
    cluster = Cluster([strategy(session=CLOSED)])
    demo, stream = session(cluster)
    demo.trade()
    assert cluster.verbs() == ["apply"]
    assert "traded before" in stream.getvalue()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({}, "suspended before it traded"),
        ({"session": {**CLOSED, "snapshot": None, "message": "the disk is full"}}, "not sealed: the disk is full"),
        ({"session": {**CLOSED, "snapshot": None}}, "not sealed: Suspended: so it is"),
    ],
)
def test_what_will_never_be_sealed_ends_the_demo_with_why(status: Any, words: str) -> None:
    cluster = Cluster([strategy(**status)])
    with pytest.raises(DemoError, match=words):
        session(cluster)[0].trade()
    assert cluster.verbs() == ["apply"]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (strategy(observed=1, session=CLOSED), "has not looked at it yet"),
        (strategy(session={"state": "Closing"}), "Suspended"),
        (strategy(session={**CLOSED, "snapshotName": None}), "is being made"),
    ],
)
def test_what_is_on_its_way_is_waited_for(found: Any, words: str) -> None:
    verdict = sealed(found)
    assert (verdict.done, verdict.failed) == (False, False)
    assert words in verdict.text


def test_a_strategy_that_stalls_fails_whether_it_trades_or_is_closed() -> None:
    stalled = strategy(session=CLOSED)
    stalled["status"]["conditions"][1] |= {"status": "True", "reason": "TraderFailed"}
    assert sealed(stalled) == readiness(stalled) == trading_for(5, Clock())(stalled)
    assert sealed(stalled).failed


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (capture(observed=1), "has not looked at it yet"),
        (CAPTURING, "Capturing"),
        (capture(reason="Sealing", ready="Unknown"), "Sealing"),
    ],
)
def test_a_capture_that_is_being_sealed_is_waited_for(found: Any, words: str) -> None:
    verdict = captured(found)
    assert (verdict.done, verdict.failed) == (False, False)
    assert words in verdict.text


def test_a_capture_that_stalls_fails() -> None:
    stalled = capture(reason="BundleRefused")
    stalled["status"]["conditions"][1] |= {"status": "True", "reason": "BundleRefused"}
    assert captured(stalled).failed


def test_trading_is_over_after_its_time_and_no_sooner() -> None:
    times = iter((100.0, 104.4, 105.0, 130.0))
    judge = trading_for(5, lambda: next(times))
    assert [judge(trading()).done for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize("there", [("amd64", "arm64"), ("amd64",)])
def test_what_was_sealed_is_replayed_on_the_processors_there_are(
    there: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "GENERATED", tmp_path)
    cluster = Cluster([strategy(session=CLOSED)], there)
    demo, stream = session(cluster)
    demo.replay()
    applied = yaml.safe_load((tmp_path / "replay-session.yaml").read_text(encoding="utf-8"))
    assert applied["spec"]["snapshotRef"] == {"name": SNAPSHOT}
    assert applied["spec"]["architectures"] == list(there)
    assert ("left out" in stream.getvalue()) == (there == ("amd64",))
    assert applied["metadata"] == example("replay-session.yaml")["metadata"]


def test_an_example_that_is_gone_is_told() -> None:
    with pytest.raises(DemoError, match=r"no-such\.yaml is not there"):
        example("no-such.yaml")
