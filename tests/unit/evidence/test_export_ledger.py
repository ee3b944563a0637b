"""What an export says of the ledger: who applied and approved what a run ran by, and never more than is known."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.export.exported_ledger import write_ledger
from tradeplane_evidence.export.folder import Folder
from tradeplane_evidence.export.ledger_copy import LedgerCopy
from tradeplane_evidence.export.ledger_records import RunLedger, approvals_of, with_ledger
from tradeplane_evidence.export.records import Dependency
from tradeplane_evidence.ledger.errors import LedgerBroken
from tradeplane_evidence.ledger.events import Action
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
from tradeplane_evidence.statements.run import AskingStrategy
from tradeplane_evidence.statements.statement import serialise
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import sample_exports, sample_runs
from tests.unit.evidence.sample_events import ALICE, KUBECTL, OBJECT, event
from tests.unit.evidence.sample_ledgers import (
    BOB,
    CONFIGURATION,
    RESULT,
    applied,
    approval_applied,
    approval_payload,
    approval_statement,
    approved,
    copied,
    finished,
    started,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_evidence.ledger.events import Event
    from tradeplane_evidence.signing.file_signer import FileSigner

OTHER = sha256_digest(b"another")


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return sample_runs.signer_in(tmp_path_factory.mktemp("key"))


def _keyring(signer: FileSigner, *users: str) -> Keyring:
    """Return a keyring of a key from 2026 on, which approves for users: bob where none is named."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    return Keyring((TrustedKey(signer.public_key, not_before=since, users=frozenset(users or (BOB,))),))


def _of(
    signer: FileSigner, *events: Event, payloads: tuple[bytes, ...] = (), keyring: Keyring | None = None
) -> RunLedger | None:
    """Return what is said of the sample run."""
    copy = copied(events, payloads)
    (record,) = with_ledger([sample_exports.verified(signer)], copy, keyring or _keyring(signer))
    return record.ledger


def test_who_applied_what_a_run_ran_by_is_told_with_how_that_is_known(signer: FileSigner) -> None:
    found = _of(signer, applied(), applied(actor=KUBECTL), started(), finished())
    assert found is not None
    assert (found.configuration, found.generation, found.agrees) == (CONFIGURATION, 3, True)
    assert (found.started, found.finished, found.result) == (3, 4, RESULT)
    assert [(one.who, one.authenticated) for one in found.applied] == [(ALICE.user, True), (KUBECTL.by, False)]
    first, second = (one.as_json() for one in found.applied)
    assert first["authenticated"] == {"user": ALICE.user, "groups": list(ALICE.groups), "auditId": ALICE.audit_id}
    assert first["claimedBy"] is None
    assert (second["authenticated"], second["claimedBy"]) == (None, KUBECTL.by)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [applied(), started(run="another"), finished(run="another")],
        [
            one.model_copy(update={"object": OBJECT.model_copy(update={"namespace": "other"})})
            for one in (applied(), started(), finished())
        ],
        [
            one.model_copy(update={"object": OBJECT.model_copy(update={"kind": "Replay"})})
            for one in (applied(), started(), finished())
        ],
    ],
)
def test_of_a_run_that_is_not_in_it_nothing_is_said(signer: FileSigner, events: list[Event]) -> None:
    assert _of(signer, *events) is None


def test_another_result_than_was_signed_is_told_and_does_not_pass(signer: FileSigner) -> None:
    found = _of(signer, applied(), started(), finished(result=OTHER))
    assert found is not None
    assert (found.agrees, found.result) == (False, OTHER)
    record = replace(sample_exports.verified(signer), ledger=found)
    assert not sample_exports.export(signer, record).passed
    unknown = _of(signer, applied(), started())
    assert unknown is not None
    assert unknown.agrees is None
    assert sample_exports.export(signer, replace(record, ledger=unknown)).passed


def test_versions_of_other_generations_and_other_objects_did_not_make_it(signer: FileSigner) -> None:
    again = OBJECT.model_copy(update={"uid": "made-anew"})
    found = _of(
        signer,
        event(1),
        event(2),
        applied(object=again),
        applied(),
        started(),
        finished(),
        event(4, configuration=CONFIGURATION),
    )
    assert found is not None
    assert [one.sequence for one in found.applied] == [4]


def test_a_run_of_which_the_configuration_is_not_told_has_that_of_its_generation(signer: FileSigner) -> None:
    found = _of(signer, applied(), started(configuration=None), finished(configuration=None))
    assert found is not None
    assert found.configuration == CONFIGURATION
    assert len(found.applied) == 1


def test_an_approval_is_told_with_its_bundle_and_who_signed_it(signer: FileSigner) -> None:
    payload = approval_payload(signer)
    found = _of(signer, applied(), approval_applied(payload), approved(), started(), finished(), payloads=(payload,))
    assert found is not None
    (one,) = found.approvals
    assert (one.user, one.configuration, one.key) == (BOB, CONFIGURATION, signer.public_key.fingerprint)
    assert one.path is not None
    assert one.path.startswith("approvals/3-")
    assert found.before(one)


def test_an_approval_after_the_run_is_told_as_that(signer: FileSigner) -> None:
    found = _of(signer, applied(), started(), approved(), finished())
    assert found is not None
    (one,) = found.approvals
    assert not found.before(one)
    assert found.as_json()["approvals"] == [{"sequence": 3, "beforeRun": False, "stated": False}]


@pytest.mark.parametrize(
    "changes",
    [
        {"configuration": OTHER},
        {"action": Action.ATTESTED},
        {"object": OBJECT.model_copy(update={"uid": "of-one-that-was-deleted"})},
    ],
)
def test_what_approves_something_else_is_no_approval_of_the_run(signer: FileSigner, changes: dict[str, Any]) -> None:
    found = _of(signer, applied(), approved(**changes), started(), finished())
    assert found is not None
    assert found.approvals == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"strategyRef": {"name": "another"}},
        {"configuration": OTHER},
        {"bundle": "{}"},
        {"bundle": "not json"},
        {"bundle": None},
        {"strategyRef": None},
    ],
)
def test_a_bundle_of_something_else_is_not_shown_as_the_approvals(signer: FileSigner, changes: dict[str, Any]) -> None:
    payload = approval_payload(signer, **changes)
    found = _of(signer, applied(), approval_applied(payload), approved(), started(), payloads=(payload,))
    assert found is not None
    (one,) = found.approvals
    assert (one.bundle, one.path, one.key) == (None, None, None)


def test_a_bundle_whose_statement_is_not_the_one_that_was_recorded_is_not_shown(signer: FileSigner) -> None:
    payload = approval_payload(signer)
    found = _of(
        signer, applied(), approval_applied(payload), approved(attestation=OTHER), started(), payloads=(payload,)
    )
    assert found is not None
    assert found.approvals[0].bundle is None


def test_an_approval_by_a_key_that_was_not_given_is_said_to_be_that(signer: FileSigner, tmp_path: Path) -> None:
    payload = approval_payload(sample_runs.signer_in(tmp_path, scalar=99))
    found = _of(signer, applied(), approval_applied(payload), approved(), started(), payloads=(payload,))
    assert found is not None
    (one,) = found.approvals
    assert one.bundle is not None
    assert one.key is None


@pytest.mark.parametrize("keyring", [sample_runs.keyring, lambda signer: _keyring(signer, "eve@example.com")])
def test_a_key_that_does_not_approve_for_the_user_is_not_told_as_the_approvals(
    signer: FileSigner, keyring: Callable[[FileSigner], Keyring]
) -> None:
    payload = approval_payload(signer)
    events = (applied(), approval_applied(payload), approved(), started())
    told = _of(signer, *events, payloads=(payload,))
    assert told is not None
    assert told.approvals[0].key == signer.public_key.fingerprint
    other = _of(signer, *events, payloads=(payload,), keyring=keyring(signer))
    assert other is not None
    assert other.approvals[0].key is None


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "eve@example.com"},
        {"time": "whenever"},
        {"time": None},
        {"kind": "https://slsa.dev/provenance/v1"},
        {"configuration": OTHER},
        {"time": "2025-01-01T00:00:00Z"},
    ],
)
def test_what_was_signed_and_is_no_approval_of_it_by_that_user_has_no_key(
    signer: FileSigner, changes: dict[str, Any]
) -> None:
    """The ledger has its digest, and its bundle is there; the key is valid from a day on."""
    statement = approval_statement(**changes)
    payload = approval_payload(signer, statement=statement)
    entry = approved(attestation=sha256_digest(serialise(statement)))
    found = _of(signer, applied(), approval_applied(payload), entry, started(), payloads=(payload,))
    assert found is not None
    (one,) = found.approvals
    assert one.bundle is not None
    assert one.key is None


def test_an_entry_that_names_this_object_where_another_was_signed_has_no_key(signer: FileSigner) -> None:
    """As whoever may append could have it: what was signed for an object that was deleted is of that one."""
    signed = approval_statement(object={**OBJECT.model_dump(by_alias=True), "uid": "of-one-that-was-deleted"})
    payload = approval_payload(signer, statement=signed)
    entry = approved(attestation=sha256_digest(serialise(signed)))
    found = _of(signer, applied(), approval_applied(payload), entry, started(), payloads=(payload,))
    assert found is not None
    (one,) = found.approvals
    assert (one.bundle is None, one.key) == (False, None)


def _started_by(signer: FileSigner, *events: Event, **strategy: Any) -> RunLedger:
    """Return what is said of the sample run, as it was signed that bob's approval let it start."""
    record = sample_exports.verified(signer)
    assert record.signed is not None
    named = Dependency("approval", f"approval/{BOB}", None, approved().attestation)
    asked = AskingStrategy(namespace="trading", name="sp500-macd", generation=3, **strategy)
    signed = replace(record.signed, dependencies=(*record.signed.dependencies, named), strategy=asked)
    (found,) = with_ledger([replace(record, signed=signed)], copied(events), _keyring(signer))
    assert found.ledger is not None
    return found.ledger


def test_an_approval_that_let_the_run_start_is_told_from_one_that_did_not(signer: FileSigner) -> None:
    other = approved(attestation=OTHER, note="eve@example.com")
    found = _started_by(signer, applied(), approved(), other, started(), finished())
    assert [(one.user, found.states(one)) for one in found.approvals] == [(BOB, True), ("eve@example.com", False)]
    assert [one["stated"] for one in found.as_json()["approvals"]] == [True, False]
    unsigned = _of(signer, applied(), approved(attestation=None), started())
    assert unsigned is not None
    assert not unsigned.states(unsigned.approvals[0])


@pytest.mark.parametrize(("stated", "agrees"), [(CONFIGURATION, True), (OTHER, False), (None, None)])
def test_whether_what_it_ran_by_is_what_was_signed_is_told(
    signer: FileSigner, stated: str | None, agrees: bool | None
) -> None:
    found = _started_by(signer, applied(), started(), finished(), configuration=stated)
    assert (found.as_signed, found.as_json()["asSigned"], found.agrees) == (agrees, agrees, True)


def test_of_a_configuration_that_the_ledger_does_not_have_nothing_is_said(signer: FileSigner) -> None:
    found = _started_by(signer, started(configuration=None), configuration=OTHER)
    assert (found.configuration, found.as_signed) == (None, None)


def test_approvals_of_several_runs_are_told_once(signer: FileSigner) -> None:
    copy = copied([applied(), approved(), started(), finished()])
    records = with_ledger([sample_exports.verified(signer)] * 2, copy, sample_runs.keyring(signer))
    assert [one.entry.sequence for one in approvals_of(records)] == [2]


def test_of_a_run_that_nobody_signed_and_of_a_broken_ledger_nothing_is_said(signer: FileSigner) -> None:
    copy = copied([applied(), started(), finished()])
    ring = sample_runs.keyring(signer)
    (record,) = with_ledger([sample_exports.refused(signer)], copy, ring)
    assert record.ledger is None
    broken = replace(copy, broken=LedgerBroken("entry 2 was changed", 2))
    (record,) = with_ledger([sample_exports.verified(signer)], broken, ring)
    assert record.ledger is None


def test_the_program_in_an_export_follows_the_chain_and_finds_what_was_changed(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "export", 1_000_000)
    folder.root.mkdir()
    copy = copied([applied(note='\u00e9\u4e2d\U0001f600\t"\\\u2028'), started(), finished()])
    told = write_ledger(copy, (), folder)
    assert (told.entries, told.hash) == (3, copy.hash)

    def check(data: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([sys.executable, "-I", folder.root / "check-ledger.py"], input=data, capture_output=True)

    whole = (folder.root / "ledger.jsonl").read_bytes()
    assert check(whole).stdout.decode().strip() == copy.hash
    lines = whole.splitlines(keepends=True)
    for changed in (lines[1:], [lines[0], *lines[2:]], [whole.replace(RESULT.encode(), OTHER.encode())]):
        done = check(b"".join(changed))
        assert done.returncode == 1
        assert b"is not as it was appended" in done.stderr


def test_the_program_is_the_documented_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "export", 1_000_000)
    folder.root.mkdir()
    write_ledger(copied([]), (), folder)
    page = (Path(__file__).parents[3] / "docs" / "evidence" / "ledger.md").read_text(encoding="utf-8")
    (documented,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert (folder.root / "check-ledger.py").read_text() == documented


def test_of_a_broken_ledger_no_entry_is_exported_and_the_export_does_not_pass(
    signer: FileSigner, tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "export", 1_000_000)
    folder.root.mkdir()
    told = write_ledger(LedgerCopy(broken=LedgerBroken("entry 7 was changed", 7)), (), folder)
    assert folder.files == {}
    assert told.as_json() == {
        "verified": False,
        "fault": {"sequence": 7, "message": "entry 7 was changed"},
        "path": None,
        "entries": 0,
        "hash": "",
        "heads": [],
        "verify": [],
    }
    export = replace(sample_exports.export(signer, sample_exports.verified(signer)), ledger=told)
    assert not export.passed
    assert json.loads(json.dumps(export.as_json()))["ledger"]["verified"] is False
