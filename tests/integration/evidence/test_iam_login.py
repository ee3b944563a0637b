"""A ledger on Postgres that lets users in by tokens of AWS: each login has a new one, and an old one is refused."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.ledger.appending import append
from tradeplane_evidence.ledger.database import asking, check, connect, migrate
from tradeplane_evidence.ledger.errors import LedgerUnavailable
from tradeplane_evidence.ledger.reading import verify

from tests.integration.evidence.rds_stand_in import HOST, REGION, PodIdentityAgent, TokenJudge, write_certificate
from tests.ports import free_port
from tests.postgres import USER, postgres
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence.sample_events import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.unit.cli.conftest import Ended

__all__ = ["tradeplane"]

OWNER, APPENDER, READER, OTHER = "ledger_owner", "tradeplane", "auditors", "somebody"
OVER = dt.timedelta(minutes=16)


class Database:
    """The server, its judge, and how it is reached."""

    def __init__(self, judge: TokenJudge, port: int, root: Path) -> None:
        self.judge, self.port, self.root = judge, port, root

    def url(self, user: str = APPENDER, root: Path | None = None) -> str:
        """Return the URL of a user who logs in by tokens; this machine stands in for the host of RDS."""
        trusted = f"sslmode=verify-full&sslrootcert={root or self.root}"
        return f"postgresql://{user}@{HOST}:{self.port}/audit?{trusted}&hostaddr=127.0.0.1&aws_iam_region={REGION}"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Start a server that asks the judge about everybody who comes by the network, and its ledger."""
    port, agent = free_port(), PodIdentityAgent()
    judge = TokenJudge(agent, f"{HOST}:{port}", frozenset({OWNER, APPENDER, READER}))
    token = tmp_path_factory.mktemp("agent") / "token"
    token.write_text(agent.authorization)
    with judge.serving() as asked, agent.serving() as credentials, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, str(token.parent / "none"))
        patch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", credentials)
        patch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
        with postgres() as server:
            crt, key = write_certificate(server.folder, "server")
            rules = server.folder / "hba.conf"
            rules.write_text(
                f"local all all trust\nhostssl all all 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport={asked} "
                'ldapprefix="uid="\n'
            )
            server.own(crt, key, rules)
            server.restart(
                f"-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on -c ssl_cert_file={crt} -c ssl_key_file={key} "
                f"-c hba_file={rules}"
            )
            local = ("-h", str(server.folder), "-p", str(port), "-U", USER)
            for role in (OWNER, APPENDER, READER, OTHER):
                server.run("createuser", *local, "--no-superuser", role)
            server.run("createdb", *local, "-O", OWNER, "audit")
            root = token.parent / "root.pem"
            root.write_bytes(crt.read_bytes())
            found = Database(judge, port, root)
            engine = connect(found.url(OWNER))
            migrate(engine, appenders=[APPENDER], readers=[READER])
            engine.dispose()
            yield found


@pytest.fixture
def database(started: Database) -> Database:
    """Give a server that is on time and has refused nobody."""
    started.judge.late = dt.timedelta()
    started.judge.refusals.clear()
    return started


@pytest.fixture
def appender(database: Database) -> Iterator[Engine]:
    """Connect as who appends."""
    engine = connect(database.url())
    yield engine
    engine.dispose()


def refused(engine: Engine) -> str:
    """Return what somebody is told who does not get in."""
    with pytest.raises(LedgerUnavailable) as error:
        check(engine)
    engine.dispose()
    return str(error.value)


def test_each_connection_logs_in_by_a_token_that_nobody_had_before(database: Database, appender: Engine) -> None:
    before = len(database.judge.taken)
    with asking(appender), asking(appender), asking(appender):
        assert len(database.judge.taken) == before + 3
    for number in (1, 2):
        Payloads(appender).put(b"specification %d" % number)
    append(appender, [event(1), event(2)])
    assert verify(appender).sequence == 2
    assert len(database.judge.taken) == before + 3  # connections that are open are used again
    appender.dispose()
    check(appender)
    assert len(database.judge.taken) == before + 4
    assert database.judge.refusals == []


def test_a_token_that_is_over_is_refused_and_a_connection_outlasts_it(database: Database, appender: Engine) -> None:
    with asking(appender) as connection:
        database.judge.late = OVER
        assert connection.execute(text("SELECT 1")).scalar() == 1
        said = refused(connect(database.url()))
        assert connection.execute(text("SELECT 2")).scalar() == 2
    assert database.judge.refusals == ["expired"]
    assert f'authentication failed for user "{APPENDER}"' in said
    assert f"this process may rds-db:connect as {APPENDER}, to whom rds_iam is granted" in said
    assert "X-Amz" not in said
    database.judge.late = dt.timedelta()
    check(appender)


def test_who_may_not_connect_as_a_user_is_refused(database: Database) -> None:
    assert OTHER in refused(connect(database.url(OTHER)))
    assert database.judge.refusals == [f"may not connect as {OTHER}"]


def test_nobody_else_is_told_a_token(database: Database, tmp_path: Path) -> None:
    crt, _ = write_certificate(tmp_path, "another")
    assert "certificate verify failed" in refused(connect(database.url(root=crt)))
    here = database.url().replace(HOST, "localhost")
    assert 'server certificate for "' in refused(connect(here))
    assert database.judge.refusals == []


def test_without_the_right_word_to_the_agent_there_is_no_token(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("of-another-pod")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    said = refused(connect(database.url()))
    assert f"{APPENDER} cannot log in to the database of {HOST} by a token of AWS" in said
    assert database.judge.refusals == []


def test_a_password_is_not_let_in(database: Database) -> None:
    plain = database.url().replace(f"{APPENDER}@", f"{APPENDER}:word@").replace(f"&aws_iam_region={REGION}", "")
    assert "authentication failed" in refused(connect(plain))
    assert len(database.judge.refusals) == 1


def test_commands_log_in_as_their_url_says(
    database: Database, tradeplane: Callable[..., Ended], tmp_path: Path
) -> None:
    (tmp_path / "owner.url").write_text(database.url(OWNER))
    (tmp_path / "auditors.url").write_text(database.url(READER))
    (tmp_path / "somebody.url").write_text(database.url(OTHER))
    assert tradeplane("ledger", "migrate", "--database", "owner.url", "--reader", READER).code == 0
    assert tradeplane("ledger", "verify", "--database", "auditors.url").code == 0
    assert tradeplane("config", "history", "strategy/none", "--database", "auditors.url").code != 4
    ended = tradeplane("ledger", "verify", "--database", "somebody.url")
    assert ended.code == 4
    assert "rds-db:connect" in ended.err
    assert "X-Amz" not in ended.err
    (tmp_path / "wrong.url").write_text(database.url().replace("verify-full", "require"))
    ended = tradeplane("ledger", "verify", "--database", "wrong.url")
    assert ended.code == 2
    assert "sslmode=verify-full" in ended.err
