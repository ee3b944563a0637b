"""Approvals: what a key of the keyring signed for a user of its, of one version of one object, and nothing else."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigstore.dsse import Statement as TheirStatement
from tradeplane_evidence.errors import EvidenceError, InvalidKey, KeyRefused, Malformed, PolicyRefused
from tradeplane_evidence.export.published_keys import keyring_bytes
from tradeplane_evidence.signing.keyring import read_keyring
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.approval import APPROVAL_TYPE, approval_of, approval_statement
from tradeplane_evidence.statements.statement import Statement, Subject, parse_statement, serialise
from tradeplane_evidence.verification import approvals
from tradeplane_evidence.verification.approvals import Expired, NotOfThisObject, WrongUser, read_approval
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import sample_approvals, sample_runs
from tests.unit.evidence.sample_approvals import APPROVAL, CONFIGURATION, OBJECT, USER

if TYPE_CHECKING:
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.keyring import Keyring

PAGE = Path(__file__).parents[3] / "docs" / "evidence" / "approval-v1.md"
SIGNED = datetime(2026, 1, 5, 9, tzinfo=UTC)
UNTIL = datetime(2026, 2, 5, 9, tzinfo=UTC)


@pytest.fixture(params=[False, True], ids=["P-256", "Ed25519"])
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> FileSigner:
    """Give a signer of each kind of key."""
    return sample_runs.signer_in(tmp_path, edwards=request.param)


@pytest.fixture
def keyring(signer: FileSigner) -> Keyring:
    """Give a keyring in which the signer's key approves for one user."""
    return sample_approvals.keyring(sample_approvals.entry(signer, USER))


def _changed(signer: FileSigner, **predicate: Any) -> bytes:
    whole = approval_statement(APPROVAL, CONFIGURATION)
    changed = {name: value for name, value in {**whole.predicate, **predicate}.items() if value is not None}
    return sign_statement(Statement(subject=whole.subject, predicate_type=APPROVAL_TYPE, predicate=changed), signer)


def test_an_approval_that_was_signed_is_read(signer: FileSigner, keyring: Keyring) -> None:
    found = read_approval(sample_approvals.bundle(signer), keyring)
    assert (found.approval, found.configuration, found.user) == (APPROVAL, CONFIGURATION, USER)
    assert (found.key, found.signed, found.not_after) == (signer.public_key.fingerprint, SIGNED, UNTIL)
    assert found.attestation == sha256_digest(serialise(approval_statement(APPROVAL, CONFIGURATION)))
    found.check_claimed("trading", "sp500-macd", CONFIGURATION, USER)
    found.check_time(SIGNED)


def test_the_statement_is_one_to_other_readers() -> None:
    payload = serialise(approval_statement(APPROVAL, CONFIGURATION))
    theirs = TheirStatement(payload)
    assert theirs._inner.predicate_type == APPROVAL_TYPE
    assert theirs._inner.predicate == APPROVAL.plain()
    (subject,) = theirs._inner.subjects
    assert (subject.name, subject.digest.root) == ("strategy/trading/sp500-macd", {"sha256": "11" * 32})


def test_the_documented_example_is_a_statement_of_this_version() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert json.loads(example) == json.loads(serialise(approval_statement(APPROVAL, CONFIGURATION)))
    assert APPROVAL_TYPE in page


def test_every_byte_flipped_is_refused_or_says_the_same(tmp_path: Path) -> None:
    signer = sample_runs.signer_in(tmp_path, edwards=True)
    bundle, keyring = sample_approvals.bundle(signer), sample_approvals.keyring(sample_approvals.entry(signer, USER))
    refused = 0
    for place in range(len(bundle)):
        flipped = bundle[:place] + bytes([bundle[place] ^ 1]) + bundle[place + 1 :]
        try:
            assert read_approval(flipped, keyring).approval == APPROVAL  # the hint, say, which nothing believes
        except EvidenceError:
            refused += 1
    assert refused > len(bundle) * 0.8


def test_a_key_of_nobody_s_is_refused(signer: FileSigner) -> None:
    with pytest.raises(KeyRefused, match="approves for nobody"):
        read_approval(sample_approvals.bundle(signer), sample_runs.keyring(signer))


def test_a_key_of_no_user_approves_for_none(signer: FileSigner) -> None:
    with pytest.raises(WrongUser):
        read_approval(sample_approvals.bundle(signer), sample_approvals.keyring(sample_approvals.entry(signer)))


@pytest.mark.parametrize("user", ["bob@example.com", "alice", "ALICE@example.com", f"{USER} ", "*"])
def test_a_key_approves_for_its_own_users_alone(signer: FileSigner, user: str, keyring: Keyring) -> None:
    with pytest.raises(WrongUser, match="does not approve for user"):
        read_approval(sample_approvals.bundle(signer, user=user), keyring)


def test_a_key_that_is_not_in_the_keyring_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    with pytest.raises(KeyRefused):
        read_approval(sample_approvals.bundle(sample_runs.signer_in(tmp_path, scalar=7)), keyring)


def test_a_revoked_key_approves_nothing_without_a_trusted_timestamp(signer: FileSigner) -> None:
    entry = sample_approvals.entry(signer, USER, revokedFrom="2027-01-01T00:00:00Z")
    with pytest.raises(KeyRefused, match="no trusted timestamp shows"):
        read_approval(sample_approvals.bundle(signer), sample_approvals.keyring(entry))


def _stamped(monkeypatch: pytest.MonkeyPatch, at: datetime) -> None:
    """Have an authority say when everything was signed; that they say so of a signature is tested where they do."""
    monkeypatch.setattr(approvals, "signed_at", lambda *_: (at, "an authority"))


def test_what_a_revoked_key_signed_before_by_an_authority_s_word_counts(
    signer: FileSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = sample_approvals.bundle(signer)
    revoked = sample_approvals.keyring(sample_approvals.entry(signer, USER, revokedFrom="2026-01-06T00:00:00Z"))
    _stamped(monkeypatch, SIGNED + timedelta(minutes=1))
    found = read_approval(bundle, revoked)
    assert (found.signed, found.stamped) == (SIGNED + timedelta(minutes=1), "an authority")
    _stamped(monkeypatch, datetime(2026, 1, 6, tzinfo=UTC))
    with pytest.raises(KeyRefused, match="is revoked"):
        read_approval(bundle, revoked)


def test_one_that_says_it_is_from_after_its_timestamp_is_refused(
    signer: FileSigner, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stamped(monkeypatch, SIGNED - timedelta(minutes=5, seconds=1))
    with pytest.raises(PolicyRefused, match="check both clocks"):
        read_approval(sample_approvals.bundle(signer), keyring)


@pytest.mark.parametrize("bounds", [{"notAfter": "2026-01-05T08:59:59Z"}, {"notBefore": "2026-01-05T09:00:01Z"}])
def test_a_key_counts_for_its_own_time(signer: FileSigner, bounds: dict[str, str]) -> None:
    with pytest.raises(KeyRefused):
        read_approval(
            sample_approvals.bundle(signer), sample_approvals.keyring(sample_approvals.entry(signer, USER, **bounds))
        )


@pytest.mark.parametrize(
    ("claimed", "error"),
    [
        (("other", "sp500-macd", CONFIGURATION, USER), NotOfThisObject),
        (("trading", "other", CONFIGURATION, USER), NotOfThisObject),
        (("trading", "sp500-macd", "sha256:" + "22" * 32, USER), NotOfThisObject),
        (("trading", "sp500-macd", CONFIGURATION, "bob@example.com"), WrongUser),
    ],
)
def test_what_is_said_beside_it_must_be_what_was_signed(
    signer: FileSigner, keyring: Keyring, claimed: tuple[str, str, str, str], error: type[EvidenceError]
) -> None:
    with pytest.raises(error):
        read_approval(sample_approvals.bundle(signer), keyring).check_claimed(*claimed)


def test_its_time_ends(signer: FileSigner, keyring: Keyring) -> None:
    found = read_approval(sample_approvals.bundle(signer), keyring)
    found.check_time(UNTIL)
    with pytest.raises(Expired, match="2026-02-05T09:00:00Z"):
        found.check_time(UNTIL + timedelta(seconds=1))


def test_one_without_an_end_does_not_expire(signer: FileSigner, keyring: Keyring) -> None:
    found = read_approval(sample_approvals.bundle(signer, not_after=None), keyring)
    found.check_time(UNTIL + timedelta(days=100_000))


def test_one_of_a_time_to_come_counts_then(signer: FileSigner, keyring: Keyring) -> None:
    found = read_approval(sample_approvals.bundle(signer), keyring)
    found.check_time(SIGNED - timedelta(minutes=5))
    with pytest.raises(PolicyRefused, match="yet to come"):
        found.check_time(SIGNED - timedelta(minutes=5, seconds=1))


def test_an_attestation_of_a_run_approves_nothing(signer: FileSigner, keyring: Keyring) -> None:
    with pytest.raises(PolicyRefused, match="and no approval"):
        read_approval(sample_runs.bundle(signer), keyring)


@pytest.mark.parametrize(
    ("predicate", "words"),
    [
        ({"schemaVersion": 2}, "schemaVersion"),
        ({"object": None}, "object"),
        ({"object": {**OBJECT.plain(), "uid": ""}}, "uid"),
        ({"object": {**OBJECT.plain(), "namespace": "other"}}, "calls its subject something else"),
        ({"user": None}, "user"),
        ({"user": [USER]}, "user"),
        ({"time": None}, "time"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-02-30T09:00:00Z"}, "no time of the calendar"),
        ({"notAfter": "2026-02-30T09:00:00Z"}, "no time of the calendar"),
        ({"notAfter": "never"}, "notAfter"),
        ({"comment": "x" * 1_025}, "comment"),
    ],
)
def test_a_signed_statement_that_is_no_whole_approval_is_refused(
    signer: FileSigner, keyring: Keyring, predicate: dict[str, Any], words: str
) -> None:
    with pytest.raises(Malformed, match=words):
        read_approval(_changed(signer, **predicate), keyring)


@pytest.mark.parametrize(
    "subjects",
    [
        (Subject(name="strategy/trading/sp500-macd", digest={"sha512": "11" * 64}),),
        (Subject(name="strategy/trading/sp500-macd", digest={"sha256": "11" * 31}),),
        (Subject(name="strategy/trading/sp500-macd", digest={"sha256": "11" * 32, "sha512": "11" * 64}),),
        (Subject(name="strategy/trading/other", digest={"sha256": "11" * 32}),),
        (Subject(digest={"sha256": "11" * 32}),),
        tuple(Subject(name="strategy/trading/sp500-macd", digest={"sha256": one * 32}) for one in ("11", "22")),
    ],
)
def test_an_approval_is_about_one_specification(subjects: tuple[Subject, ...]) -> None:
    statement = Statement(subject=subjects, predicate_type=APPROVAL_TYPE, predicate=APPROVAL.plain())
    with pytest.raises(Malformed):
        approval_of(statement)


@given(
    comment=st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=50),
    not_after=st.none()
    | st.builds(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format, *(st.integers(1, most) for most in (9999, 12, 28, 23, 59, 59))
    ),
    digest=st.binary(min_size=32, max_size=32).map(bytes.hex),
)
def test_what_is_written_is_read_as_it_was(comment: str | None, not_after: str | None, digest: str) -> None:
    approval = APPROVAL.model_copy(update={"comment": comment, "not_after": not_after})
    payload = serialise(approval_statement(approval, f"sha256:{digest}"))
    assert approval_of(parse_statement(payload)) == (approval, f"sha256:{digest}")


def test_a_keyring_that_is_published_keeps_whom_its_keys_approve_for(keyring: Keyring) -> None:
    assert read_keyring(keyring_bytes(keyring)).keys == keyring.keys


@pytest.mark.parametrize("users", ["alice", [""], [1], {"alice": True}, ["x" * 254], ["alice"] * 65])
def test_a_keyring_whose_users_are_no_names_is_refused(signer: FileSigner, users: object) -> None:
    entry = {"publicKey": signer.public_key.pem(), "users": users}
    with pytest.raises(InvalidKey, match="users"):
        sample_approvals.keyring(entry)
