"""``tradeplane ledger`` and ``tradeplane config`` as a person calls them, on a real Postgres."""

from __future__ import annotations

import getpass
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from sqlalchemy import text
from tradeplane_evidence.configurations.documents import Configuration, payload_of
from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.ledger.appending import append
from tradeplane_evidence.ledger.events import Claimed
from tradeplane_evidence.ledger.heads import HEAD_TYPE
from tradeplane_evidence.ledger.schema import SCHEMA
from tradeplane_store.canonical import sha256_digest

from tests.integration.evidence.ledgers import APPENDER, OWNER, READER, appender, database, owner, server
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_runs
from tests.unit.evidence.sample_events import ALICE, OBJECT, event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.integration.evidence.conftest import Cosign
    from tests.postgres import Postgres
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["appender", "database", "owner", "server", "tradeplane"]

STRATEGY = "strategy/sp500-macd"


@pytest.fixture(autouse=True)
def named(server: Postgres, database: str, owner: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the ledger in the environment, as who reads it."""
    monkeypatch.setenv("TRADEPLANE_LEDGER_DATABASE", server.url(database, READER))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Give a signing key, its public part beside it as key.pub."""
    (tmp_path / "key.pub").write_text(sample_runs.signer_in(tmp_path).public_key.pem())
    return sample_runs.key_file(tmp_path)


def specification(fast: int, **more: Any) -> dict[str, Any]:
    return {"algorithm": {"name": "sma-cross", "parameters": {"fast": fast, "slow": 50}}, "capital": "100000", **more}


def applied(engine: Engine, *specs: dict[str, Any], kind: str = "Strategy") -> list[str]:
    """Record specifications as applied one after the other; return their digests."""
    digests = []
    for number, spec in enumerate(specs, 1):
        data = payload_of(Configuration(api_version=OBJECT.api_version, kind=kind, spec=spec))
        digests.append(Payloads(engine).put(data))
        append(engine, [event(number, configuration=digests[-1])])
    return digests


def entered(engine: Engine, *numbers: int) -> None:
    """Enter the sample events, with what they say was applied."""
    for number in numbers:
        Payloads(engine).put(b"specification %d" % number)
    append(engine, [event(number) for number in numbers])


def tamper(engine: Engine, statement: str, table: str = "ledger") -> None:
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {SCHEMA}.{table} DISABLE TRIGGER refuse_change"))
        connection.execute(text(statement))


def test_a_ledger_is_made_by_its_owner_and_used_by_others(
    server: Postgres, database: str, tradeplane: Command, tmp_path: Path
) -> None:
    fresh = server.create(f"{database}_fresh", "-O", OWNER)
    (tmp_path / "owner.url").write_text(fresh.replace("//postgres@", f"//{OWNER}@") + "\n")
    refused = tradeplane("ledger", "verify", "--database", "owner.url")
    assert refused.code == 3
    assert "tradeplane ledger migrate" in refused.err
    made = ("ledger", "migrate", "--database", "owner.url", "--appender", APPENDER, "--reader", READER, "-o", "json")
    for _ in range(2):
        ended = tradeplane(*made)
        assert ended.code == 0, ended.err
        assert json.loads(ended.out) == {"version": "1", "appenders": [APPENDER], "readers": [READER]}
    (tmp_path / "reader.url").write_text(fresh.replace("//postgres@", f"//{READER}@"))
    ended = tradeplane("ledger", "verify", "--database", "reader.url", "-o", "json")
    assert json.loads(ended.out)["entries"] == 0


def test_a_ledger_is_verified_against_heads_that_were_signed(
    tradeplane: Command, owner: Engine, appender: Engine, key: Path, tmp_path: Path
) -> None:
    entered(appender, *range(1, 6))
    signed = ("ledger", "head", "--sign", f"file:{key}", "--out", "january.json")
    ended = tradeplane(*signed)
    assert ended.code == 0, ended.err
    assert tradeplane(*signed).code == 2  # heads are kept
    head = json.loads(tradeplane("ledger", "head", "-o", "json").out)
    assert head["sequence"] == 5
    entered(appender, 6)
    verified = ("ledger", "verify", "--head", "january.json", "--key", "key.pub")
    ended = tradeplane(*verified)
    assert ended.code == 0, ended.err
    assert [line.split()[:2] for line in ended.out.splitlines()] == [
        ["ok", "chain"],
        ["ok", "head"],
        ["ok", "kept"],
    ]
    told = json.loads(tradeplane(*verified, "-o", "json").out)
    assert (told["verified"], told["entries"], told["payloads"]) == (True, 6, {"checked": 6, "elsewhere": 0})
    assert [(one["sequence"], one["hash"]) for one in told["heads"]] == [(5, head["hash"])]

    tamper(owner, f"DELETE FROM {SCHEMA}.ledger WHERE sequence > 4")  # noqa: S608
    assert tradeplane("ledger", "verify").code == 0  # a chain that was cut off is one
    ended = tradeplane(*verified)
    assert ended.code == 3
    assert "FAIL chain" in ended.out
    assert json.loads(tradeplane(*verified, "-o", "json").out)["sequence"] == 5
    again = tradeplane("ledger", "head", "--sign", f"file:{key}", "--out", "february.json", *verified[2:])
    assert again.code == 3
    assert not (tmp_path / "february.json").exists()


def test_two_heads_of_one_entry_that_differ_are_told(
    tradeplane: Command, owner: Engine, appender: Engine, key: Path
) -> None:
    for name, number in (("first.json", 1), ("second.json", 2)):
        entered(appender, number)
        assert tradeplane("ledger", "head", "--sign", f"file:{key}", "--out", name).code == 0
        tamper(owner, f"DELETE FROM {SCHEMA}.ledger")  # noqa: S608
    entered(appender, 1)
    ended = tradeplane("ledger", "verify", "--head", "first.json", "--head", "second.json", "--key", "key.pub")
    assert ended.code == 3
    assert "there were two ledgers, and each was signed" in ended.out


def test_an_unmodified_cosign_verifies_a_head(
    tradeplane: Command, appender: Engine, key: Path, tmp_path: Path, cosign: Cosign
) -> None:
    append(appender, [event(1)])
    digest = json.loads(tradeplane("ledger", "head", "--sign", f"file:{key}", "--out", "head.json", "-o", "json").out)[
        "hash"
    ].removeprefix("sha256:")

    def verifies(wanted: str) -> int:
        kind = ("--type", HEAD_TYPE, "--digestAlg", "sha256", "--digest", wanted)
        files = ("--key", tmp_path / "key.pub", "--bundle", tmp_path / "head.json")
        return cosign("verify-blob-attestation", *files, *kind, "--insecure-ignore-tlog").returncode

    assert verifies(digest) == 0
    assert verifies("00" * 32) != 0


def test_a_changed_entry_is_named_and_no_head_is_signed_over_it(
    tradeplane: Command, owner: Engine, appender: Engine, key: Path, tmp_path: Path
) -> None:
    entered(appender, *range(1, 6))
    tamper(owner, f"UPDATE {SCHEMA}.ledger SET user_name = 'mallory' WHERE sequence = 3")  # noqa: S608
    ended = tradeplane("ledger", "verify", "-o", "json")
    assert ended.code == 3
    assert json.loads(ended.out)["sequence"] == 3
    ended = tradeplane("ledger", "head", "--sign", f"file:{key}", "--out", "head.json")
    assert ended.code == 3
    assert "entry 3 was changed" in ended.err
    assert not (tmp_path / "head.json").exists()
    ended = tradeplane("config", "history", STRATEGY, "-n", "trading")
    assert ended.code == 3
    assert "entry 3 was changed" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("verify", "--head", "other.json", "--key", "key.pub"), 3, "none of the 1 keys"),
        (("verify", "--head", "run.json", "--key", "key.pub"), 3, "no head of a ledger"),
        (("verify", "--head", "key.pub", "--key", "key.pub"), 3, "not JSON"),
        (("verify", "--head", "other.json"), 2, "no key is given"),
        (("verify", "--head", "missing.json", "--key", "key.pub"), 2, "cannot be read"),
        (("verify", "--database", "missing.url"), 2, "cannot be read"),
        (("verify", "--database", "two.url"), 2, "must hold one URL"),
        (("verify", "--database", "key.pub"), 2, "must hold one URL"),
        (("verify", "--database", "away.url"), 4, "check that it is there"),
        (("head", "--sign", "file:key.pem"), 2, "belong together"),
        (("head", "--out", "head.json"), 2, "belong together"),
        (("head", "--head", "other.json"), 2, "are for a head that is signed"),
        (("migrate", "--appender", READER), 3, "run it as who owns the ledger"),
    ],
)
def test_what_cannot_be_done_is_said(
    tradeplane: Command, key: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    other = sample_runs.signer_in(tmp_path, scalar=7)
    (tmp_path / "run.json").write_bytes(sample_runs.bundle(sample_runs.signer_in(tmp_path)))
    (tmp_path / "other.json").write_bytes(sample_runs.bundle(other))
    (tmp_path / "two.url").write_text("postgresql://a/b postgresql://c/d")
    (tmp_path / "away.url").write_text(f"postgresql://reader:hunter2@/none?host={tmp_path}")
    ended = tradeplane("ledger", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err
    assert "hunter2" not in ended.err


def test_no_ledger_is_named(tradeplane: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRADEPLANE_LEDGER_DATABASE")
    ended = tradeplane("ledger", "verify")
    assert ended.code == 2
    assert "TRADEPLANE_LEDGER_DATABASE" in ended.err


def test_versions_are_listed_shown_compared_and_gone_back_to(
    tradeplane: Command, appender: Engine, tmp_path: Path
) -> None:
    specs = [specification(10), specification(11, suspend=True), specification(11)]
    digests = applied(appender, *specs)
    listed = json.loads(tradeplane("config", "history", STRATEGY, "-n", "trading", "-o", "json").out)
    assert [(one["version"], one["digest"], one["entry"]) for one in listed["versions"]] == [
        (1, digests[0], 1),
        (2, digests[1], 2),
        (3, digests[2], 3),
    ]
    assert listed["versions"][0]["by"] == {"authenticated": ALICE.plain()}
    assert listed["versions"][1]["by"] == {"claimed": {"by": "kubectl-client-side-apply"}}
    table = tradeplane("config", "history", "strat/sp500-macd", "-n", "trading").out
    assert "alice@example.com (authenticated)" in table
    assert "kubectl-client-side-apply (claimed)" in table

    shown = json.loads(tradeplane("config", "show", f"{STRATEGY}@2", "-n", "trading", "-o", "json").out)
    assert (shown["spec"], shown["digest"], shown["version"]) == (specs[1], digests[1], 2)
    assert yaml.safe_load(tradeplane("config", "show", digests[0]).out)["spec"] == specs[0]

    ended = tradeplane("config", "diff", f"{STRATEGY}@1", f"{STRATEGY}@2", "-n", "trading")
    assert ended.code == 10
    assert ended.out.splitlines() == ["  spec.algorithm.parameters.fast: 10 -> 11", "+ spec.suspend: true"]
    ended = tradeplane("config", "diff", digests[1], STRATEGY, "-n", "trading", "-o", "json")
    assert json.loads(ended.out)["differences"] == [{"field": "spec.suspend", "kind": "removed", "before": True}]
    ended = tradeplane("config", "diff", digests[2], STRATEGY, "-n", "trading")
    assert (ended.code, ended.out) == (0, f"the same: {digests[2]}\n")

    printed = tradeplane("config", "rollback", f"{STRATEGY}@1", "-n", "trading").out
    assert yaml.safe_load(printed) == {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": "sp500-macd", "namespace": "trading"},
        "spec": specs[0],
    }
    assert tradeplane("config", "rollback", f"{STRATEGY}@1", "-n", "trading", "--out", "back.yaml").code == 0
    assert (tmp_path / "back.yaml").read_text() == printed


def test_a_version_goes_back_to_the_very_digest_it_had(tradeplane: Command, appender: Engine) -> None:
    awkward = {
        "a": "no",
        "b": "1e3",
        "c": "0x1F",
        "d": 1e-7,
        "e": 2**53 - 1,
        "f": "line\nline",
        "g": None,
        "h": ["", {}],
    }
    (digest,) = applied(appender, awkward)
    back = yaml.safe_load(tradeplane("config", "rollback", f"{STRATEGY}@1", "-n", "trading").out)
    again = Configuration(api_version=back["apiVersion"], kind=back["kind"], spec=back["spec"])
    assert sha256_digest(payload_of(again)) == digest


def test_names_that_would_steer_a_terminal_are_written_out(tradeplane: Command, appender: Engine) -> None:
    hostile = Claimed(by="\x1b]0;owned\x07 alice (authenticated)\n\u202e")
    digests = applied(appender, specification(1), {"\x1b[2J": "\x9b1m"})
    append(appender, [event(9, actor=hostile, configuration=digests[0])])
    out = tradeplane("config", "history", STRATEGY, "-n", "trading").out
    out += tradeplane("config", "diff", f"{STRATEGY}@1", f"{STRATEGY}@2", "-n", "trading").out
    assert "\\x1b]0;owned" in out
    assert all(one.isprintable() or one == "\n" for one in out)
    assert out.splitlines()[3].count("(claimed)") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("history", "strategy/another"), 3, "check kind, name and namespace"),
        (("history", "sp500-macd"), 2, "names no configuration"),
        (("history", "strategy/../../x"), 2, "names no configuration"),
        (("show", f"{STRATEGY}@7"), 3, "has no version 7"),
        (("show", f"{STRATEGY}@0"), 3, "has no version 0"),
        (("show", "sha256:" + "00" * 32), 3, "no payload has the digest"),
        (("show", "sha256:abc"), 2, "is no digest"),
        (("rollback", STRATEGY), 2, "names no version"),
        (("rollback", "sha256:" + "00" * 32), 2, "names no version"),
        (("register", "missing.onnx"), 2, "cannot be read"),
        (("register", "model.onnx"), 3, "permission denied"),
    ],
)
def test_what_is_not_there_is_said(
    tradeplane: Command, appender: Engine, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    applied(appender, specification(1))
    (tmp_path / "model.onnx").write_bytes(b"weights")
    namespace = () if arguments[0] == "register" else ("-n", "trading")
    ended = tradeplane("config", *arguments, *namespace)
    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err


def test_a_payload_of_another_kind_is_no_version(tradeplane: Command, appender: Engine) -> None:
    applied(appender, {"sealed": True}, kind="Replay")
    ended = tradeplane("config", "rollback", f"{STRATEGY}@1", "-n", "trading")
    assert ended.code == 3
    assert "one of them is a forgery" in ended.err


@pytest.fixture
def register(tradeplane: Command, server: Postgres, database: str, appender: Engine, tmp_path: Path) -> Command:
    """Give a way to register a file as who appends."""
    (tmp_path / "appender.url").write_text(server.url(database, APPENDER))

    def registered(data: bytes, *options: str, file: str = "model.onnx") -> Ended:
        (tmp_path / file).write_bytes(data)
        return tradeplane("config", "register", file, "--database", "appender.url", "-o", "json", *options)

    return registered


def test_a_file_is_kept_by_its_digest_and_is_a_version_of_its_name(
    tradeplane: Command, register: Command, tmp_path: Path
) -> None:
    first, second = b"weights", b"weights" * 100_000
    told = [json.loads(register(data).out) for data in (first, first, second, first)]
    named = {"namespace": "default", "name": "model.onnx"}
    assert told == [
        {"digest": sha256_digest(data), "bytes": len(data), **named, "version": number, "entry": number}
        for data, number in ((first, 1), (first, 1), (second, 2), (first, 3))
    ]
    assert len(list((tmp_path / "store" / "configurations").iterdir())) == 1

    found = json.loads(tradeplane("config", "history", "file/model.onnx", "-o", "json").out)
    versions = found["versions"]
    assert [(one["version"], one["digest"], one["action"], one["generation"]) for one in versions] == [
        (1, sha256_digest(first), "applied", 1),
        (2, sha256_digest(second), "applied", 2),
        (3, sha256_digest(first), "rolled-back", 3),
    ]
    assert [list(one["by"]) for one in versions] == [["claimed"]] * 3  # nobody but they themselves says who it was
    assert versions[0]["by"]["claimed"]["by"].endswith(f", by the database's role {APPENDER}")
    assert tradeplane("ledger", "verify").code == 0


def test_files_of_other_names_and_namespaces_are_other_files(tradeplane: Command, register: Command) -> None:
    for options in ((), ("-n", "trading"), ("--name", "Other_model.onnx")):
        assert json.loads(register(b"weights", *options).out)["version"] == 1
    for name, namespace in (("model.onnx", "default"), ("model.onnx", "trading"), ("Other_model.onnx", "default")):
        found = json.loads(tradeplane("config", "history", f"files/{name}", "-n", namespace, "-o", "json").out)
        assert (found["kind"], len(found["versions"])) == ("File", 1)
    assert tradeplane("config", "history", "file/Other_model.onnx", "-n", "trading").code == 3


def test_who_has_no_name_on_a_machine_is_told_by_number(
    tradeplane: Command, register: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose list of users has no such one."""

    def nobody() -> str:
        raise KeyError(os.getuid())

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert register(b"weights").code == 0
    (only,) = json.loads(tradeplane("config", "history", "file/model.onnx", "-o", "json").out)["versions"]
    assert only["by"] == {"claimed": {"by": f"user {os.getuid()}, by the database's role {APPENDER}"}}


@pytest.mark.parametrize("command", ["show", "rollback"])
def test_a_file_is_no_specification(tradeplane: Command, register: Command, command: str) -> None:
    digest = json.loads(register(b"{}").out)["digest"]
    ended = tradeplane("config", command, "file/model.onnx@1")
    assert (ended.code, ended.out) == (2, "")
    assert f"is a file, and no specification: version 1 of it is {digest}" in ended.err


@pytest.mark.parametrize("name", ["", "a b", "../x", "model.onnx@2", "a/b", "\x1b[2J", "x" * 254])
def test_a_name_that_could_not_be_asked_for_is_refused_and_nothing_is_entered(
    tradeplane: Command, register: Command, name: str
) -> None:
    ended = register(b"weights", "--name", name)
    assert (ended.code, ended.out) == (2, "")
    assert "is no name of a file in the ledger" in ended.err
    assert "\x1b" not in ended.err
    assert json.loads(tradeplane("ledger", "verify", "-o", "json").out)["entries"] == 0


SECOND = sha256_digest(b"specification 2")


@pytest.mark.parametrize(
    ("statement", "words", "sequence"),
    [
        ("UPDATE {0} SET content = 'x' WHERE digest = '{1}'", "was changed; entry 2 says that it was applied", 2),
        ("DELETE FROM {0} WHERE digest = '{1}'", "is missing; entry 2 says that it was applied", 2),
        ("UPDATE {0} SET digest = 'sha256:0' WHERE digest = '{1}'", "no entry says that it was applied", 0),
        ("UPDATE {0} SET content = NULL WHERE digest = '{1}'", "was taken away", 2),
        ("UPDATE {0} SET size = size + 1 WHERE digest = '{1}'", "and its row 16", 2),
    ],
)
def test_a_specification_that_was_changed_or_taken_away_is_named(
    tradeplane: Command, owner: Engine, appender: Engine, statement: str, words: str, sequence: int
) -> None:
    """The chain has its digest alone, and stays whole."""
    entered(appender, 1, 2, 3)
    assert tradeplane("ledger", "verify").code == 0
    tamper(owner, statement.format(f"{SCHEMA}.payloads", SECOND), "payloads")
    ended = tradeplane("ledger", "verify")
    assert ended.code == 3
    assert [line.split()[:2] for line in ended.out.splitlines()] == [["ok", "chain"], ["FAIL", "kept"]]
    assert words in ended.out
    told = json.loads(tradeplane("ledger", "verify", "-o", "json").out)
    assert (told["verified"], told["sequence"]) == (False, sequence)


def test_what_lies_in_a_store_is_read_where_that_is_named(
    tradeplane: Command, register: Command, tmp_path: Path
) -> None:
    digest = json.loads(register(b"weights" * 100_000).out)["digest"]
    told = json.loads(tradeplane("ledger", "verify", "-o", "json").out)
    assert (told["verified"], told["payloads"]) == (True, {"checked": 0, "elsewhere": 1})
    assert "1 in an object store were not looked at" in tradeplane("ledger", "verify").out
    named = ("ledger", "verify", "--store", str(tmp_path / "store"))
    ended = tradeplane(*named)
    assert (ended.code, "1 specifications and files, each by its digest\n" in ended.out) == (0, True), ended.out
    (file,) = (tmp_path / "store" / "configurations").iterdir()
    file.chmod(0o600)
    file.write_bytes(b"weightz" * 100_000)
    changed = tradeplane(*named)
    assert (changed.code, f"the payload {digest} was changed" in changed.out) == (3, True), changed.out
    file.unlink()
    gone = tradeplane(*named)
    assert (gone.code, "entry 1 says that it was applied" in gone.out) == (3, True), gone.out


def test_who_only_reads_enters_no_file(tradeplane: Command, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    assert tradeplane("config", "register", "model.onnx").code == 3
    assert json.loads(tradeplane("ledger", "verify", "-o", "json").out)["entries"] == 0
