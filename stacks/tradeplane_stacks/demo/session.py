"""The demo's session: a strategy quotes a simulated exchange for a while, is suspended, and becomes a Snapshot.

The market is captured meanwhile, and what was captured becomes others. A session that is sealed already is not traded
again: whoever wants another one resumes the strategy, and the capture.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.demo.objects import example
from tradeplane_stacks.demo.waiting import Verdict, readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_stacks.demo.objects import Objects

_SESSION, _REPLAY = "live-session.yaml", "replay-session.yaml"
STRATEGY = "quoting"
"""The Strategy of the example."""
CAPTURE = "simulated-book"
"""The SnapshotCapture of the example."""
TRADED_S = 15.0
"""How long it trades, so that its orders are filled."""


@dataclass(frozen=True)
class Session:
    """The session of docs/examples/live-session.yaml on a cluster."""

    objects: Objects
    clock: Callable[[], float] = time.monotonic

    def trade(self) -> None:
        """Have the session traded, the market captured meanwhile, and both sealed, unless they are."""
        self.objects.apply(_SESSION)
        if self._captures():
            self.objects.until("snapshotcapture", CAPTURE)
        self._trade()
        if self._captures():
            self.objects.patch("snapshotcapture", CAPTURE, {"suspend": True})
        self.objects.until("snapshotcapture", CAPTURE, captured)

    def _captures(self) -> bool:
        """Return whether the market is to be captured: who suspended the capture has what it took down."""
        return not self.objects.get("snapshotcapture", CAPTURE)["spec"].get("suspend")

    def _trade(self) -> None:
        found = self.objects.get("strategy", STRATEGY)
        if not found["spec"].get("suspend"):
            self.objects.until("strategy", STRATEGY)
            self.objects.until("strategy", STRATEGY, trading_for(TRADED_S, self.clock))
            self.objects.patch("strategy", STRATEGY, {"suspend": True})
        elif sealed(found).done:
            self.objects.progress.say("traded before; to trade again, set spec.suspend of it to false")
        found = self.objects.until("strategy", STRATEGY, sealed)
        self.objects.until("snapshot", found["status"]["session"]["snapshotName"])

    def replay(self) -> None:
        """Replay what was sealed, on the processors there are; named, so that another session is another replay."""
        snapshot = self.objects.get("strategy", STRATEGY)["status"]["session"]["snapshotName"]
        asked = example(_REPLAY)
        spec = {name: value for name, value in asked["spec"].items() if name != "strategyRef"}
        asked = {**asked, "spec": {**spec, "snapshotRef": {"name": snapshot}}}
        self.objects.apply_changed(_REPLAY, self.objects.on_these_nodes(asked))
        self.objects.until("replay", asked["metadata"]["name"])


def trading_for(seconds: float, clock: Callable[[], float]) -> Callable[[Mapping[str, Any]], Verdict]:
    """Return what judges that a Strategy has been trading for so long from now on."""
    begun = clock()

    def judge(strategy: Mapping[str, Any]) -> Verdict:
        passed = min(clock() - begun, seconds)
        stands = readiness(strategy)
        if stands.failed:
            return stands
        return Verdict(f"trading, {passed:.0f} of {seconds:.0f} s", done=passed >= seconds)

    return judge


def sealed(strategy: Mapping[str, Any]) -> Verdict:
    """Judge how far a suspended Strategy is on its way to the Snapshot of its session."""
    stands = readiness(strategy)
    status = strategy.get("status") or {}
    if stands.failed or status.get("observedGeneration", 0) < strategy["metadata"]["generation"]:
        return stands
    session = status.get("session")
    if session is None:
        return Verdict("it was suspended before it traded; set spec.suspend of it to false", failed=True)
    if session.get("state") != "Closed":
        return stands
    if session.get("snapshot") is None:
        return Verdict(f"its session was not sealed: {session.get('message') or stands.text}", failed=True)
    name = session.get("snapshotName")
    if name is None:
        return Verdict("its session is sealed; the Snapshot of it is being made")
    figures = ", ".join(f"{session.get(part, 0)} {part}" for part in ("inputs", "orders", "fills"))
    return Verdict(f"closed {session.get('outcome')} after {figures}; sealed as Snapshot {name}", done=True)


def captured(capture: Mapping[str, Any]) -> Verdict:
    """Judge how far a suspended SnapshotCapture is on its way to the Snapshots of what it took down."""
    stands = readiness(capture)
    status = capture.get("status") or {}
    reasons = {one["type"]: one["reason"] for one in status.get("conditions", ())}
    current = status.get("observedGeneration", 0) >= capture["metadata"]["generation"]
    if stands.failed or not current or reasons.get("Ready") != "Suspended":
        return Verdict(stands.text, failed=stands.failed)
    bundles = status.get("bundles") or {}
    figures = ", ".join(f"{bundles.get(part, 0)} {part}" for part in ("records", "gaps"))
    count = bundles.get("count", 0)
    sealed_as = "a Snapshot" if count == 1 else f"{count} Snapshots"
    return Verdict(f"suspended with {figures}; sealed as {sealed_as}", done=True)
