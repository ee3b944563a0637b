"""Postgres on paper: who may connect, as whom it runs, what psql is told, and what its probe makes of an answer."""

from __future__ import annotations

import dataclasses
import os
import pwd
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_stacks.local import ledger_audit, postgres, requirements
from tradeplane_stacks.local.certificates import AUTHORITIES, CLUSTER, RECORDER, Certificates
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.control_plane import AUDIT_POLICY
from tradeplane_stacks.local.errors import CommandError, ComponentError
from tradeplane_stacks.local.layout import Layout
from tradeplane_stacks.local.postgres import (
    Postgres,
    PostgresProbe,
    access,
    newest_programs,
    provision,
    refusal,
    startup,
)
from tradeplane_stacks.local.requirements import Machine
from tradeplane_stacks.local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.isolation import Isolation

USER = pwd.struct_passwd(("postgres", "x", 101, 104, "", "/", "/bin/sh"))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a machine with two versions of Postgres, and its user."""
    for version in ("9", "15"):
        (tmp_path / "postgresql" / version / "bin").mkdir(parents=True)
        for name in ("initdb", "postgres", "psql"):
            (tmp_path / "postgresql" / version / "bin" / name).touch()
    monkeypatch.setattr(postgres, "PROGRAMS", tmp_path / "postgresql")
    monkeypatch.setattr(postgres.newest_programs, "__defaults__", (tmp_path / "postgresql",))
    monkeypatch.setattr(pwd, "getpwnam", lambda _: USER)
    return tmp_path / "postgresql"


@pytest.fixture
def state() -> Iterator[Path]:
    """Give a state directory whose path is short enough for the sockets below it."""
    with tempfile.TemporaryDirectory(prefix="tp-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def server(state: Path, isolation: Isolation, programs: Path) -> Postgres:
    settings = Settings(state, Path("/cache"))
    layout = Layout(settings.state)
    return Postgres(settings, layout, Certificates(layout.certificates), isolation.placement)


def test_only_the_roles_connect_by_tls_with_a_password_from_the_cluster_s_addresses(settings: Settings) -> None:
    local, *network = access(settings).splitlines()
    assert local == "local all postgres peer map=administrator"
    assert [line.split() for line in network] == [
        ["hostssl", "audit", "ledger_owner,tradeplane,auditors", subnet, "scram-sha-256"]
        for subnet in ("10.88.0.0/24", "10.89.0.0/16")
    ]


def test_it_runs_as_its_user_in_sight_of_its_folder_alone(server: Postgres, programs: Path) -> None:
    argv = server.component().argv
    assert argv[0].endswith("unshare")
    assert argv[argv.index("-c") + 2] == str(server.folder)
    assert {"--reuid=101", "--regid=104", "--clear-groups", "--no-new-privs"} <= set(argv)
    program = argv[argv.index("--", argv.index("--no-new-privs")) + 1 :]
    assert program[:3] == (str(programs / "15/bin/postgres"), "-D", "/mnt/cluster")
    assert {"ssl=on", "synchronous_commit=on", "listen_addresses=10.88.0.2"} <= set(program)
    assert server.component().stop_signal == "SIGINT"


def test_data_of_an_older_postgres_are_served_by_it(server: Postgres, programs: Path) -> None:
    (server.folder / "cluster").mkdir(parents=True)
    (server.folder / "cluster" / "PG_VERSION").write_text("9\n")
    assert str(programs / "9/bin/postgres") in server.component().argv
    (server.folder / "cluster" / "PG_VERSION").write_text("14\n")
    with pytest.raises(ComponentError, match=r"of Postgres 14.*postgresql-14.*TRADEPLANE_POSTGRES=0"):
        server.component()


def test_a_machine_without_its_user_is_told_the_package(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr(pwd, "getpwnam", nobody)
    assert not postgres.is_installed()
    with pytest.raises(ComponentError, match="package postgresql"):
        server.component()


def test_the_newest_programs_are_found_by_number(tmp_path: Path, programs: Path) -> None:
    (programs / "doc" / "bin").mkdir(parents=True)
    (programs / "doc" / "bin" / "initdb").touch()
    assert newest_programs(programs) == programs / "15" / "bin"
    assert newest_programs(tmp_path / "nowhere") is None


def test_data_that_were_half_made_are_made_anew(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = ["interrupted", ""]
    made: list[str] = []

    def initdb(*command: str) -> str:
        folder = server.folder / Path(command[command.index("-D") + 1]).name
        assert not any(folder.iterdir())
        made.append(folder.name)
        (folder / "PG_VERSION").write_text("15\n")
        if words := said.pop(0):
            raise CommandError(words)
        return ""

    monkeypatch.setattr(postgres, "execute", initdb)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    with pytest.raises(CommandError, match="interrupted"):
        server.prepare()
    assert not (server.folder / "cluster").exists()
    server.prepare()
    server.prepare()  # once more makes nothing
    assert len(made) == len(set(made)) == 2
    assert sorted(path.name for path in server.folder.glob("cluster*")) == ["cluster"]


def test_passwords_are_made_once_and_read_by_their_owner_alone(server: Postgres) -> None:
    urls = {role: server.url(role) for role in postgres.ROLES}
    assert {role: server.url(role) for role in postgres.ROLES} == urls
    assert len({url.split("@")[0].rpartition(":")[2] for url in urls.values()}) == len(postgres.ROLES)
    assert all("sslmode=verify-full&sslrootcert=/" in url for url in urls.values())
    assert {path.stat().st_mode & 0o777 for path in server.layout.ledger.iterdir()} == {0o600}
    assert server.layout.ledger.stat().st_mode & 0o777 == 0o700
    assert server.layout.ledger in server.layout.kept(), "with the data go the passwords"


def test_no_password_stands_on_a_command_line(server: Postgres) -> None:
    passwords = [server.url(role).split("@")[0].rpartition(":")[2] for role in postgres.ROLES]
    line = " ".join(server.component().command_line())
    assert not [password for password in passwords if password in line]


def test_roles_have_no_rights_but_to_connect() -> None:
    told = provision({"a": "secret-a", "b": "secret-b"})
    assert told.index("log_min_error_statement = panic") < told.index("secret-a"), "a failure logs no password"
    assert told.count("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD") == 2
    assert "REVOKE ALL ON DATABASE audit FROM PUBLIC" in told
    assert "OWNER ledger_owner" in told


def test_there_is_none_where_nothing_asks_for_it() -> None:
    chosen = Settings(Path("/s"), Path("/c"))
    for settings in (
        dataclasses.replace(chosen, postgres=False),
        dataclasses.replace(chosen, control_plane_only=True),
    ):
        cluster = EmbeddedCluster(settings)
        assert (cluster.postgres, cluster.audit) == (None, None)
    assert EmbeddedCluster(chosen).postgres is not None


def test_the_machine_must_have_it_where_it_is_asked_for(settings: Settings) -> None:
    without = Machine(0, "x86_64", lambda name: f"/bin/{name}", lambda _: True, lambda: True, lambda: False)
    lines = "\n".join(requirements.missing(settings, without))
    assert "package postgresql" in lines
    assert "TRADEPLANE_POSTGRES=0" in lines
    assert requirements.missing(dataclasses.replace(settings, postgres=False), without) == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0", None),
        (b"E\0\0\0\x30SFATAL\0C57P03\0Mthe database system is starting up\0\0", "the database system is starting up"),
        (b"", "it hung up before it asked who connects"),
        (b"E", "it hung up before it asked who connects"),
    ],
)
def test_a_server_that_asks_for_the_password_is_up(answer: bytes, told: str | None) -> None:
    assert refusal(answer) == told


def test_the_message_that_opens_a_connection_says_its_length() -> None:
    message = startup("auditors", "audit")
    assert int.from_bytes(message[:4], "big") == len(message)
    assert message[8:] == b"user\0auditors\0database\0audit\0\0"


def test_a_server_without_tls_or_none_at_all_is_not_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(8)
                connection.sendall(b"N")

        thread = threading.Thread(target=answer)
        thread.start()
        assert PostgresProbe("127.0.0.1", port, tmp_path / "ca.crt").ask() == "it does not offer TLS"
        thread.join()
    assert "refused" in (PostgresProbe("127.0.0.1", port, tmp_path / "ca.crt").ask() or "").lower()


def test_who_tells_the_ledger_has_an_authority_that_signs_for_nobody_else(server: Postgres) -> None:
    cluster = EmbeddedCluster(server.settings)
    assert cluster.audit is not None
    theirs = {leaf.name: leaf.authority for leaf in cluster.audit.leaves()}
    assert theirs == {ledger_audit.SERVER: CLUSTER, ledger_audit.CLIENT: RECORDER}
    assert RECORDER in AUTHORITIES
    chosen = cluster.audit.settings_with_webhook()
    assert chosen.audit_webhook == cluster.layout.kubeconfigs / ledger_audit.CLIENT
    assert chosen.audit_policy == cluster.layout.config / "ledger-audit-policy.yaml"


def test_who_names_a_webhook_or_a_policy_keeps_it() -> None:
    own = Settings(Path("/s"), Path("/c"), audit_policy=Path("/policy"), audit_webhook=Path("/webhook"))
    assert EmbeddedCluster(own).audit is None
    audit = EmbeddedCluster(dataclasses.replace(own, audit_webhook=None)).audit
    assert audit is not None
    assert audit.settings_with_webhook().audit_policy == Path("/policy")


def test_the_audit_log_s_rules_stand_behind_the_ledger_s() -> None:
    ledger = ledger_audit.POLICY.read_text(encoding="utf-8")
    assert ledger_audit.policy(ledger, log=False) == ledger
    own, log = yaml.safe_load(ledger)["rules"], yaml.safe_load(AUDIT_POLICY)["rules"]
    both = yaml.safe_load(ledger_audit.policy(ledger, log=True))
    assert both["rules"] == [*own[:-1], *log]
    with pytest.raises(ValueError, match="does not end with"):
        ledger_audit.policy(AUDIT_POLICY, log=True)
