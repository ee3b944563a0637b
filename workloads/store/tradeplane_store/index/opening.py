"""An index by its URL, brought to the newest version of its schema."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tradeplane_store.index.catalogue import Index
from tradeplane_store.index.schema import VERSION
from tradeplane_store.index.troubles import IndexFailure, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

WAIT_SECONDS = 10
"""For a connection, for a lock that another holds, and for an answer."""
_LOCK = 7_403_519_428_261_094
"""Names, in Postgres, the one who brings the schema to the newest version."""
_MIGRATIONS = Path(__file__).parent / "migrations"


def beside(store_url: str) -> str | None:
    """Return the URL of the SQLite file beside a store on a disk, or None for a store that is none."""
    parts = urlsplit(store_url)
    if parts.scheme != "file":
        return None
    folder = unquote(parts.path).rstrip("/")
    return f"sqlite:///{folder}.index.sqlite" if folder else None


def is_there(url: str) -> bool:
    """Return whether an index can be expected at a URL: a SQLite file is there, a server is taken to be."""
    parsed = _parsed(url)
    return parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").exists()


def open_index(url: str) -> Index:
    """Open an index, made where it is not there. Raises IndexFailure for a URL that is none and for a newer schema."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": WAIT_SECONDS})
        event.listen(engine, "connect", _keep_references)
    else:
        options = f"-c statement_timeout={WAIT_SECONDS}s -c lock_timeout={WAIT_SECONDS}s"
        limits = {"connect_timeout": WAIT_SECONDS, "options": options}
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), connect_args=limits, pool_pre_ping=True)
    try:
        _bring_up_to_date(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        raise IndexFailure(words_of(parsed, error)) from error
    except BaseException:
        engine.dispose()
        raise
    return Index(engine)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise IndexFailure("the URL of the index is none; give one such as postgresql://host/database") from error
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise IndexFailure(f"an index is kept in postgresql or sqlite, not in {parsed.drivername}; give such a URL")
    if parsed.password is not None:
        raise IndexFailure(
            "the URL of the index holds a password, and URLs end up in logs; put it into PGPASSWORD or a file that "
            "PGPASSFILE names"
        )
    return parsed


def _keep_references(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Have SQLite take care that no instrument is left of a snapshot that is gone."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _bring_up_to_date(engine: Engine) -> None:
    with engine.connect() as connection:
        if _version(connection) == VERSION:
            return
    from alembic import command  # only here: it takes longer to import than an index takes to answer
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    with _one_at_a_time(engine) as connection:
        found = _version(connection)
        if found is not None and found not in known:
            raise IndexFailure(
                f"the index {engine.url.render_as_string()} has the version {found}, which this tradeplane does not "
                "know; use a newer one"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


@contextmanager
def _one_at_a_time(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that no other has for this at the same time."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _LOCK})
            yield connection
        return
    lock = os.open(f"{engine.url.database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with engine.begin() as connection:
            yield connection
    finally:
        os.close(lock)
