"""What attests beside the loop: not without leading, each run once at a time, and told what came of it."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.run import Outcome
from tradeplane_api.snapshot import SnapshotOrigin
from tradeplane_api.strategy import Architecture, RunStatus, Trigger
from tradeplane_evidence.registry.client import Limits
from tradeplane_operator.acting.errors import NotLeading
from tradeplane_operator.observing.stores import Stores
from tradeplane_operator.planning.attesting import AttestationEnd, next_attempt
from tradeplane_operator.planning.snapshot_attesting import SealedSnapshot
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.running.attestations import Attestations
from tradeplane_operator.settings import Evidence, Store
from tradeplane_store import layout
from tradeplane_store.objects import open_store

from tests.unit.evidence import sample_runs, sample_snapshots
from tests.unit.operator.simulation import KEY, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_operator.observing.keys import Key

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_LIMIT_S = 60.0


def _run(**changes: Any) -> RunStatus:
    run = RunStatus(
        name=sample_runs.RUN,
        generation=1,
        trigger=Trigger.GENERATION,
        architecture=Architecture.ANY,
        outcome=Outcome.SUCCEEDED,
        manifest_digest=None,
    )
    return run.model_copy(update=changes)


class _Woken:
    """Notes who was woken, so that a test can wait for it."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.news = asyncio.Event()

    def __call__(self, key: Key) -> None:
        self.keys.append(key)
        self.news.set()


def _attestations(
    folder: Path,
    woken: _Woken,
    *,
    leads: bool = True,
    clock: Callable[[], datetime] = lambda: NOW,
    steady: Callable[[], float] = lambda: 0.0,
    awaited: Callable[[str, str], bool] = lambda _namespace, _snapshot: False,
    there: Callable[[Key, str], bool] = lambda _key, _uid: True,
    **evidence: Any,
) -> Attestations:
    def require() -> None:
        if not leads:
            raise NotLeading("another replica leads")

    root = folder / "store"
    (root / NAMESPACE).mkdir(parents=True)
    key = sample_runs.key_file(folder)
    said = {"registry": "127.0.0.1:1/runs", "plain_http": True, "signer": f"file:{key}", "at_once": 2} | evidence
    settings = Evidence.model_validate(said)
    stores = Stores({"default": Store(url=root.as_uri(), claim="tradeplane-store")})
    limits = Limits(tries=1)
    return Attestations(settings, stores, clock, woken, require, limits, steady, awaited=awaited, there=there)


async def _ended(attestations: Attestations, woken: _Woken, run: RunStatus | SealedSnapshot) -> AttestationEnd:
    """Have a run attested, and return how the attempt ended."""
    working = asyncio.create_task(attestations.run())
    attestations.ask(KEY, "default", run)
    attestations.ask(KEY, "default", run)  # as every pass does until it has ended
    async with asyncio.timeout(_LIMIT_S):
        await woken.news.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert woken.keys == [KEY], "it was attempted once"
    return attestations.facts(KEY)[run.name].end


async def test_who_does_not_lead_attests_nothing(tmp_path: Path) -> None:
    woken = _Woken()
    attestations = _attestations(tmp_path, woken, leads=False)
    attestations.ask(KEY, "default", _run())
    with pytest.raises(NotLeading, match="another replica leads"):
        await asyncio.wait_for(attestations.run(), _LIMIT_S)
    assert woken.keys == []
    assert attestations.facts(KEY) == {}


async def test_a_run_that_is_not_in_the_store_is_refused_and_said(tmp_path: Path) -> None:
    woken = _Woken()
    attestations = _attestations(tmp_path, woken)
    assert await _ended(attestations, woken, _run()) is AttestationEnd.REFUSED
    found = attestations.facts(KEY)[sample_runs.RUN]
    assert (found.reason, found.tries, found.at) == ("AttestationRefused", 1, NOW)
    assert "must be whole" in found.message


async def test_a_registry_that_is_not_there_is_unavailable_and_tries_are_counted(tmp_path: Path) -> None:
    woken = _Woken()
    attestations = _attestations(tmp_path, woken)
    sample_runs.store_it(open_store((tmp_path / "store" / NAMESPACE).as_uri()))
    for tries in (1, 2):
        assert await _ended(attestations, woken, _run()) is AttestationEnd.UNAVAILABLE
        found = attestations.facts(KEY)[sample_runs.RUN]
        assert (found.reason, found.tries) == ("RegistryUnavailable", tries)
        woken.keys.clear()
        woken.news.clear()


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
async def test_a_clock_that_jumps_neither_ends_a_pause_nor_draws_it_out(tmp_path: Path, jump: timedelta) -> None:
    woken, now, steady = _Woken(), [NOW], [0.0]
    attestations = _attestations(tmp_path, woken, clock=lambda: now[0], steady=lambda: steady[0])
    await _ended(attestations, woken, _run())
    now[0], steady[0] = NOW + jump, 30.0
    found = attestations.facts(KEY)[sample_runs.RUN]
    waited = next_attempt(found, attestations.evidence) - now[0]
    assert waited == timedelta(seconds=attestations.evidence.most_seconds - 30)


async def test_what_is_owed_no_more_is_forgotten(tmp_path: Path) -> None:
    woken = _Woken()
    attestations = _attestations(tmp_path, woken)
    await _ended(attestations, woken, _run())
    attestations.keep(KEY, {sample_runs.RUN})
    assert set(attestations.facts(KEY)) == {sample_runs.RUN}
    attestations.keep(KEY, ())
    assert attestations.facts(KEY) == {}


@pytest.mark.parametrize(("ended_s_ago", "waits"), [(0, True), (59, True), (60, False), (3_600, False)])
async def test_a_run_waits_so_long_and_no_longer_for_an_attestation_of_its_data(
    tmp_path: Path, ended_s_ago: int, *, waits: bool
) -> None:
    """No registry is asked while it waits: what it is attested with would be without that of its data."""
    woken, asked = _Woken(), list[tuple[str, str]]()

    def awaited(namespace: str, snapshot: str) -> bool:
        asked.append((namespace, snapshot))
        return True

    attestations = _attestations(tmp_path, woken, awaited=awaited, snapshot_wait_seconds=60)
    sample_runs.store_it(open_store((tmp_path / "store" / NAMESPACE).as_uri()))
    run = _run(completion_time=rfc3339(NOW - timedelta(seconds=ended_s_ago)))
    assert await _ended(attestations, woken, run) is AttestationEnd.UNAVAILABLE
    found = attestations.facts(KEY)[sample_runs.RUN]
    (snapshot,) = sample_runs.results().specification.snapshots
    if waits:
        assert found.reason == "SnapshotNotAttested"
        assert snapshot in found.message
        assert asked == [(NAMESPACE, snapshot)]
    else:
        assert found.reason == "RegistryUnavailable"


async def test_a_keyring_of_importers_that_is_missing_is_waited_for_and_said(tmp_path: Path) -> None:
    woken = _Woken()
    attestations = _attestations(tmp_path, woken, snapshot_keys=str(tmp_path / "keyring.json"))
    sample_runs.store_it(open_store((tmp_path / "store" / NAMESPACE).as_uri()))
    assert await _ended(attestations, woken, _run()) is AttestationEnd.UNAVAILABLE
    found = attestations.facts(KEY)[sample_runs.RUN]
    assert found.reason == "SnapshotKeysUnreadable"
    assert "No such file" in found.message


async def test_a_snapshot_that_is_not_what_its_id_says_is_refused(tmp_path: Path) -> None:
    woken = _Woken()
    attestations = _attestations(tmp_path, woken)
    snapshot = sample_snapshots.stored().snapshot
    store = open_store((tmp_path / "store" / NAMESPACE).as_uri())
    store.put(layout.snapshot_manifest(snapshot), sample_snapshots.other().data)
    origin = SnapshotOrigin(capture="tape", bundle=1, specification="{}")
    sealed = SealedSnapshot(snapshot, "default", "uid-s", rfc3339(NOW), origin)
    assert await _ended(attestations, woken, sealed) is AttestationEnd.REFUSED
    assert "not the one of that digest" in attestations.facts(KEY)[snapshot].message


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_LIMIT_S):
        while not condition():
            await asyncio.sleep(0.01)


async def _stopped(working: asyncio.Task[None]) -> None:
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_a_first_attempt_that_takes_long_is_told_while_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody accepts the connection or answers, as where a registry hangs."""
    monkeypatch.setattr("tradeplane_operator.running.attestations._SLOW_SECONDS", 0.05)
    woken = _Woken()
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        attestations = _attestations(tmp_path, woken, registry=f"127.0.0.1:{hangs.getsockname()[1]}/runs")
        sample_runs.store_it(open_store((tmp_path / "store" / NAMESPACE).as_uri()))
        working = asyncio.create_task(attestations.run())
        attestations.ask(KEY, "default", _run())
        await asyncio.wait_for(woken.news.wait(), _LIMIT_S)
        found = attestations.facts(KEY)[sample_runs.RUN]
        assert (found.end, found.reason) == (AttestationEnd.GOING, "AttestationSlow")
        await _stopped(working)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pauses of what is gone be shorter than the settings can ask for."""
    path = "tradeplane_operator.running.unheld_attestations.pause"
    monkeypatch.setattr(path, lambda _found, _evidence: timedelta(milliseconds=10))


@pytest.mark.usefixtures("hurried")
async def test_what_went_before_it_could_be_held_is_tried_again_as_long_as_it_would_have_been_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    woken, steady = _Woken(), [0.0]
    attestations = _attestations(tmp_path, woken, steady=lambda: steady[0], there=lambda _key, _uid: False)
    sample_runs.store_it(open_store((tmp_path / "store" / NAMESPACE).as_uri()))
    working = asyncio.create_task(attestations.run())
    attestations.ask(KEY, "default", _run(), "uid-1")
    await _until(lambda: caplog.text.count("tried again all the same") >= 2)
    assert attestations.facts(KEY) == {}, "nothing is remembered of what is gone"
    assert woken.keys == []
    steady[0] = attestations.evidence.deletion_wait_seconds + 1.0
    await _until(lambda: "deleted without its attestation: 127.0.0.1:1" in caplog.text)
    assert woken.keys == [KEY]
    assert attestations._unheld._orphans == 0
    await _stopped(working)


async def test_what_was_held_and_let_go_by_somebody_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    woken, there = _Woken(), [True]
    attestations = _attestations(tmp_path, woken, there=lambda _key, _uid: there[0])
    sample_runs.store_it(open_store((tmp_path / "store" / NAMESPACE).as_uri()))
    await _ended(attestations, woken, _run())
    attestations.keep(KEY, {sample_runs.RUN}, held=True)
    there[0] = False
    attestations.keep(KEY, ())
    woken.keys.clear()
    woken.news.clear()
    working = asyncio.create_task(attestations.run())
    attestations.ask(KEY, "default", _run(), held=True)
    await asyncio.wait_for(woken.news.wait(), _LIMIT_S)
    assert "tried again all the same" not in caplog.text
    assert len(attestations._unheld) == 0
    await _stopped(working)


@pytest.mark.usefixtures("hurried")
async def test_what_went_after_an_attempt_that_failed_and_before_it_was_held_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A pass finds it gone, as after a write of the finalizer that came too late."""
    woken, there = _Woken(), [True]
    attestations = _attestations(tmp_path, woken, there=lambda _key, _uid: there[0])
    sample_runs.store_it(open_store((tmp_path / "store" / NAMESPACE).as_uri()))
    await _ended(attestations, woken, _run())
    attestations.keep(KEY, {sample_runs.RUN})
    assert "tried again all the same" not in caplog.text, "it is there"
    there[0] = False
    attestations.keep(KEY, ())
    attestations.keep(KEY, ())  # as every pass does that finds it gone
    assert caplog.text.count("tried again all the same") == 1
    working = asyncio.create_task(attestations.run())
    await _until(lambda: caplog.text.count("tried again all the same") >= 2)
    await _stopped(working)


async def test_what_is_owed_no_more_is_not_tried_again_though_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As of a Replay that was asked to run again."""
    woken, there = _Woken(), [True]
    attestations = _attestations(tmp_path, woken, there=lambda _key, _uid: there[0])
    await _ended(attestations, woken, _run())
    attestations.keep(KEY, ())
    there[0] = False
    attestations.keep(KEY, ())
    assert "tried again all the same" not in caplog.text
    assert len(attestations._unheld) == 0


async def test_another_object_of_the_same_name_does_not_wait_for_what_one_that_is_gone_is_owed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    woken, there = _Woken(), [""]
    attestations = _attestations(tmp_path, woken, there=lambda _key, uid: uid in there)
    sample_runs.store_it(open_store((tmp_path / "store" / NAMESPACE).as_uri()))
    await _ended(attestations, woken, _run())
    there[0] = "another"
    attestations.keep(KEY, ())
    assert caplog.text.count("tried again all the same") == 1
    woken.keys.clear()
    woken.news.clear()
    working = asyncio.create_task(attestations.run())
    attestations.ask(KEY, "default", _run(), "another")
    await asyncio.wait_for(woken.news.wait(), _LIMIT_S)
    assert woken.keys == [KEY]
    assert attestations.facts(KEY)[sample_runs.RUN].tries == 1
    await _stopped(working)


async def test_what_is_not_attempted_for_long_is_told_as_what_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody attempts anything here, as where all there is room for hangs."""
    monkeypatch.setattr("tradeplane_operator.running.attestations._SLOW_SECONDS", 0.05)
    woken = _Woken()
    attestations = _attestations(tmp_path, woken)
    attestations.ask(KEY, "default", _run())
    await asyncio.wait_for(woken.news.wait(), _LIMIT_S)
    assert attestations.facts(KEY)[sample_runs.RUN].end is AttestationEnd.GOING
