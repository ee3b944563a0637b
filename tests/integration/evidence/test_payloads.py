"""Payloads in a real Postgres and a store: kept once by their digest, and never read as another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from tradeplane_evidence.configurations import payloads as module
from tradeplane_evidence.configurations.payloads import MAX_INLINE_BYTES, Payloads
from tradeplane_evidence.errors import DigestMismatch, InvalidReference, Malformed, NotAttested
from tradeplane_evidence.ledger.schema import SCHEMA
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.errors import StoreUnavailable
from tradeplane_store.objects import ObjectStore, open_store

from tests.integration.evidence.ledgers import appender, database, owner, server

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

__all__ = ["appender", "database", "owner", "server"]

SMALL = b'{"fast":10}'
LARGE = bytes(range(256)) * (MAX_INLINE_BYTES // 256) + b"one more"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    (tmp_path / "store").mkdir()
    return open_store((tmp_path / "store").as_uri())


@pytest.fixture
def payloads(appender: Engine, store: ObjectStore) -> Payloads:
    return Payloads(appender, store)


def stored(store: ObjectStore, data: bytes) -> str:
    return f"configurations/{sha256_digest(data).removeprefix('sha256:')}"


@pytest.mark.parametrize("data", [b"", SMALL, LARGE[:MAX_INLINE_BYTES], LARGE])
def test_what_is_kept_is_read_by_its_digest(payloads: Payloads, store: ObjectStore, data: bytes) -> None:
    assert payloads.put(data) == payloads.put(data) == sha256_digest(data)
    assert payloads.get(sha256_digest(data)) == data
    assert store.exists(stored(store, data)) == (len(data) > MAX_INLINE_BYTES)


def test_what_is_not_there_is_said(payloads: Payloads) -> None:
    with pytest.raises(NotAttested, match="was not recorded in this database"):
        payloads.get(sha256_digest(SMALL))
    for digest in ("", "sha256:", "sha256:../../etc/passwd", sha256_digest(SMALL).upper(), sha256_digest(SMALL) + "\n"):
        with pytest.raises(InvalidReference, match="is no digest"):
            payloads.get(digest)


def test_limits_hold_for_who_writes_and_for_who_reads(payloads: Payloads, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = payloads.put(LARGE)
    with pytest.raises(Malformed, match="at most 100 are read"):
        payloads.get(digest, limit=100)
    monkeypatch.setattr(module, "MAX_PAYLOAD_BYTES", 10)
    with pytest.raises(Malformed, match="over the limit of 10"):
        payloads.put(SMALL)


def test_a_payload_changed_in_the_database_is_not_read(owner: Engine, payloads: Payloads) -> None:
    digest = payloads.put(SMALL)
    with owner.begin() as connection:
        connection.execute(text(f"ALTER TABLE {SCHEMA}.payloads DISABLE TRIGGER refuse_change"))
        connection.execute(text(f"UPDATE {SCHEMA}.payloads SET content = '\\x7b7d'"))  # noqa: S608
    for work in (lambda: payloads.get(digest), lambda: payloads.put(SMALL)):
        with pytest.raises(DigestMismatch, match="was changed"):
            work()


def test_a_payload_changed_in_the_store_or_put_there_before_is_not_read(payloads: Payloads, store: ObjectStore) -> None:
    store.put(stored(store, LARGE), b"another, put there by somebody first")
    with pytest.raises(DigestMismatch, match="was changed"):
        payloads.put(LARGE)
    with pytest.raises(DigestMismatch, match="was changed"):
        payloads.get(sha256_digest(LARGE))
    store.delete(stored(store, LARGE))
    with pytest.raises(NotAttested, match="is not in file:"):
        payloads.get(sha256_digest(LARGE))


def test_a_large_one_needs_a_store(appender: Engine, payloads: Payloads) -> None:
    without = Payloads(appender)
    with pytest.raises(Malformed, match="no store is named"):
        without.put(LARGE)
    digest = payloads.put(LARGE)
    with pytest.raises(NotAttested, match="lies in an object store, and none is named"):
        without.get(digest)
    assert without.get(without.put(SMALL)) == SMALL


def test_a_store_that_is_away_leaves_no_row_that_leads_nowhere(appender: Engine, tmp_path: Path) -> None:
    away = Payloads(appender, open_store((tmp_path / "not-mounted").as_uri()))
    with pytest.raises(StoreUnavailable):
        away.put(LARGE)
    with pytest.raises(NotAttested, match="was not recorded"):
        away.get(sha256_digest(LARGE))
