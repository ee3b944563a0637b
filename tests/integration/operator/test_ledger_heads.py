"""Heads at intervals, on a real Postgres: published as the ledger grows, and none where it is not what it was."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.errors import InvalidKey, Malformed, SignatureRefused, SignerUnavailable
from tradeplane_evidence.ledger.appending import append
from tradeplane_evidence.ledger.errors import LedgerBroken
from tradeplane_evidence.ledger.heads import Head, sign_head, verify_head
from tradeplane_evidence.ledger.reading import head, verify
from tradeplane_evidence.ledger.schema import SCHEMA
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
from tradeplane_evidence.signing.opening import open_signer
from tradeplane_operator.recording import heads
from tradeplane_operator.recording.__main__ import EXIT_CANNOT_START, main
from tradeplane_operator.recording.heads import Heads, name_of
from tradeplane_store.errors import StoreUnavailable
from tradeplane_store.objects import open_store

from tests.integration.evidence.ledgers import appender, database, owner, server
from tests.integration.operator.cluster import eventually
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_runs
from tests.unit.evidence.sample_events import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.postgres import Postgres
    from tests.unit.cli.conftest import Ended

__all__ = ["appender", "database", "owner", "server", "tradeplane"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder that heads are published in."""
    made = tmp_path / "heads"
    made.mkdir()
    return made


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Give a folder with a signing key."""
    made = tmp_path / "keys"
    made.mkdir()
    sample_runs.key_file(made)
    return made


@pytest.fixture
def recorder(appender: Engine, folder: Path, keys: Path) -> Callable[[], Heads]:
    """Give a way to start what publishes, as a recorder does that knows nothing of before."""
    return lambda: Heads(appender, open_store(folder.as_uri()), f"file:{keys / 'key.pem'}")


def published(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def grow(engine: Engine, first: int, last: int) -> None:
    append(engine, [event(number) for number in range(first, last + 1)])


def tamper(engine: Engine, statement: str) -> None:
    """Change what nobody may, as who owns the ledger can."""
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {SCHEMA}.ledger DISABLE TRIGGER ALL"))
        connection.execute(text(statement))
        connection.execute(text(f"ALTER TABLE {SCHEMA}.ledger ENABLE TRIGGER ALL"))


CHANGE = f"UPDATE {SCHEMA}.ledger SET name = 'another' WHERE sequence = "  # noqa: S608 - a constant


def test_a_head_is_published_whenever_the_ledger_grew(
    appender: Engine, recorder: Callable[[], Heads], folder: Path, keys: Path
) -> None:
    one = recorder()
    assert one.publish() is None, "there is nothing to sign"
    grow(appender, 1, 3)
    assert one.publish() is not None
    assert one.publish() is None
    grow(appender, 4, 2_500)  # more than is read at a time
    assert one.publish() is not None
    grow(appender, 2_501, 2_501)
    assert recorder().publish() is not None, "another goes on where this one was"
    assert one.publish() is None
    assert published(folder) == [name_of(3), name_of(2_500), name_of(2_501)]
    ring = Keyring((TrustedKey(sample_runs.signer_in(keys).public_key),))
    signed = [verify_head((folder / name).read_bytes(), ring).head for name in published(folder)]
    assert (signed[-1].sequence, signed[-1].hash) == head(appender)
    verify(appender, {each.sequence: each.hash for each in signed})


def test_the_folder_is_what_a_ledger_is_verified_by(
    server: Postgres,
    database: str,
    owner: Engine,
    appender: Engine,
    recorder: Callable[[], Heads],
    folder: Path,
    keys: Path,
    tradeplane: Callable[..., Ended],
    tmp_path: Path,
) -> None:
    (tmp_path / "url").write_text(server.url(database))
    (keys / "key.pub").write_text(sample_runs.signer_in(keys).public_key.pem())
    command = ("ledger", "verify", "--database", "url", "--head", str(folder), "--key", str(keys / "key.pub"))
    empty = tradeplane(*command)
    assert (empty.code, "has no heads" in empty.err) == (2, True)
    one = recorder()
    for last in (2, 4):
        for number in (last - 1, last):
            Payloads(appender).put(b"specification %d" % number)
        grow(appender, last - 1, last)
        one.publish()
    ended = tradeplane(*command)
    assert ended.code == 0, ended.err
    assert [line.split()[1] for line in ended.out.splitlines()] == ["chain", "head", "head", "kept"]
    tamper(owner, f"DELETE FROM {SCHEMA}.ledger WHERE sequence = 4")  # noqa: S608
    assert tradeplane(*command).code == 3


@pytest.mark.parametrize("again", [False, True], ids=["by the same", "by one that is started"])
@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"{CHANGE}5", "entry 5 was changed"),
        (f"{CHANGE}3", "entry 3 was changed"),
        (f"DELETE FROM {SCHEMA}.ledger WHERE sequence = 4", "entry 4 is missing"),  # noqa: S608
        (f"DELETE FROM {SCHEMA}.ledger WHERE sequence >= 3", "removed"),  # noqa: S608
    ],
)
def test_nothing_is_signed_of_a_ledger_that_was_changed(
    owner: Engine, appender: Engine, recorder: Callable[[], Heads], folder: Path, statement: str, told: str, again: bool
) -> None:
    one = recorder()
    grow(appender, 1, 3)
    one.publish()
    grow(appender, 4, 6)
    tamper(owner, statement)
    with pytest.raises(LedgerBroken, match=told):
        (recorder() if again else one).publish()
    assert published(folder) == [name_of(3)]


def test_what_was_signed_before_is_followed_by_who_starts(
    owner: Engine, appender: Engine, recorder: Callable[[], Heads], folder: Path
) -> None:
    one = recorder()
    grow(appender, 1, 3)
    one.publish()
    grow(appender, 4, 4)
    tamper(owner, f"{CHANGE}1")
    with pytest.raises(LedgerBroken, match="entry 1 was changed"):
        recorder().publish()
    assert published(folder) == [name_of(3)]


def test_a_ledger_that_was_made_anew_is_not_the_one_that_was_signed(
    owner: Engine, appender: Engine, recorder: Callable[[], Heads], folder: Path
) -> None:
    one = recorder()
    grow(appender, 1, 3)
    one.publish()
    tamper(owner, f"DELETE FROM {SCHEMA}.ledger")  # noqa: S608
    append(appender, [event(number, note="another history") for number in range(1, 6)])
    for each in (one, recorder()):
        with pytest.raises(LedgerBroken, match="entry 3 is not the one that was signed"):
            each.publish()
    assert published(folder) == [name_of(3)]


def test_the_ledger_is_held_to_what_another_recorder_published(
    owner: Engine, appender: Engine, recorder: Callable[[], Heads], folder: Path
) -> None:
    one = recorder()
    grow(appender, 1, 3)
    one.publish()
    grow(appender, 4, 6)
    recorder().publish()
    tamper(owner, f"DELETE FROM {SCHEMA}.ledger WHERE sequence > 4")  # noqa: S608
    with pytest.raises(LedgerBroken, match=r"ends with entry 4, and a signed head is of entry 6"):
        one.publish()
    assert published(folder) == [name_of(3), name_of(6)]


def test_a_head_that_was_taken_away_is_told_and_not_forgotten(
    owner: Engine, appender: Engine, recorder: Callable[[], Heads], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = recorder()
    grow(appender, 1, 3)
    one.publish()
    (folder / name_of(3)).unlink()
    assert one.publish() is None
    assert "the head of entry 3, published before, is not in" in caplog.text
    tamper(owner, f"DELETE FROM {SCHEMA}.ledger WHERE sequence = 3")  # noqa: S608
    with pytest.raises(LedgerBroken, match="removed"):
        one.publish()


def test_a_key_that_is_rotated_goes_on_where_the_last_one_was(
    appender: Engine, recorder: Callable[[], Heads], folder: Path, keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    grow(appender, 1, 2)
    recorder().publish()
    sample_runs.key_file(keys, scalar=0xBEEF)
    grow(appender, 3, 3)
    with caplog.at_level(logging.WARNING):
        assert recorder().publish() is not None
    assert "another key" in caplog.text
    assert published(folder) == [name_of(2), name_of(3)]


def test_the_ledger_is_held_to_a_head_whoever_signed_it(
    appender: Engine, recorder: Callable[[], Heads], folder: Path, tmp_path: Path
) -> None:
    grow(appender, 1, 2)
    other = sample_runs.signer_in(tmp_path, scalar=0xBEEF)
    false = Head(sequence=2, hash="sha256:" + "1" * 64, time="2026-01-01T00:00:00.000000Z")
    (folder / name_of(2)).write_bytes(sign_head(false, other))
    with pytest.raises(LedgerBroken, match="entry 2 is not the one that was signed"):
        recorder().publish()


def test_what_is_no_head_of_its_entry_is_refused(appender: Engine, recorder: Callable[[], Heads], folder: Path) -> None:
    grow(appender, 1, 2)
    recorder().publish()
    (folder / name_of(7)).write_bytes((folder / name_of(2)).read_bytes())
    with pytest.raises(Malformed, match="is of entry 2"):
        recorder().publish()
    bundle = (folder / name_of(2)).read_bytes()
    (folder / name_of(7)).write_bytes(bundle.replace(b'"sig":"ME', b'"sig":"MF'))
    with pytest.raises((Malformed, SignatureRefused)):
        recorder().publish()


def test_two_that_publish_at_once_publish_one_head(
    appender: Engine, recorder: Callable[[], Heads], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(appender, 1, 2)
    one, other = recorder(), recorder()
    monkeypatch.setattr(other.store, "list", list)  # it looks before the first has written
    assert one.publish() is not None
    assert other.publish() is not None
    assert published(folder) == [name_of(2)]
    grow(appender, 3, 3)
    (folder / name_of(3)).write_bytes(
        sign_head(
            Head(sequence=3, hash="sha256:" + "1" * 64, time="2026-01-01T00:00:00.000000Z"),
            open_signer(one.signer),
        )
    )
    with pytest.raises(LedgerBroken, match="there were two ledgers"):
        other.publish()


async def test_a_store_or_a_signer_that_is_away_is_tried_again(
    appender: Engine,
    recorder: Callable[[], Heads],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    grow(appender, 1, 2)
    one = recorder()
    one.every = 0.05
    missing = [SignerUnavailable("KMS does not answer"), StoreUnavailable("no route")]

    def away(uri: str) -> object:
        if missing:
            raise missing.pop(0)
        return open_signer(uri)

    monkeypatch.setattr(heads, "open_signer", away)
    work = asyncio.create_task(one.run())

    async def there() -> list[str] | None:
        if work.done():
            work.result()
        return published(folder) or None

    try:
        assert await eventually(there, "a head") == [name_of(2)]
    finally:
        work.cancel()
    assert "KMS does not answer" in caplog.text
    assert "no route" in caplog.text


async def test_a_key_that_cannot_be_used_is_no_matter_of_time(recorder: Callable[[], Heads], keys: Path) -> None:
    one = recorder()
    (keys / "key.pem").write_text("no key")
    with pytest.raises(InvalidKey):
        await one.run()


class Process:
    """A recorder that publishes heads, and its log."""

    def __init__(self, kubeconfig: Path, url: str, folder: Path, key: Path, log: Path) -> None:
        self.log = log
        environment = os.environ | {"KUBECONFIG": str(kubeconfig), "TRADEPLANE_LEDGER_DATABASE": url}
        command = [sys.executable, "-m", "tradeplane_operator.recording", "--namespace", "nobody"]
        command += ["--heads", folder.as_uri(), "--heads-every", "0.2", "--heads-signer", f"file:{key}"]
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, env=environment, stderr=file)


@pytest.fixture
def process(
    cluster: Path, server: Postgres, database: str, owner: Engine, folder: Path, keys: Path, tmp_path: Path
) -> Iterator[Process]:
    one = Process(cluster, server.url(database), folder, keys / "key.pem", tmp_path / "log")
    yield one
    one.process.kill()
    one.process.wait(60)
    print(one.log.read_text()[-8_000:])  # shown where the test failed


async def test_a_recorder_ends_where_the_ledger_was_changed(
    process: Process, owner: Engine, appender: Engine, folder: Path
) -> None:
    grow(appender, 1, 3)

    async def there() -> bool:
        return process.process.poll() is not None or published(folder) == [name_of(3)]

    await eventually(there, "a head")
    tamper(owner, f"{CHANGE}3")
    grow(appender, 4, 4)
    assert await asyncio.to_thread(process.process.wait, 60) == EXIT_CANNOT_START
    assert "entry 3 was changed" in process.log.read_text()
    assert published(folder) == [name_of(3)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--heads", "file:///heads"), "go together"),
        (("--heads-signer", "file:/key"), "go together"),
        (("--heads", "ftp://heads", "--heads-signer", "file:/key"), "not the URL of a store"),
        (("--heads", "file:///heads", "--heads-signer", "file:/key", "--heads-every", "0"), "not between"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(list(words))
    assert refused.value.code == 2
    assert told in capsys.readouterr().err
