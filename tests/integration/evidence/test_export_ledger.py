"""The audit ledger in an export, from a real Postgres: whole, verified by others, and joined with the runs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.ledger.appending import append
from tradeplane_evidence.ledger.schema import SCHEMA
from tradeplane_store.canonical import sha256_digest

from tests.integration.evidence.conftest import push
from tests.integration.evidence.ledgers import READER, appender, database, owner, server
from tests.integration.evidence.test_export import run_in
from tests.integration.evidence.test_ledger_command import tamper
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_replays, sample_runs
from tests.unit.evidence.sample_events import ALICE, KUBECTL, event
from tests.unit.evidence.sample_ledgers import (
    BOB,
    CONFIGURATION,
    SPECIFICATION,
    applied,
    approval_applied,
    approval_payload,
    approved,
    finished,
    started,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine
    from tradeplane_evidence.ledger.events import Event
    from tradeplane_evidence.signing.file_signer import FileSigner

    from tests.integration.evidence.conftest import Cosign
    from tests.postgres import Postgres
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["appender", "database", "owner", "server", "tradeplane"]
QUARTER = ("--from", "2026-01-01", "--to", "2026-03-31")


@dataclass
class Audit:
    """A run in a registry, and a ledger that may tell of it."""

    tradeplane: Command
    reference: str
    folder: Path
    appender: Engine
    key: Path

    def record(self, *events: Event) -> None:
        append(self.appender, list(events))

    def head(self, name: str) -> Path:
        """Sign how far the ledger goes."""
        file = self.folder / name
        signed = ("ledger", "head", "--database", str(self.folder / "ledger.url"), "--sign", f"file:{self.key}")
        ended = self.tradeplane(*signed, "--out", str(file))
        assert ended.code == 0, ended.err
        return file

    def export(self, out: str = "out", *options: str) -> Ended:
        ledger = ("--ledger-database", str(self.folder / "ledger.url"))
        return self.tradeplane(
            *("evidence", "export", self.reference, "--key", str(self.folder / "keyring.json"), *QUARTER),
            *("--out", str(self.folder / out), "-o", "json", *ledger, *options),
        )

    def told(self, out: str = "out") -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.folder / out / "runs.json").read_text())
        return value


def _keyring(signer: FileSigner) -> str:
    """Return the keyring of an auditor: one key signs what the runs came to, and is bob's by which he approves."""
    key = {
        "publicKey": signer.public_key.pem(),
        "builders": [sample_runs.EXECUTION.builder, sample_runs.REPLAYER],
        "users": [BOB],
    }
    return json.dumps({"schemaVersion": 1, "kind": "Keyring", "keys": [key]})


@pytest.fixture
def audit(
    tradeplane: Command,
    olareg: str,
    signer: FileSigner,
    server: Postgres,
    database: str,
    appender: Engine,
    tmp_path: Path,
) -> Audit:
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "ledger.url").write_text(server.url(database, READER))
    (folder / "keyring.json").write_text(_keyring(signer))
    attested = asyncio.run(push(olareg, "ledgers/trading/sp500-macd", signer))
    return Audit(tradeplane, str(attested.reference), folder, appender, sample_runs.key_file(folder))


def _approve(audit: Audit, signer: FileSigner) -> bytes:
    payload = approval_payload(signer)
    assert Payloads(audit.appender).put(payload) == sha256_digest(payload)
    audit.record(approval_applied(payload), approved())
    return payload


def test_the_ledger_is_whole_and_verified_by_tools_of_others(audit: Audit, signer: FileSigner, cosign: Cosign) -> None:
    audit.record(*(event(number) for number in range(10, 1_200)), applied(), applied(actor=KUBECTL))
    head = audit.head("january.json")
    _approve(audit, signer)
    assert Payloads(audit.appender).put(SPECIFICATION) == CONFIGURATION
    audit.record(started(), finished(note="Succeeded é中"))
    ended = audit.export("out", "--head", str(head))
    assert ended.code == 0, ended.err
    told = audit.told()
    assert json.loads(ended.out)["approvals"] == 1
    assert (told["ledger"]["verified"], told["ledger"]["entries"]) == (True, 1_196)
    (run,) = told["runs"]
    assert run["ledger"]["agrees"] is True
    who = [(one["authenticated"], one["claimedBy"]) for one in run["ledger"]["applied"]]
    assert who == [
        ({"user": ALICE.user, "groups": list(ALICE.groups), "auditId": ALICE.audit_id}, None),
        (None, KUBECTL.by),
    ]
    (approval,) = told["approvals"]
    assert (approval["user"], approval["configuration"]) == ("bob@example.com", CONFIGURATION)
    assert approval["key"] == signer.public_key.fingerprint
    assert run["ledger"]["approvals"] == [{"sequence": approval["sequence"], "beforeRun": True, "stated": False}]
    out = audit.folder / "out"
    assert (out / run["ledger"]["path"]).read_bytes() == SPECIFICATION
    assert f'href="{run["ledger"]["path"]}"' in (out / "index.html").read_text()
    assert json.loads((out / approval["bundle"]).read_text())["dsseEnvelope"]

    program = [sys.executable, "-I", str(out / "check-ledger.py")]
    done = subprocess.run(program, input=(out / "ledger.jsonl").read_bytes(), capture_output=True)
    assert done.stdout.decode().strip() == told["ledger"]["hash"], done.stderr
    page = unescape((out / "index.html").read_text())
    check, *by_cosign = told["ledger"]["verify"]
    assert check == "python3 check-ledger.py < ledger.jsonl"
    for line in told["ledger"]["verify"]:
        assert line in page
    (line,) = by_cosign
    words = [str(out / word) if word.startswith(("keys/", "heads/")) else word for word in line.split()]
    done_by_cosign = cosign(*words[1:])
    assert done_by_cosign.returncode == 0, done_by_cosign.stderr
    assert approval["verify"] in page
    done_by_cosign = run_in(approval["verify"], out, cosign)
    assert done_by_cosign.returncode == 0, done_by_cosign.stderr
    other = approval["verify"].replace(CONFIGURATION.removeprefix("sha256:"), "ab" * 32)
    assert run_in(other, out, cosign).returncode != 0


def test_the_same_ledger_is_the_same_export_and_one_that_grew_another(audit: Audit) -> None:
    audit.record(applied(), started(), finished())
    archives = []
    for name in ("one.zip", "two.zip"):
        assert audit.export(name).code == 0
        archives.append((audit.folder / name).read_bytes())
    assert archives[0] == archives[1]
    with zipfile.ZipFile(audit.folder / "one.zip") as archive:
        (run,) = json.loads(archive.read("runs.json"))["runs"]
        assert (run["ledger"]["configuration"], run["ledger"]["path"]) == (CONFIGURATION, None)
        assert "what was applied is not here" in archive.read("index.html").decode()
    audit.record(event(99))
    assert audit.export("three.zip").code == 0
    assert (audit.folder / "three.zip").read_bytes() != archives[0]
    with zipfile.ZipFile(audit.folder / "one.zip") as archive:
        assert archive.read("ledger.jsonl").count(b"\n") == 3


def test_without_the_option_no_ledger_is_asked_whatever_the_environment_says(
    audit: Audit, server: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.record(applied(), started(), finished())
    monkeypatch.setenv("TRADEPLANE_LEDGER_DATABASE", server.url(database, READER))
    ended = audit.tradeplane(
        *("evidence", "export", audit.reference, "--key", str(audit.folder / "keyring.json"), *QUARTER),
        *("--out", str(audit.folder / "plain")),
    )
    assert ended.code == 0, ended.err
    told = audit.told("plain")
    assert (told["ledger"], told["approvals"], told["runs"][0]["ledger"]) == (None, None, None)
    assert not (audit.folder / "plain" / "ledger.jsonl").exists()


def test_a_ledger_that_was_changed_is_told_and_nothing_of_it_is_relied_on(audit: Audit, owner: Engine) -> None:
    audit.record(applied(), started(), finished())
    tamper(owner, f"UPDATE {SCHEMA}.ledger SET note = 'x' WHERE sequence = 2")  # noqa: S608
    ended = audit.export()
    assert ended.code == 3
    told = audit.told()
    assert (told["ledger"]["verified"], told["ledger"]["fault"]["sequence"]) == (False, 2)
    assert told["runs"][0]["ledger"] is None
    assert not (audit.folder / "out" / "ledger.jsonl").exists()
    assert "entry 2 was changed" in (audit.folder / "out" / "index.html").read_text()


def test_entries_removed_from_its_end_are_seen_by_a_head(audit: Audit, owner: Engine) -> None:
    audit.record(applied(), started(), finished())
    head = audit.head("head.json")
    tamper(owner, f"DELETE FROM {SCHEMA}.ledger WHERE sequence = 3")  # noqa: S608
    assert audit.export("without").code == 0
    ended = audit.export("with", "--head", str(head))
    assert ended.code == 3
    assert "removed from its end" in audit.told("with")["ledger"]["fault"]["message"]


def test_another_result_than_was_signed_ends_with_3(audit: Audit) -> None:
    audit.record(applied(), started(), finished(result="sha256:" + "00" * 32))
    ended = audit.export()
    assert ended.code == 3
    assert json.loads(ended.out)["contradicted"] == [audit.reference]
    assert audit.told()["runs"][0]["verified"] is True


def test_a_ledger_over_the_limit_is_named_with_what_raises_it(audit: Audit) -> None:
    audit.record(*(event(number) for number in range(1, 20)))
    ended = audit.export("out", "--max-ledger-bytes", "1000")
    assert ended.code != 0
    assert "--max-ledger-bytes" in ended.err
    assert not (audit.folder / "out").exists()


def test_a_head_by_another_key_is_refused(audit: Audit, tmp_path: Path) -> None:
    audit.record(applied())
    audit.key = sample_runs.key_file(tmp_path, "other.pem", scalar=99)
    ended = audit.export("out", "--head", str(audit.head("head.json")))
    assert ended.code == 3
    assert "head.json" in ended.err or "key" in ended.err
    assert not (audit.folder / "out").exists()


def test_a_head_without_a_ledger_is_refused(audit: Audit) -> None:
    audit.record(applied())
    head = audit.head("head.json")
    ended = audit.tradeplane(
        *("evidence", "export", audit.reference, "--key", str(audit.folder / "keyring.json"), *QUARTER),
        *("--out", str(audit.folder / "out"), "--head", str(head)),
    )
    assert ended.code == 2
    assert "--ledger-database" in ended.err


def test_a_database_that_is_not_there_writes_nothing(audit: Audit) -> None:
    (audit.folder / "ledger.url").write_text("postgresql://reader@127.0.0.1:1/audit")
    ended = audit.export()
    assert ended.code == 4
    assert not (audit.folder / "out").exists()


def test_an_approval_that_was_changed_has_no_bundle(audit: Audit, owner: Engine, signer: FileSigner) -> None:
    audit.record(applied())
    payload = _approve(audit, signer)
    audit.record(started(), finished())
    with owner.begin() as connection:
        connection.execute(text(f"ALTER TABLE {SCHEMA}.payloads DISABLE TRIGGER ALL"))
        connection.execute(
            text(f"UPDATE {SCHEMA}.payloads SET content = :content WHERE digest = :digest"),  # noqa: S608
            {"content": payload.replace(b"bob@example.com", b"eve@example.com"), "digest": sha256_digest(payload)},
        )
    assert audit.export().code == 0
    (approval,) = audit.told()["approvals"]
    assert (approval["bundle"], approval["key"]) == (None, None)


def test_what_replays_found_is_exported_with_how_cosign_verifies_it(
    audit: Audit, signer: FileSigner, cosign: Cosign
) -> None:
    from tradeplane_evidence.registry.references import parse_reference

    from tests.integration.evidence.test_attested_replays import _attest_replays

    asyncio.run(_attest_replays(parse_reference(audit.reference), signer, sample_replays.replayed()))
    assert audit.export().code == 0
    (run,) = audit.told()["runs"]
    (replay,) = run["replays"]
    assert (replay["result"], replay["ownImage"]) == ("PASSED", True)
    out = audit.folder / "out"
    (line,) = [one for one in run["verify"] if replay["path"] in one]
    words = [str(out / word) if word.startswith(("keys/", "runs/")) else word for word in line.split()]
    done = cosign(*words[1:])
    assert done.returncode == 0, done.stderr
