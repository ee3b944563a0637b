"""A server with a ledger to copy, and the roles of who owns it, who appends and who reads."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.ledger.database import connect, migrate

from tests.postgres import USER, Postgres, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

OWNER, APPENDER, READER = "ledger_owner", "ledger_appender", "ledger_reader"
MIGRATED = "migrated"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """Start a server with the roles that an administrator would make, and a ledger to copy."""
    with postgres() as found:
        for role in (OWNER, APPENDER, READER):
            found.run("createuser", "-h", str(found.folder), "-U", USER, "--no-superuser", role)
        found.create(MIGRATED, "-O", OWNER)
        engine = connect(found.url(MIGRATED, OWNER))
        migrate(engine, appenders=[APPENDER], readers=[READER])
        engine.dispose()
        yield found


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Name a database of the test's own."""
    return f"t{zlib.crc32(request.node.nodeid.encode())}"


@pytest.fixture
def owner(server: Postgres, database: str) -> Iterator[Engine]:
    """Connect as who owns a ledger, who is no superuser."""
    server.create(database, "-O", OWNER, "-T", MIGRATED)
    engine = connect(server.url(database, OWNER))
    yield engine
    engine.dispose()


@pytest.fixture
def appender(server: Postgres, database: str, owner: Engine) -> Iterator[Engine]:
    """Connect as who appends."""
    engine = connect(server.url(database, APPENDER))
    yield engine
    engine.dispose()
