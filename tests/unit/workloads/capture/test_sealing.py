"""Segments become bundles once each, whatever interrupts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_store.errors import StoreFull
from tradeplane_store.objects import open_store
from tradeplane_workloads.capture.folder import SpoolFolder
from tradeplane_workloads.capture.sealing import MAX_REFUSED, Sealing, seal
from tradeplane_workloads.errors import DataRefused, StoreFailure
from tradeplane_workloads.market.snapshot_manifests import read_manifest
from tradeplane_workloads.market.snapshots import read_tapes, verify_snapshot

from tests.unit.workloads.capture.samples import recording, specification, spooled
from tests.unit.workloads.sample_recordings import LOCAL, trade

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.capture import SealedBundle
    from tradeplane_store.objects import ObjectStore

LINES = recording(120)
PIECES = [LINES[:40], LINES[40:41], LINES[41:]]


def sealing(store: ObjectStore, keep: int = 100) -> Sealing:
    return Sealing(specification(spool={"keep": keep}), store, lambda _: None)


def sealed(folder: SpoolFolder, store: ObjectStore, keep: int = 100) -> list[SealedBundle]:
    return [seal(folder, number, sealing(store, keep)) for number in folder.ended()]


def contents(store: ObjectStore) -> dict[str, bytes]:
    return {name: store.get(name) for name in store.list()}


def test_bundles_follow_each_other(tmp_path: Path) -> None:
    store = open_store("memory:///")
    bundles = sealed(spooled(tmp_path, PIECES), store)
    assert [bundle.lines for bundle in bundles] == [40, 1, len(LINES) - 41]
    assert [bundle.previous for bundle in bundles] == [None, *(bundle.snapshot for bundle in bundles[:-1])]
    assert [bundle.gaps for bundle in bundles] == [0, 0, 0]
    for bundle, before in zip(bundles[1:], bundles, strict=False):
        assert bundle.snapshot is not None
        manifest = read_manifest(store, bundle.snapshot)
        assert (manifest.previous, manifest.start) == (before.snapshot, before.end)
        assert verify_snapshot(store, bundle.snapshot) == []
    first = read_manifest(store, bundles[0].snapshot or "")
    assert first.sources[0].name == "synthetic, segment 1 of 127.0.0.1:1"
    assert b'"previous"' not in store.get(f"snapshots/{(bundles[0].snapshot or '')[7:]}/manifest.json")


def test_the_same_segments_give_the_same_bundles(tmp_path: Path) -> None:
    one, other = open_store("memory:///"), open_store("memory:///")
    assert sealed(spooled(tmp_path / "a", PIECES), one) == sealed(spooled(tmp_path / "b", PIECES), other)
    assert contents(one) == contents(other)


def test_killed_before_any_write_it_is_all_done_once_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = open_store("memory:///")
    expected = sealed(spooled(tmp_path / "undisturbed", PIECES), undisturbed)

    class Killed(BaseException):
        pass

    writes, step = 0, 0
    originals: dict[str, Any] = {"put": type(undisturbed).put, "write": SpoolFolder.write}

    def counted(name: str) -> Any:
        def write(self: Any, *arguments: Any) -> None:
            nonlocal writes
            writes += 1
            if writes == step:
                raise Killed
            originals[name](self, *arguments)

        return write

    interruptions = 0
    for step in range(1, 40):
        folder, store = spooled(tmp_path / str(step), PIECES), open_store("memory:///")
        with monkeypatch.context() as patch:
            writes = 0
            patch.setattr(type(store), "put", counted("put"))
            patch.setattr(SpoolFolder, "write", counted("write"))
            try:
                sealed(folder, store)
            except Killed:
                interruptions += 1
        sealed(folder, store)
        assert [folder.sealed(number) for number in (1, 2, 3)] == expected
        assert contents(store) == contents(undisturbed)
    assert interruptions == 3 * 3 + 3 * 2  # parts and manifest, opening and mark, of each


def test_a_segment_that_is_sealed_is_not_sealed_again(tmp_path: Path) -> None:
    folder = spooled(tmp_path, PIECES)
    expected = sealed(folder, open_store("memory:///"))
    empty = open_store("memory:///")
    assert seal(folder, 2, sealing(empty)) == expected[1]
    assert empty.list() == []


def test_what_is_sealed_is_removed_when_it_is_not_kept_and_the_chain_goes_on(tmp_path: Path) -> None:
    store = open_store("memory:///")
    folder = spooled(tmp_path, PIECES)
    bundles = sealed(folder, store, keep=1)
    assert folder.segments() == [3, 4]
    assert sorted(path.name for path in tmp_path.glob("*.sealed")) == ["2.sealed", "3.sealed"]
    assert not (tmp_path / "2.opening").exists()
    folder.log(4).write_bytes(f"{LOCAL} {trade(1_000, '1')}\n".replace("BTCUSDT", "SYNUSDT").encode())
    folder.log(5).touch()
    assert seal(folder, 4, sealing(store, 0)).previous == bundles[-1].snapshot
    assert folder.segments() == [5]


def test_a_segment_without_a_message_makes_no_bundle_and_the_next_follows_the_one_before(tmp_path: Path) -> None:
    store, nothing = open_store("memory:///"), f"{LOCAL} {{}}\n".encode()
    trades = [f"{LOCAL + number} {trade(number, '1')}\n".encode() for number in (1, 4)]
    bundles = sealed(spooled(tmp_path, [[nothing], trades[:1], [nothing], trades[1:]]), store)
    assert [bundle.snapshot is None for bundle in bundles] == [True, False, True, False]
    first = bundles[1].snapshot
    assert [bundle.previous for bundle in bundles] == [None, None, first, first]
    (tape,) = read_tapes(store, bundles[3].snapshot or "")
    assert (tape.recording.gaps, tape.recording.lost) == (1, 2)


def test_lines_that_fit_into_no_tape_are_kept_beside_and_the_rest_is_sealed(tmp_path: Path) -> None:
    store = open_store("memory:///")
    wide = f"{LOCAL} {trade(10_000, '4000000000000000000')}\n".replace("BTCUSDT", "SYNUSDT").encode()
    torn = b"\0\0\0\0\n"
    folder = spooled(tmp_path, [[*LINES[:20], torn, wide, *LINES[20:]]])
    (bundle,) = sealed(folder, store)
    assert (bundle.refused, bundle.lines) == (2, len(LINES) + 2)
    assert (tmp_path / "1.refused").read_bytes() == torn + wide
    assert bundle.gaps == 0
    (tape,) = read_tapes(store, bundle.snapshot or "")
    assert tape.recording.messages == len(LINES)


def test_a_segment_that_is_no_recording_is_refused_with_its_name(tmp_path: Path) -> None:
    folder = spooled(tmp_path, [[b"none\n"] * (MAX_REFUSED + 1)])
    with pytest.raises(DataRefused, match=r"synthetic, segment 1 of .*: more than 64 lines cannot be read"):
        seal(folder, 1, sealing(open_store("memory:///")))
    assert folder.ended() == [1]


def test_a_full_store_is_said_and_the_segment_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, store = spooled(tmp_path, PIECES), open_store("memory:///")

    def full(*_: object) -> None:
        raise StoreFull("no room to write; free space")

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "put", full)
        with pytest.raises(StoreFailure, match="no room to write; free space"):
            seal(folder, 1, sealing(store))
    assert folder.ended() == [1, 2, 3]
    assert len(sealed(folder, store)) == 3
