"""Sessions as snapshots: written once, verified when read, cut where records end, and refused when altered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tradeplane_api.snapshot_manifest import SnapshotManifest
from tradeplane_native import read_journal
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.indexing import entry_of
from tradeplane_workloads.market.snapshot_manifests import read_manifest
from tradeplane_workloads.market.snapshots import read_market, read_series
from tradeplane_workloads.sessions import frames
from tradeplane_workloads.sessions.bundle import open_bundle, read_environment, seal_session, verify_session
from tradeplane_workloads.sessions.folder import begin
from tradeplane_workloads.sessions.journal_survey import survey

from tests.unit.workloads.sessions.sample_sessions import NAME, Market, recorded, specification

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tradeplane_workloads.sessions import SessionSpecification

PREVIOUS = "sha256:" + "5" * 64


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


def folder_of(path: Path, journal: bytes, asked: SessionSpecification | None = None) -> Path:
    """Return a folder with a session in it, as a trader leaves it."""
    path.mkdir(parents=True)
    (path / "specification.json").write_bytes((asked or specification()).encode())
    (path / "journal").write_bytes(journal)
    return path


def rewritten(store: ObjectStore, digest: str, **session: Any) -> str:
    """Return the id of a snapshot whose manifest says something else, its parts being the same."""
    document = json.loads(store.get(layout.snapshot_manifest(digest)))
    document["session"] |= session
    manifest = SnapshotManifest.model_validate(document)
    other = sha256_digest(canonical_json(manifest))
    for part in manifest.parts:
        store.put(layout.snapshot_part(other, part.name), store.get(layout.snapshot_part(digest, part.name)))
    store.put(layout.snapshot_manifest(other), canonical_json(manifest))
    return other


def test_a_session_is_sealed_and_read_back(tmp_path: Path, store: ObjectStore) -> None:
    session, journal = recorded(specification())
    written = seal_session(store, folder_of(tmp_path / "7", journal.tobytes()), record=None, previous=PREVIOUS)

    manifest = read_manifest(store, written.id)
    assert written.created
    assert manifest == written.manifest
    assert manifest.session is not None
    assert (manifest.session.name, manifest.session.number, manifest.session.over) == (NAME.hex(), 7, True)
    assert manifest.session.inputs == session.inputs
    assert manifest.session.fills == session.holding()[5] > 10
    assert manifest.session.orders > manifest.session.fills
    assert (manifest.previous, manifest.session.seed) == (PREVIOUS, "0")
    assert [one.symbol for one in manifest.instruments] == ["BTCUSDT"]
    assert (manifest.start, manifest.end) == ("2023-11-14T22:13:20Z", "2023-11-14T22:13:23Z")
    with open_bundle(store, written.id) as bundle:
        assert bundle.journal.tobytes() == journal.tobytes()
        assert bundle.specification == specification()
        assert (bundle.exchange, bundle.record) == (None, None)
    assert verify_session(store, written.id) == []
    assert read_environment(store, written.id)["architecture"]
    assert "image" not in read_environment(store, written.id)


def test_the_image_that_traded_is_told_beside_a_session_and_is_no_part_of_it(
    tmp_path: Path, store: ObjectStore
) -> None:
    folder = folder_of(tmp_path / "session", recorded(specification())[1].tobytes())
    with_image = seal_session(store, folder, record=None, previous=None, image="registry.example/mine@sha256:1")
    assert read_environment(store, with_image.id)["image"] == "registry.example/mine@sha256:1"
    other = open_store((tmp_path / "other").as_uri(), create=True)
    assert seal_session(other, folder, record=None, previous=None).id == with_image.id


def test_a_session_of_many_pieces_is_put_together(
    tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "PIECE_BYTES", 5_000)
    journal = recorded(specification())[1].tobytes()
    written = seal_session(store, folder_of(tmp_path / "session", journal), record=None, previous=None)
    assert len(written.manifest.parts) > 5
    with open_bundle(store, written.id) as bundle:
        assert bundle.journal.tobytes() == journal


def test_sealing_again_is_the_same_snapshot_and_mends_what_was_damaged(tmp_path: Path, store: ObjectStore) -> None:
    folder = folder_of(tmp_path / "session", recorded(specification())[1].tobytes())
    first = seal_session(store, folder, record=None, previous=None)
    store.put(layout.snapshot_part(first.id, "journal-0.bin"), b"damaged")
    store.delete(layout.snapshot_part(first.id, "specification.json"))
    assert len(verify_session(store, first.id)) == 2

    again = seal_session(store, folder, record=None, previous=None)

    assert (again.id, again.created, again.manifest) == (first.id, False, first.manifest)
    assert again.manifest.session is not None
    assert again.manifest.session.number is None
    assert verify_session(store, first.id) == []
    assert seal_session(store, folder, record=None, previous=PREVIOUS).id != first.id


def test_a_session_that_goes_on_is_sealed_as_far_as_it_is_whole(tmp_path: Path, store: ObjectStore) -> None:
    session, market = begin(NAME, specification()), Market()
    market.run(session, 100)
    market.requests(session)
    journal = market.journal
    written = seal_session(store, folder_of(tmp_path / "s", journal + b"\x07\x00"), record=None, previous=None)

    assert written.manifest.session is not None
    assert not written.manifest.session.over
    assert written.manifest.session.generator is None
    with open_bundle(store, written.id) as bundle:
        assert bundle.journal.tobytes() == journal


@pytest.mark.parametrize(
    ("journal", "words"), [(b"", "never begun"), (b"x" * 200, "no session journal"), (None, "no input")]
)
def test_what_is_no_session_is_not_sealed(
    tmp_path: Path, store: ObjectStore, journal: bytes | None, words: str
) -> None:
    header = recorded(specification(), messages=1)[1].tobytes()[:92]
    folder = folder_of(tmp_path / "session", header if journal is None else journal)
    with pytest.raises(DataRefused, match=words):
        seal_session(store, folder, record=None, previous=None)
    assert store.list("snapshots") == []


def test_an_altered_journal_is_not_sealed(tmp_path: Path, store: ObjectStore) -> None:
    journal = bytearray(recorded(specification())[1].tobytes())
    journal[len(journal) // 2] ^= 1
    with pytest.raises(DataRefused, match=r"record \d+ was altered"):
        seal_session(store, folder_of(tmp_path / "session", bytes(journal)), record=None, previous=None)


def test_a_record_needs_the_specification_of_its_exchange(tmp_path: Path, store: ObjectStore) -> None:
    folder = folder_of(tmp_path / "session", recorded(specification())[1].tobytes())
    (tmp_path / "record").write_bytes(b"x" * 100)
    with pytest.raises(DataRefused, match=r"record\.exchange\.json: there is no such file"):
        seal_session(store, folder, record=tmp_path / "record", previous=None)
    (tmp_path / "record.exchange.json").write_text('{"leverage": 0}')
    with pytest.raises(DataRefused, match=r"record\.exchange\.json: leverage: "):
        seal_session(store, folder, record=tmp_path / "record", previous=None)


def test_altered_pieces_are_refused_by_their_name(tmp_path: Path, store: ObjectStore) -> None:
    folder = folder_of(tmp_path / "session", recorded(specification())[1].tobytes())
    digest = seal_session(store, folder, record=None, previous=None).id
    name = layout.snapshot_part(digest, "journal-0.bin")
    data = bytearray(store.get(name))
    data[500] ^= 1
    store.put(name, bytes(data))

    with (
        pytest.raises(DataRefused, match=r"part journal-0\.bin of snapshot .* has the digest"),
        open_bundle(store, digest),
    ):
        pass
    assert "journal-0.bin" in verify_session(store, digest)[0]
    store.delete(name)
    with pytest.raises(DataRefused, match="is not in the store; seal the session again"), open_bundle(store, digest):
        pass


@pytest.mark.parametrize(
    "said", [{"fills": 1}, {"over": False}, {"seed": "9"}, {"name": "0" * 32}, {"gaps": 3}, {"inputs": 0}]
)
def test_a_manifest_that_says_otherwise_is_refused(tmp_path: Path, store: ObjectStore, said: dict[str, Any]) -> None:
    folder = folder_of(tmp_path / "session", recorded(specification())[1].tobytes())
    other = rewritten(store, seal_session(store, folder, record=None, previous=None).id, **said)
    with pytest.raises(DataRefused, match="does not hold what its manifest says"), open_bundle(store, other):
        pass
    assert "does not hold what its manifest says" in verify_session(store, other)[0]


def test_a_session_is_no_market_data(tmp_path: Path, store: ObjectStore) -> None:
    folder = folder_of(tmp_path / "session", recorded(specification())[1].tobytes())
    digest = seal_session(store, folder, record=None, previous=None).id
    for read in (lambda: read_market(store, [digest]), lambda: read_series(store, digest)):
        with pytest.raises(DataRefused, match="holds a session, not market data; replay it"):
            read()


def test_an_index_has_a_session_as_one(tmp_path: Path, store: ObjectStore) -> None:
    journal = recorded(specification())[1].tobytes()
    written = seal_session(store, folder_of(tmp_path / "session", journal), record=None, previous=PREVIOUS)
    entry = entry_of(store, written.id, written.manifest)
    assert (entry.form, entry.instruments, entry.previous) == ("session", (("BTCUSDT", "Session"),), PREVIOUS)
    assert entry.bytes > len(journal)
    assert entry.records == read_journal(np.frombuffer(journal, np.uint8)).records


def test_a_file_is_cut_where_records_end_and_alike_as_far_as_it_is_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PIECE_BYTES", 1_000)
    long, short = (recorded(specification(), messages)[1] for messages in (300, 150))
    cuts = frames.pieces(long, frames.JOURNAL_HEADER)

    assert b"".join(long[first:end].tobytes() for first, end, _ in cuts) == long.tobytes()
    assert sum(count for *_, count in cuts) == read_journal(long).records
    assert all(end - first >= 1_000 for first, end, _ in cuts[:-1])
    assert len(cuts) > 20
    same = [one == other for one, other in zip(cuts, frames.pieces(short, frames.JOURNAL_HEADER), strict=False)]
    assert sum(same) > 10
    assert same == sorted(same, reverse=True)


def test_frames_that_do_not_follow_are_refused() -> None:
    journal = recorded(specification(), 5)[1]
    found = list(frames.frames(journal, frames.JOURNAL_HEADER))
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    moved = np.concatenate([journal[:92], journal[found[1].begin - 17 :]])
    with pytest.raises(DataRefused, match="frame 1 was altered"):
        list(frames.frames(moved, 92))
    longer = journal.copy()
    longer[92:96] = 255
    with pytest.raises(DataRefused, match="frame 1 was altered"):
        list(frames.frames(longer, 92))
    zeros: NDArray[np.uint8] = np.concatenate([journal, np.zeros(40, np.uint8)])
    assert list(frames.frames(zeros, 92)) == found


@pytest.mark.parametrize("orders", [None, [2**63, 1]])
def test_lost_messages_are_counted(orders: list[int] | None) -> None:
    session = begin(NAME, specification())
    session.start(1)
    rows = [(2, 1, 499_999, 9), (9, 0, 1, 9)]  # a level whose numbers hold a nine, and a gap of nine messages
    session.message(2, 0, 1, 1, rows, orders)
    session.message(3, 0, 2, 2, rows[:1], None if orders is None else orders[:1])
    session.message(4, 0, 3, 3, [(9, 0, 0, 0)], None if orders is None else [0])
    journal = np.frombuffer(session.take_journal(), np.uint8)
    found = survey(journal, len(journal))
    assert (found.gaps, found.lost, found.inputs, found.over) == (2, 9, 4, False)
    assert (found.first_ns, found.last_ns) == (1, 4)
