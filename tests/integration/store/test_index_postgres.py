"""The index in a real Postgres: a cluster of this test's own, on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from tradeplane_store.index import IndexFailure, Wanted, open_index
from tradeplane_store.index.schema import Base

from tests.unit.store.index_contract import STORE, IndexContract

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "postgres"


def _programs() -> Path:
    """Return where Debian has the programs of the newest Postgres."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    assert found, "Postgres is not installed; run make bootstrap"
    return found[-1].parent


def _run(program: str, *arguments: str) -> None:
    """Run a program of Postgres as its user: it refuses to run as root."""
    user = USER if os.geteuid() == 0 else None
    subprocess.run(
        [str(_programs() / program), *arguments], check=True, capture_output=True, timeout=120, cwd="/", user=user
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """Start a cluster; its folder holds its socket."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a path of a socket may be 107 bytes long
    if os.geteuid() == 0:
        owner = pwd.getpwnam(USER)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data = folder / "data"
    try:
        _run("initdb", "-D", str(data), "--auth=trust", f"--username={USER}", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        _run("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-w", "-t", "60", "-o", options, "start")
        yield folder
        _run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(cluster: Path, request: pytest.FixtureRequest) -> str:
    """Return the URL of a database of the test's own."""
    name = f"t{zlib.crc32(request.node.nodeid.encode())}"
    _run("createdb", "-h", str(cluster), "-U", USER, name)
    return f"postgresql://{USER}@/{name}?host={cluster}"


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


def test_a_database_that_went_away_is_said(url: str, cluster: Path) -> None:
    with open_index(url) as index:
        _run("dropdb", "-h", str(cluster), "-U", USER, "--force", url.partition("@/")[2].partition("?")[0])
        with pytest.raises(IndexFailure, match="does not exist"):
            index.find(STORE, Wanted())
