"""The index in a real Postgres: a cluster of this test's own, on a socket in a temporary folder."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from tradeplane_store.index import IndexFailure, Wanted, open_index
from tradeplane_store.index.schema import Base

from tests.postgres import USER, Postgres, postgres
from tests.unit.store.index_contract import STORE, IndexContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    """Start a server."""
    with postgres() as server:
        yield server


@pytest.fixture
def url(cluster: Postgres, request: pytest.FixtureRequest) -> str:
    """Return the URL of a database of the test's own."""
    return cluster.create(f"t{zlib.crc32(request.node.nodeid.encode())}")


class TestPostgres(IndexContract):
    """The contract, with the ``url`` above."""


def test_what_the_migrations_make_is_what_the_models_say(url: str) -> None:
    with open_index(url):
        pass
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_a_server_that_is_not_there_is_named_and_the_wait_has_a_limit(tmp_path: Path) -> None:
    with pytest.raises(IndexFailure, match=r"the index postgresql.*; check that it is there and may be used"):
        open_index(f"postgresql://{USER}@/none?host={tmp_path}")


def test_a_database_that_went_away_is_said(url: str, cluster: Postgres) -> None:
    with open_index(url) as index:
        database = url.partition("@/")[2].partition("?")[0]
        cluster.run("dropdb", "-h", str(cluster.folder), "-U", USER, "--force", database)
        with pytest.raises(IndexFailure, match="does not exist"):
            index.find(STORE, Wanted())
