"""Bundles of every kind that is signed: no changed byte is another claim, and no changed field is one that was signed.

Bundles as they are made for runs, batches, snapshots, images, releases, replays, approvals, summaries and heads of the
ledger, each by both kinds of key. Whatever reads one goes by the bytes whose signature was verified, as ``signed_by``
gives them, so two that give the same bytes of the same key are one claim. Each is verified, which takes a processor ten
seconds in all. Bundles of cosign and of keyless signers, and timestamps, are changed byte by byte beside this.
"""

from __future__ import annotations

import base64
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.errors import EvidenceError, SignatureRefused
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.statement import parse_statement
from tradeplane_evidence.verification.signers import signed_by
from tradeplane_store.canonical import canonical_json

from tests.unit.evidence import sample_runs
from tests.unit.evidence.sample_statements import STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.statements.statement import Statement

Path = tuple[str | int, ...]
_GROUP = 4
"""Characters of a group of base64; of the last one every bit is changed, for that is where bits are left over."""


@pytest.fixture(scope="module", params=[False, True], ids=["P-256", "Ed25519"])
def signer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return sample_runs.signer_in(tmp_path_factory.mktemp("keys"), edwards=request.param)


@pytest.fixture(params=STATEMENTS.values(), ids=list(STATEMENTS))
def statement(request: pytest.FixtureRequest) -> Statement:
    found: Statement = request.param
    return found


def test_no_changed_byte_is_another_claim(signer: FileSigner, statement: Statement) -> None:
    """Each byte of the bundle in turn: it is refused, or says exactly the same; what is signed is always refused."""
    data, keyring = sign_statement(statement, signer), sample_runs.keyring(signer)
    claimed = signed_by(data, keyring)
    envelope = json.loads(data)["dsseEnvelope"]
    signed: set[int] = set()
    last: set[int] = set()
    for text in (envelope["payload"], envelope["signatures"][0]["sig"]):
        start, end = data.index(text.encode()), data.index(text.encode()) + len(text)
        signed |= set(range(start, end))
        last |= set(range(end - _GROUP, end))
    for place in range(len(data)):
        for bit in range(8) if place in last else (place % 8,):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            try:
                found = signed_by(bytes(changed), keyring)
            except EvidenceError:
                continue
            assert found == claimed, f"byte {place}, bit {bit}"
            assert place not in signed, f"byte {place}, bit {bit}: the same bytes have one form"


def test_no_changed_field_is_what_was_signed(signer: FileSigner, statement: Statement) -> None:
    """Each field, at every depth: another value, another name, gone, or one more beside it."""
    data, keyring = sign_statement(statement, signer), sample_runs.keyring(signer)
    document, whole = json.loads(data), statement.plain()
    fields = list(_fields(whole))
    assert len(fields) > 10
    for path in fields:
        for changed in _changed(whole, path):
            assert changed != whole
            payload = base64.b64encode(canonical_json(changed)).decode()
            document["dsseEnvelope"]["payload"] = payload
            with pytest.raises(SignatureRefused):
                signed_by(json.dumps(document).encode(), keyring)
    document["dsseEnvelope"]["payload"] = base64.b64encode(canonical_json(whole)).decode()
    assert parse_statement(signed_by(json.dumps(document).encode(), keyring)[0]) == statement


def _fields(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield where each field and each item of a list is, the outer ones first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*path, name)
        yield from _fields(one, (*path, name))


def _changed(whole: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """Yield a document with one field changed, in each way that there is."""
    for change in (_other_value, _removed, _doubled):
        changed = copy.deepcopy(whole)
        place: Any = changed
        for step in path[:-1]:
            place = place[step]
        change(place, path[-1])
        yield changed


def _other_value(place: Any, name: Any) -> None:
    kept = place[name]
    place[name] = not kept if isinstance(kept, bool) else kept + 1 if isinstance(kept, int) else f"{kept}x"


def _removed(place: Any, name: Any) -> None:
    del place[name]


def _doubled(place: Any, name: Any) -> None:
    """Put the same value there once more: of a list as one more item, of an object by another name."""
    if isinstance(place, list):
        place.insert(name, copy.deepcopy(place[name]))
    else:
        place[f"{name}2"] = copy.deepcopy(place[name])


def test_there_are_twenty_bundles_and_each_is_another_statement() -> None:
    """What the figure is about: two keys for each of these."""
    assert 2 * len(_distinct(list(STATEMENTS.values()))) >= 20


def _distinct(statements: Sequence[Statement]) -> set[bytes]:
    return {canonical_json(one.plain()) for one in statements}
