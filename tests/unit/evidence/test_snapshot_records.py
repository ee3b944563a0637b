"""Records of a snapshot as an artifact: which are pushed, and that it follows from the files alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.errors import Malformed, NotAttested, PolicyRefused
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import described, parse_manifest
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.results_artifact import ARROW_TYPE
from tradeplane_evidence.snapshot_records import (
    MAX_FILES,
    RECORDS_TYPE,
    RecordLimits,
    push_records,
    record_files,
    records_artifact,
    title_of,
)
from tradeplane_store.objects import open_store

from tests.unit.evidence import sample_runs, sample_sessions, sample_snapshots

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.stored_snapshots import StoredSnapshot

NOBODY = Reference("127.0.0.1:1", "snapshots/x")


def _push(stored: StoredSnapshot, folder: Path) -> None:
    """Push records to a registry that is not there: what is refused, is refused before it is asked."""

    async def push() -> None:
        async with Registry(NOBODY.host, plain_http=True) as registry:
            await push_records(stored, open_store(folder.as_uri()), registry, NOBODY, RecordLimits())

    asyncio.run(push())


def test_its_layers_are_the_files_in_the_order_of_the_parts_and_its_subject_what_is_attested() -> None:
    stored = sample_snapshots.stored()
    files = record_files(stored.snapshot, stored.manifest)
    layers = [described(b"records", ARROW_TYPE, title_of(file)) for file in files]
    data = records_artifact(stored, layers)
    assert data == records_artifact(stored, layers)
    found = parse_manifest(data, "it")
    assert found.subject is not None
    assert (found.artifact_type, found.subject.digest) == (RECORDS_TYPE, sample_snapshots.artifact(stored))
    assert [layer.title for layer in found.layers] == [f"{one.name}.arrow" for one in stored.manifest.parts]
    assert {layer.media_type for layer in found.layers} == {ARROW_TYPE}


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([1] * (MAX_FILES + 1), f"has {MAX_FILES + 1} parts, and the records of {MAX_FILES} at most"),
        ([50, 51], "have 101 bytes in all, and 100 at most"),
        ([1, 61], "have 61 bytes in one file, and 60 at most"),
    ],
)
def test_more_than_is_pushed_is_refused(sizes: list[int], words: str) -> None:
    limits = RecordLimits(all_bytes=100, file_bytes=60)
    limits.check("sha256:x", [40, 60])
    limits.check("sha256:x", [])
    with pytest.raises(Malformed, match=words):
        limits.check("sha256:x", sizes)


def test_what_is_not_whole_is_not_pushed(tmp_path: Path) -> None:
    with pytest.raises(NotAttested, match=r"is not whole.*restore it from a copy"):
        _push(sample_snapshots.stored(), tmp_path)


def test_a_session_is_not_pushed(tmp_path: Path) -> None:
    session = sample_runs.snapshot().model_validate_json(sample_sessions.stored().manifest)
    with pytest.raises(PolicyRefused, match="holds a session"):
        _push(sample_snapshots.stored(session), tmp_path)
