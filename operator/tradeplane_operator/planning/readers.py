"""Which snapshots something of a namespace reads now: what a retention leaves alone until that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.run import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_UNFINISHED = frozenset({Outcome.PENDING.value, Outcome.RUNNING.value})


def digests_read(
    strategies: Iterable[Mapping[str, Any]],
    replays: Iterable[Mapping[str, Any]],
    connections: Iterable[Mapping[str, Any]],
    snapshots: Iterable[Mapping[str, Any]] = (),
) -> frozenset[str]:
    """Return the ids of snapshots that are pinned in an unfinished run or replay, or played by an exchange.

    Those of a replay are those of the Strategy it replays a run or the newest session of; or that of the session it
    replays, which one that is about to begin has by the name of its Snapshot.
    """
    unfinished = [replay for replay in replays if _replays(replay)]
    sessions = {_named(replay, "snapshotRef") for replay in unfinished} - {None}
    replayed = {_named(replay, "strategyRef") for replay in unfinished if _named(replay, "snapshotRef") is None}
    found = {pinned for replay in unfinished if (pinned := _pinned(replay).get("session")) is not None}
    found |= {one["spec"]["digest"] for one in snapshots if one["metadata"]["name"] in sessions}
    for strategy in strategies:
        pinned = _pinned(strategy)
        sealed = (_status(strategy).get("session") or {}).get("snapshot")
        if strategy["metadata"]["name"] in replayed and sealed is not None:
            found.add(sealed)
        if strategy["metadata"]["name"] in replayed or (pinned and _runs(strategy)):
            found.update(pinned.get("snapshots") or ())
    for connection in connections:
        played = (_status(connection).get("exchange") or {}).get("snapshot")
        if played is not None:
            found.add(played)
    return frozenset(found)


def _named(replay: Mapping[str, Any], reference: str) -> str | None:
    found: str | None = (replay["spec"].get(reference) or {}).get("name")
    return found


def _pinned(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return _status(resource).get("pinned") or {}


def _status(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return resource.get("status") or {}


def _runs(strategy: Mapping[str, Any]) -> bool:
    """Return whether a Strategy has an unfinished run, or its first is about to begin."""
    status = _status(strategy)
    latest = status.get("latest")
    runs = [latest, *(status.get("history") or ())]
    return latest is None or any(run.get("outcome") in _UNFINISHED for run in runs)


def _replays(replay: Mapping[str, Any]) -> bool:
    """Return whether a Replay has an unfinished replay, or one is about to begin."""
    replays = _status(replay).get("replays") or ()
    unseen = _status(replay).get("observedGeneration") != replay["metadata"].get("generation")
    return unseen or not replays or any(run.get("outcome") in _UNFINISHED for run in replays)
