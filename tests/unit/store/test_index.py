"""The index in a SQLite file; tests/integration/store has the same in Postgres."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from tradeplane_store.index import Entry, Index, IndexFailure, Wanted, beside, open_index
from tradeplane_store.index.schema import VERSION, Base

from tests.unit.store.index_contract import STORE, IndexContract, entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestSqlite(IndexContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/index.sqlite"


def test_what_the_migrations_make_is_what_the_models_say(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/index.sqlite"
    with open_index(url):
        pass
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == VERSION
    engine.dispose()


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("file:///data/store", "sqlite:////data/store.index.sqlite"),
        ("file:///data/my%20store/", "sqlite:////data/my store.index.sqlite"),
        ("file:///", None),
        ("s3://bucket/prefix", None),
    ],
)
def test_where_the_index_of_a_store_is(store: str, url: str | None) -> None:
    assert beside(store) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://user:secret@host/db", "put it into PGPASSWORD"),
        ("mysql://host/db", "kept in postgresql or sqlite, not in mysql"),
        ("nonsense", "the URL of the index is none"),
    ],
)
def test_a_url_that_cannot_be_is_refused_without_repeating_it(url: str, words: str) -> None:
    with pytest.raises(IndexFailure, match=words) as refused:
        open_index(url)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_index_is_named(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(IndexFailure, match=r"index\.sqlite: file is not a database; check .* snapshot reindex"):
        open_index(f"sqlite:///{path}")


def test_an_index_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/index.sqlite"
    with open_index(url):
        pass
    connection = sqlite3.connect(tmp_path / "index.sqlite")
    connection.execute("UPDATE alembic_version SET version_num = '99'")
    connection.commit()
    connection.close()
    with pytest.raises(IndexFailure, match="has the version 99, which this tradeplane does not know; use a newer one"):
        open_index(url)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Open one index for all examples."""
    with open_index(f"sqlite:///{tmp_path_factory.mktemp('index')}/index.sqlite") as opened:
        yield opened


@given(
    spans=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.sampled_from("AB")), max_size=8),
    since=st.none() | st.integers(0, 100),
    until=st.none() | st.integers(0, 100),
    symbol=st.none() | st.sampled_from("ABC"),
)
@settings(max_examples=60, deadline=None)
def test_what_is_found_is_what_was_looked_for(
    index: Index,
    spans: list[tuple[int, int, str]],
    since: int | None,
    until: int | None,
    symbol: str | None,
) -> None:
    entries = [entry(number, start, start + length, (of,)) for number, (start, length, of) in enumerate(spans)]

    def matches(one: Entry) -> bool:
        timely = (since is None or one.end_ns >= since) and (until is None or one.start_ns < until)
        return timely and (symbol is None or one.instruments[0][0] == symbol)

    index.replace(STORE, entries)
    found = index.find(STORE, Wanted(symbol, since, until))
    expected = sorted(filter(matches, entries), key=lambda one: (one.start_ns, one.end_ns, one.id))
    assert found == expected
