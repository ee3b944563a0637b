"""The ledger in a real Postgres: one chain whoever appends, nothing changed by rights, and what is changed is found."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.ledger import appending
from tradeplane_evidence.ledger.appending import append
from tradeplane_evidence.ledger.database import check, connect, migrate
from tradeplane_evidence.ledger.entries import ROW, row_of
from tradeplane_evidence.ledger.errors import InvalidDatabase, LedgerBroken, LedgerRefused, LedgerUnavailable
from tradeplane_evidence.ledger.group_commit import GroupCommit
from tradeplane_evidence.ledger.reading import entries_of, head, verify
from tradeplane_evidence.ledger.schema import METADATA, SCHEMA

from tests.integration.evidence.ledgers import APPENDER, OWNER, READER, appender, database, owner, server
from tests.postgres import USER, Postgres, postgres
from tests.unit.evidence.sample_events import ALICE, KUBECTL, NOW, OBJECT, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

__all__ = ["appender", "database", "owner", "server"]

PAGE = Path(__file__).parents[3] / "docs" / "evidence" / "ledger.md"
LEDGER = f"{SCHEMA}.ledger"
COUNT = 8


@pytest.fixture
def superuser(server: Postgres, database: str, owner: Engine) -> Iterator[psycopg.Connection]:
    """Connect as who can do anything, with the triggers that would refuse it switched off."""
    with psycopg.connect(f"host={server.folder} user={USER} dbname={database}", autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {LEDGER} DISABLE TRIGGER ALL".encode())
        yield connection


def broken(engine: Engine, heads: dict[int, str] | None = None) -> LedgerBroken:
    with pytest.raises(LedgerBroken) as refused:
        verify(engine, heads)
    return refused.value


def test_events_are_appended_in_their_order_and_verified(appender: Engine) -> None:
    events = [event(number) for number in range(1, COUNT + 1)]
    found = append(appender, events[:3]) + append(appender, events[3:])
    assert [one.sequence for one in found] == list(range(1, COUNT + 1))
    assert all(one.added for one in found)
    chain = verify(appender, {one.sequence: one.hash for one in found})
    assert (chain.sequence, chain.hash) == (COUNT, found[-1].hash) == head(appender)
    read = entries_of(appender, OBJECT.kind, OBJECT.namespace, OBJECT.name)
    assert [one.event for one in read] == events
    assert entries_of(appender, OBJECT.kind, OBJECT.namespace, "another") == []


def test_an_empty_ledger_has_a_head_and_nothing_wrong(appender: Engine) -> None:
    assert append(appender, []) == []
    assert head(appender) == (0, "sha256:" + "0" * 64)
    assert verify(appender).sequence == 0


def test_what_was_entered_is_not_entered_again(appender: Engine) -> None:
    (first,) = append(appender, [event(1)])
    again = append(appender, [event(2), event(1), event(2, note="the same, seen by another")])
    assert [(one.sequence, one.added) for one in again] == [(2, True), (1, False), (2, False)]
    assert again[1].hash == first.hash
    assert verify(appender).sequence == 2


def test_a_clock_that_jumps_back_changes_no_order(appender: Engine) -> None:
    append(appender, [event(1)], lambda: NOW)
    append(appender, [event(2)], lambda: NOW - timedelta(days=365))
    read = entries_of(appender, OBJECT.kind, OBJECT.namespace, OBJECT.name)
    assert [one.recorded[:4] for one in read] == ["2026", "2025"]
    assert [one.event.generation for one in read] == [1, 2]
    assert verify(appender).sequence == 2


def test_too_many_at_once_are_refused(appender: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "MAX_BATCH", 2)
    with pytest.raises(Malformed, match="append them in parts"):
        append(appender, [event(1), event(2), event(3)])
    assert head(appender)[0] == 0


# What rights allow


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {LEDGER} SET user_name = 'mallory'",  # noqa: S608
        f"DELETE FROM {LEDGER}",  # noqa: S608
        f"TRUNCATE {LEDGER}",
        f"UPDATE {SCHEMA}.payloads SET content = ''",  # noqa: S608
        f"DELETE FROM {SCHEMA}.payloads",  # noqa: S608
        f"TRUNCATE {SCHEMA}.payloads",
    ],
)
def test_nobody_changes_or_removes_a_row(owner: Engine, appender: Engine, statement: str) -> None:
    append(appender, [event(1)])
    for engine, words in ((appender, "permission denied"), (owner, "is refused: rows are appended and never changed")):
        with pytest.raises(Exception, match=words), engine.begin() as connection:
            connection.execute(text(statement))
    assert verify(appender).sequence == 1


@pytest.mark.parametrize(
    "statement",
    [
        f"ALTER TABLE {LEDGER} DISABLE TRIGGER refuse_change",
        f"DROP TABLE {LEDGER}",
        "SET session_replication_role = replica",
        f"CREATE TABLE {SCHEMA}.another (x int)",
    ],
)
def test_who_appends_cannot_switch_off_what_refuses(appender: Engine, statement: str) -> None:
    with pytest.raises(Exception, match=r"must be owner|permission denied"), appender.begin() as connection:
        connection.execute(text(statement))


def test_a_replication_role_does_not_switch_it_off(server: Postgres, database: str, appender: Engine) -> None:
    append(appender, [event(1)])
    with psycopg.connect(f"host={server.folder} user={USER} dbname={database}") as connection:
        connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
            connection.execute(f"DELETE FROM {LEDGER}".encode())  # noqa: S608


def test_who_reads_reads_and_no_more(server: Postgres, database: str, appender: Engine) -> None:
    append(appender, [event(1)])
    engine = connect(server.url(database, READER))
    check(engine)
    assert verify(engine).sequence == 1
    with pytest.raises(LedgerRefused, match="permission denied"):
        append(engine, [event(2)])
    engine.dispose()


@pytest.mark.parametrize(
    ("sequence", "previous"),
    [(3, "head"), (2, "sha256:" + "0" * 64), (1, "head"), (9, "head"), (0, "head")],
)
def test_the_database_takes_no_entry_that_does_not_continue_the_chain(
    appender: Engine, sequence: int, previous: str
) -> None:
    (first,) = append(appender, [event(1)])
    forged = event(2)
    row = row_of(forged, forged.key, sequence, first.hash if previous == "head" else previous, "now")
    columns, values = ", ".join(ROW), ", ".join(f":{name}" for name in ROW)
    with pytest.raises(Exception, match=r"continue the chain|unique|ledger_sequence"), appender.begin() as connection:
        connection.execute(
            text(f"INSERT INTO {LEDGER} ({columns}) VALUES ({values})"),  # noqa: S608
            dict(zip(ROW, row, strict=True)),
        )
    assert head(appender) == (1, first.hash)


def test_the_database_takes_nobody_who_is_authenticated_and_claimed(appender: Engine) -> None:
    known, claims = (
        dict(zip(ROW, row_of(one, one.key, 1, "sha256:" + "0" * 64, "now"), strict=True))
        for one in (event(1, actor=ALICE), event(1, actor=KUBECTL))
    )
    columns, values = ", ".join(ROW), ", ".join(f":{name}" for name in ROW)
    insert = text(f"INSERT INTO {LEDGER} ({columns}) VALUES ({values})")  # noqa: S608
    neither_or_both = [known | {"claimed_by": "kubectl"}, claims | {"claimed_by": None}]
    neither_or_both += [known | {name: None} for name in ("user_name", "user_groups", "audit_id")]
    neither_or_both += [claims | {name: known[name]} for name in ("user_name", "user_groups", "audit_id")]
    for row in neither_or_both:
        with pytest.raises(Exception, match="ledger_authenticated_or_claimed"), appender.begin() as connection:
            connection.execute(insert, row)


# What is done to rows by who can do anything


@pytest.mark.parametrize("column", ROW)
def test_a_changed_column_is_found(superuser: psycopg.Connection, appender: Engine, column: str) -> None:
    append(appender, [event(number) for number in range(1, COUNT + 1)])
    changes = {
        "sequence": "sequence + 1000",
        "schema_version": "schema_version + 1",
        "generation": "generation + 1",
        "user_groups": "user_groups || 'system:masters'::text",
    }
    value = changes.get(column, f"coalesce({column}, '') || 'x'")
    constraint = "ledger_authenticated_or_claimed"
    superuser.execute(f"ALTER TABLE {LEDGER} DROP CONSTRAINT {constraint}".encode())
    superuser.execute(f"UPDATE {LEDGER} SET {column} = {value} WHERE sequence = 5".encode())  # noqa: S608
    assert broken(appender).sequence == 5


@pytest.mark.parametrize(("removed", "named"), [("= 1", 1), ("= 4", 4), ("IN (3, 4, 6)", 3)])
def test_a_removed_row_is_found(superuser: psycopg.Connection, appender: Engine, removed: str, named: int) -> None:
    append(appender, [event(number) for number in range(1, COUNT + 1)])
    superuser.execute(f"DELETE FROM {LEDGER} WHERE sequence {removed}".encode())  # noqa: S608
    assert broken(appender).sequence == named


def test_rows_removed_from_the_end_are_found_by_a_head(superuser: psycopg.Connection, appender: Engine) -> None:
    known = append(appender, [event(number) for number in range(1, COUNT + 1)])[-1]
    superuser.execute(f"DELETE FROM {LEDGER} WHERE sequence > 6".encode())  # noqa: S608
    assert verify(appender).sequence == 6
    assert broken(appender, {known.sequence: known.hash}).sequence == 7
    append(appender, [event(100), event(101)])  # and others put in their place
    assert verify(appender).sequence == COUNT
    assert broken(appender, {known.sequence: known.hash}).sequence == COUNT


# Many at once, and servers that go away


def test_many_appenders_make_one_chain(server: Postgres, database: str, owner: Engine) -> None:
    """Two processes and, in this one, several threads append, half of it the same events."""
    program = (
        "import sys\n"
        "from tests.unit.evidence.sample_events import event\n"
        "from tradeplane_evidence.ledger.appending import append\n"
        "from tradeplane_evidence.ledger.database import connect\n"
        "engine = connect(sys.argv[1])\n"
        "for number in range(0, 60, 3):\n"
        "    append(engine, [event(n) for n in range(number, number + 6)])\n"
    )
    url = server.url(database, APPENDER)
    processes = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(2)]
    engine = connect(url)
    with ThreadPoolExecutor(4) as pool:
        starts = [start for start in range(30, 120, 5) for _ in range(2)]
        found = list(pool.map(lambda start: append(engine, [event(n) for n in range(start, start + 5)]), starts))
    assert [process.wait(60) for process in processes] == [0, 0]
    chain = verify(engine, {one.sequence: one.hash for batch in found for one in batch})
    assert chain.sequence == 120
    read = entries_of(engine, OBJECT.kind, OBJECT.namespace, OBJECT.name)
    assert sorted(one.event.generation or 0 for one in read) == list(range(120))
    places = [one.sequence for batch in found for one in batch if one.added]
    assert len(places) == len(set(places))
    engine.dispose()


def test_callers_of_a_group_commit_each_get_their_own_place(appender: Engine) -> None:
    with GroupCommit(appender) as group:
        futures = [group.append(event(number)) for number in range(1, 501)]
        assert [future.result(60).sequence for future in futures] == list(range(1, 501))
    assert verify(appender).sequence == 500
    with pytest.raises(LedgerUnavailable, match="was closed"):
        group.append(event(501))
    group.close()


def test_what_nobody_foresaw_is_told_to_who_asked_and_ends_nothing(
    appender: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("not foreseen")

    with GroupCommit(appender) as group:
        with monkeypatch.context() as patched:
            patched.setattr("tradeplane_evidence.ledger.group_commit.append", fails)
            first = group.append(event(1))
            with pytest.raises(RuntimeError, match="not foreseen"):
                first.result(60)
        assert group.append(event(2)).result(60).sequence == 1


def test_closing_appends_what_waits(appender: Engine) -> None:
    group = GroupCommit(appender)
    futures = [group.append(event(number)) for number in range(1, 51)]
    group.close()
    assert all(future.done() for future in futures)
    assert head(appender)[0] == 50


def test_more_than_can_wait_is_refused_and_not_held(appender: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeplane_evidence.ledger.group_commit.MAX_WAITING", 3)
    with appender.begin() as holder:
        holder.execute(text(f"SELECT pg_advisory_xact_lock({appending._TURN})"))
        group = GroupCommit(appender)
        first = group.append(event(1))
        while not first.running():  # it is on its way, and waits for its turn
            time.sleep(0.01)
        for number in (2, 3, 4):
            group.append(event(number))
        with pytest.raises(LedgerUnavailable, match="append this one later"):
            group.append(event(5))
    group.close()
    assert verify(appender).sequence == 4


def test_a_turn_that_never_comes_is_given_up(server: Postgres, database: str, owner: Engine) -> None:
    url = server.url(database, APPENDER)
    engine, other = connect(url), connect(url)
    with engine.connect() as impatient:
        impatient.execute(text("SET lock_timeout = '100ms'"))
        impatient.commit()
        with other.begin() as holder:
            holder.execute(text(f"SELECT pg_advisory_xact_lock({appending._TURN})"))
            with pytest.raises(Exception, match="lock timeout"):
                appending._append(impatient, [(event(1).key, event(1))], appending.utc_now)
    engine.dispose()
    other.dispose()


def test_a_connection_that_breaks_while_an_event_is_appended_is_made_anew(
    appender: Engine, superuser: psycopg.Connection
) -> None:
    waiting = b"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as pool:
        with superuser.transaction():
            superuser.execute(f"SELECT pg_advisory_xact_lock({appending._TURN})".encode())
            done = pool.submit(append, appender, [event(1)])
            deadline = time.monotonic() + 60
            while not superuser.execute(waiting).fetchall():  # it waits for its turn, and loses its connection
                assert time.monotonic() < deadline
                time.sleep(0.01)
        (recorded,) = done.result(60)
    assert recorded.added
    assert verify(appender).sequence == 1


def test_a_server_killed_at_work_loses_nothing_it_acknowledged_and_doubles_nothing() -> None:
    """Kill it with SIGKILL while three callers append, start it again, and have each go on with the same events."""
    with postgres() as server:
        url = server.create("killed")
        engine = connect(url)
        migrate(engine)
        acknowledged: dict[int, str] = {}
        at_work = threading.Event()

        def appends(first: int) -> None:
            for number in range(first, first + 300, 3):
                batch = [event(n) for n in range(number, number + 3)]
                while True:
                    try:
                        found = append(engine, batch)
                    except LedgerUnavailable:  # it was away for longer than the tries take: the same again
                        continue
                    acknowledged.update({one.sequence: one.hash for one in found})
                    break
                if len(acknowledged) > 60:
                    at_work.set()

        with ThreadPoolExecutor(3) as pool:
            done = [pool.submit(appends, first) for first in (0, 300, 600)]
            for _ in range(2):
                assert at_work.wait(60)
                server.kill()
                at_work.clear()
                server.start()
            for one in done:
                one.result(120)
        chain = verify(engine, acknowledged)
        assert chain.sequence == 900
        read = entries_of(engine, OBJECT.kind, OBJECT.namespace, OBJECT.name)
        assert sorted(one.event.generation or 0 for one in read) == list(range(900))
        engine.dispose()


def test_a_server_that_is_not_there_is_named_without_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "TRIES", 2)
    engine = connect(f"postgresql://somebody:hunter2@/none?host={tmp_path}")
    for work in (lambda: append(engine, [event(1)]), lambda: verify(engine), lambda: migrate(engine)):
        with pytest.raises(LedgerUnavailable, match="check that it is there and takes connections") as refused:
            work()
        assert "hunter2" not in str(refused.value)


# Others' tools


def test_the_page_has_a_program_that_checks_it_without_us(server: Postgres, database: str, appender: Engine) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (query,) = re.findall(r"^psql audit -At -c '(.*)' \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    awkward = event(1, note='\x01\x1f\x7f\u2028\\ "quoted" \n\t \U0001f600 é', actor=ALICE)
    last = append(appender, [awkward, event(2), event(3, configuration=None, generation=None)])[-1]
    rows = server.run("psql", server.url(database), "-At", "-c", query).stdout.splitlines(keepends=True)

    def checks(lines: list[bytes]) -> subprocess.CompletedProcess[bytes]:
        call = [sys.executable, "-I", "-X", "utf8", "-c", program]
        return subprocess.run(call, input=b"".join(lines), capture_output=True, check=False, timeout=60)

    assert checks(rows).stdout.decode().strip() == last.hash
    for tampered in (rows[1:], [rows[0], rows[2]], [rows[0].replace(b"alice", b"mallory"), *rows[1:]]):
        assert checks(tampered).returncode == 1


# Databases and versions


def test_what_the_migrations_make_is_what_the_tables_say(owner: Engine) -> None:
    with owner.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: name == SCHEMA if kind == "schema" else name != "alembic_version",
            },
        )
        assert compare_metadata(context, METADATA) == []


def test_migrating_again_changes_nothing_and_opening_makes_nothing(
    server: Postgres, database: str, owner: Engine, appender: Engine
) -> None:
    append(appender, [event(1)])
    assert migrate(owner) == "1"
    assert verify(appender).sequence == 1
    empty = connect(server.create(f"{database}_empty"))
    with pytest.raises(LedgerRefused, match="makes one with tradeplane ledger migrate"):
        check(empty)
    empty.dispose()


def test_a_ledger_of_another_version_is_not_touched(owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text(f"UPDATE {SCHEMA}.alembic_version SET version_num = '9'"))  # noqa: S608
    with pytest.raises(LedgerRefused, match="has tables of version 9"):
        check(owner)
    with pytest.raises(LedgerRefused, match="use a newer tradeplane"):
        migrate(owner)


def test_a_role_that_is_not_there_is_named_and_nothing_is_made(server: Postgres, database: str) -> None:
    server.create(database, "-O", OWNER)
    engine = connect(server.url(database, OWNER))
    with pytest.raises(LedgerRefused, match='role "no:body" does not exist'):
        migrate(engine, appenders=["no:body"])
    with pytest.raises(LedgerRefused, match="has no ledger"):
        check(engine)
    engine.dispose()


def test_a_database_that_cannot_hold_every_name_is_refused(server: Postgres, database: str) -> None:
    engine = connect(server.create(database, "-E", "LATIN1", "-T", "template0", "--locale=C"))
    with pytest.raises(LedgerRefused, match="make one in UTF8"):
        migrate(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "words"),
    [("nonsense", "is none"), ("mysql://host/db", "not in mysql"), ("sqlite:///x", "not in sqlite"), ("", "is none")],
)
def test_what_is_no_database_of_a_ledger_is_refused(url: str, words: str) -> None:
    with pytest.raises(InvalidDatabase, match=words):
        connect(url)
