"""Signed heads: what a key of the keyring signed is read, and nothing else is taken for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.errors import EvidenceError, KeyRefused, Malformed, PolicyRefused
from tradeplane_evidence.ledger.heads import HEAD_TYPE, Head, head_statement, sign_head, verify_head
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey, read_keyring
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.statement import Statement, Subject
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from tradeplane_evidence.signing.file_signer import FileSigner

PAGE = Path(__file__).parents[3] / "docs" / "evidence" / "ledger-head-v1.md"
HEAD = Head(sequence=12_345, hash=sha256_digest(b"the last entry"), time="2026-01-05T09:00:01.500000Z")


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return sample_runs.signer_in(tmp_path, edwards=True)


def test_a_head_that_was_signed_is_read(signer: FileSigner) -> None:
    found = verify_head(sign_head(HEAD, signer), sample_runs.keyring(signer))
    assert found.head == HEAD
    assert found.key == signer.public_key.fingerprint


def test_every_byte_flipped_is_refused_or_says_the_same(signer: FileSigner) -> None:
    bundle, keyring = sign_head(HEAD, signer), sample_runs.keyring(signer)
    refused = 0
    for place in range(len(bundle)):
        flipped = bundle[:place] + bytes([bundle[place] ^ 1]) + bundle[place + 1 :]
        try:
            assert verify_head(flipped, keyring).head == HEAD  # a byte of the hint, say, which nothing believes
        except EvidenceError:
            refused += 1
    assert refused > len(bundle) * 0.8


def test_another_key_is_refused(signer: FileSigner, tmp_path: Path) -> None:
    with pytest.raises(KeyRefused):
        verify_head(sign_head(HEAD, sample_runs.signer_in(tmp_path, scalar=7)), sample_runs.keyring(signer))


def test_a_key_counts_for_heads_of_its_own_time(signer: FileSigner) -> None:
    entry = {"publicKey": signer.public_key.pem(), "notAfter": "2026-01-05T09:00:00Z"}
    keyring = read_keyring(json.dumps({"schemaVersion": 1, "kind": "Keyring", "keys": [entry]}).encode())
    with pytest.raises(KeyRefused, match="was valid until 2026-01-05T09:00:00Z"):
        verify_head(sign_head(HEAD, signer), keyring)


def test_a_key_that_only_approves_signs_no_head(signer: FileSigner) -> None:
    users = frozenset({"alice@example.com"})
    approver = Keyring((TrustedKey(signer.public_key, builders=frozenset(), users=users),))
    with pytest.raises(KeyRefused, match="which by the keyring only approves"):
        verify_head(sign_head(HEAD, signer), approver)
    both = Keyring((TrustedKey(signer.public_key, builders=frozenset({"https://example.com/ours"}), users=users),))
    assert verify_head(sign_head(HEAD, signer), both).head == HEAD


def test_an_attestation_of_a_run_is_no_head(signer: FileSigner) -> None:
    with pytest.raises(PolicyRefused, match="and no head of a ledger"):
        verify_head(sample_runs.bundle(signer), sample_runs.keyring(signer))


@pytest.mark.parametrize(
    ("predicate", "words"),
    [
        ({"hash": sha256_digest(b"another")}, "its subject is another hash"),
        ({"sequence": -1}, "sequence"),
        ({"sequence": "12345"}, "sequence"),
        ({"schemaVersion": 2}, "schemaVersion"),
        ({"time": "2026-02-30T09:00:00.000000Z"}, "no time of the calendar"),
        ({"time": "yesterday"}, "time"),
    ],
)
def test_a_signed_statement_that_is_no_whole_head_is_refused(
    signer: FileSigner, predicate: dict[str, object], words: str
) -> None:
    whole = head_statement(HEAD)
    statement = Statement(subject=whole.subject, predicate_type=HEAD_TYPE, predicate={**whole.predicate, **predicate})
    with pytest.raises(Malformed, match=words):
        verify_head(sign_statement(statement, signer), sample_runs.keyring(signer))


def test_the_page_of_the_predicate_type_has_the_example() -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert json.loads(example) == head_statement(HEAD).plain()


def test_the_hash_is_the_subject_by_which_other_tools_find_it() -> None:
    assert head_statement(HEAD).subject == (
        Subject(name="ledger", digest={"sha256": HEAD.hash.removeprefix("sha256:")}),
    )
