"""The database of a ledger by its URL: connections with a limit on every wait, and its tables brought up to date.

A ledger is migrated by whoever owns it, by a command of its own, and never by opening it: the role that appends has
the rights to insert and to select and no others.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tradeplane_evidence.ledger.errors import InvalidDatabase, LedgerRefused, LedgerUnavailable
from tradeplane_evidence.ledger.iam_login import RIGHT, is_by_iam, log_in_by_iam
from tradeplane_evidence.ledger.schema import SCHEMA, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Engine

    from tradeplane_evidence.errors import EvidenceError

DATABASE_VARIABLE = "TRADEPLANE_LEDGER_DATABASE"
"""Environment variable with the URL of the ledger's database."""
MAX_URL_BYTES = 8_192
WAIT_SECONDS = 10
"""For a connection, for a lock that another holds, and for one answer."""
_LIVENESS = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""A server that is gone without a word is given up within half a minute (libpq: seconds, and milliseconds)."""
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 5_204_117_930_662_841
"""Names the one who brings the tables up to date."""


def url_of(file: Path | None) -> str:
    """Return the URL of a file, or that of the environment; never of an argument, which everybody on a machine reads.

    Raises InvalidDatabase, which says nothing of what stands in the file.
    """
    if file is None:
        url = os.environ.get(DATABASE_VARIABLE, "")
        if not url:
            raise InvalidDatabase(
                "no ledger is named: put the URL of its database (postgresql://host/database) into a file and name it "
                f"with --database, or into {DATABASE_VARIABLE}"
            )
        return url
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_URL_BYTES + 1)
        text = data.decode()
    except OSError as error:
        raise InvalidDatabase(f"{file} cannot be read: {error.strerror}; it must hold a URL") from error
    except UnicodeDecodeError as error:
        raise InvalidDatabase(f"{file} holds no URL") from error
    if len(data) > MAX_URL_BYTES or len(text.split()) != 1:
        raise InvalidDatabase(f"{file} must hold one URL and nothing else, such as postgresql://host/database")
    return text.strip()


def connect(url: str) -> Engine:
    """Return connections to a database; nothing is asked of it yet. Raises InvalidDatabase.

    A URL with ``aws_iam_region`` has its user log in by tokens of AWS (``iam_login``).
    ``synchronous_commit`` is on whatever the server's default is: what was acknowledged is on its disk. So is READ
    COMMITTED: what appends must see what was committed while it waited for its turn.
    """
    engine = _engine(url)
    if is_by_iam(engine.url):
        log_in_by_iam(engine)
    return engine


def _engine(url: str) -> Engine:
    limits = f"-c statement_timeout={WAIT_SECONDS}s -c lock_timeout={WAIT_SECONDS}s -c synchronous_commit=on"
    options = {"connect_timeout": WAIT_SECONDS, "options": limits, **_LIVENESS}
    none = "the URL of the ledger's database is none; write postgresql://host/database"
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError) as error:
        raise InvalidDatabase(none) from error
    if parsed.get_backend_name() != "postgresql":
        raise InvalidDatabase(f"a ledger is kept in postgresql, not in {parsed.drivername}; give such a URL")
    driven = parsed.set(drivername="postgresql+psycopg")
    try:
        return create_engine(driven, connect_args=options, isolation_level="READ COMMITTED", pool_pre_ping=True)
    except ArgumentError as error:  # hosts and ports that do not go together
        raise InvalidDatabase(none) from error


def check(engine: Engine) -> None:
    """Raise LedgerRefused where a database has no ledger, or one of another version of its tables."""
    with asking(engine) as connection:
        found = _version(connection)
    if found is None:
        raise LedgerRefused(f"{told(engine)} has no ledger; its owner makes one with tradeplane ledger migrate")
    if found != VERSION:
        raise LedgerRefused(
            f"the ledger of {told(engine)} has tables of version {found}, and this tradeplane needs {VERSION}: "
            "its owner migrates it, or use a newer tradeplane"
        )


def migrate(engine: Engine, *, appenders: Sequence[str] = (), readers: Sequence[str] = ()) -> str:
    """Make the tables, or bring them to the newest version, and give rights to roles; return the version.

    ``appenders`` may insert and select, ``readers`` select; neither may change or delete. The roles are there already.
    Raises LedgerRefused, LedgerUnavailable.
    """
    from alembic import command  # only here: it is slow to import
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    with asking(engine) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _LOCK})
        found = _version(connection)
        if found is not None and found not in known:
            raise LedgerRefused(f"the ledger of {told(engine)} has version {found}: use a newer tradeplane")
        _prepare(engine, connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        for role in appenders:
            _grant(engine, connection, role, ("SELECT", "INSERT"))
        for role in readers:
            _grant(engine, connection, role, ("SELECT",))
    return VERSION


@contextmanager
def asking(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction; what the database does not do is LedgerUnavailable or LedgerRefused."""
    try:
        with engine.begin() as connection:
            yield connection
    except (SQLAlchemyError, psycopg.Error) as error:
        raise failure(engine, error) from error


def failure(engine: Engine, error: Exception) -> EvidenceError:
    """Return what is wrong with a database, without a password: whether it may later be otherwise, or not."""
    words = str(cause(error)).strip().partition("\n")[0]
    if isinstance(cause(error), psycopg.OperationalError | psycopg.InterfaceError):
        remedy = "check that it is there and takes connections"
        if is_by_iam(engine.url):
            remedy += f", and that this process may {RIGHT} as {engine.url.username}, to whom rds_iam is granted"
        return LedgerUnavailable(f"{told(engine)}: {words}; {remedy}")
    return LedgerRefused(f"{told(engine)} refuses: {words}")


def cause(error: Exception) -> Exception:
    """Return the driver's own error, which SQLAlchemy wraps in one of its own where it is asked."""
    orig = getattr(error, "orig", None)
    return orig if isinstance(orig, Exception) else error


def told(engine: Engine) -> str:
    """Return what a database is called in a message."""
    return f"the database {engine.url.render_as_string(hide_password=True)}"


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version", schema=SCHEMA):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {SCHEMA}.alembic_version")).scalar()  # noqa: S608 - a constant
    return found


def _prepare(engine: Engine, connection: Connection) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise LedgerRefused(f"{told(engine)} is encoded in {encoding}, and names are any Unicode; make one in UTF8")
    if SCHEMA not in inspect(connection).get_schema_names():
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))


def _grant(engine: Engine, connection: Connection, role: str, rights: Sequence[str]) -> None:
    """Give a role rights. Raises LedgerRefused where Postgres only warned that it gave none."""
    name = connection.dialect.identifier_preparer.quote_identifier(role)
    granted = [("SCHEMA", SCHEMA, "USAGE"), ("TABLE", f"{SCHEMA}.alembic_version", "SELECT")]
    granted += [("TABLE", f"{SCHEMA}.{table}", right) for table in ("ledger", "payloads") for right in rights]
    for kind, thing, right in granted:
        connection.exec_driver_sql(f"GRANT {right} ON {kind} {thing} TO {name}".replace("%", "%%"))
        asked = text(f"SELECT has_{kind.lower()}_privilege(:role, :thing, :right)")
        if not connection.execute(asked, {"role": role, "thing": thing, "right": right}).scalar():
            raise LedgerRefused(
                f"{told(engine)} gave {role} no right to {right} on {thing}: run it as who owns the ledger"
            )
