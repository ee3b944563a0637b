"""By which key the demo verifies its ledger's newest head, and for which head it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.ledger.heads import Head, sign_head
from tradeplane_evidence.signing.opening import open_signer
from tradeplane_stacks.demo import evidence, ledger
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.evidence import public_half, public_key_file
from tradeplane_stacks.demo.ledger import Ledger, LedgerAccess

from tests.unit.stacks.components.platforms import private_key

if TYPE_CHECKING:
    from pathlib import Path


def sign(folder: Path, sequence: int, pem: bytes) -> None:
    """Put a head into a folder, as the recorder does."""
    key = folder.parent / "key.pem"
    key.touch(mode=0o600)
    key.write_bytes(pem)
    head = Head(sequence=sequence, hash=f"sha256:{'a' * 64}", time="2026-01-01T00:00:00.000000Z")
    (folder / f"{sequence:016d}.json").write_bytes(sign_head(head, open_signer(f"file:{key}")))


def publish(pem: bytes) -> Path:
    """Keep the public half of a key here, as the demo does of each that it made; return its file."""
    fingerprint, public = public_half(pem)
    path = public_key_file(fingerprint)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(public)
    return path


@pytest.fixture
def heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of heads; keys are kept in the test's own."""
    monkeypatch.setattr(evidence, "SIGNING", tmp_path / "signing")
    folder = tmp_path / "heads"
    folder.mkdir()
    return folder


def verified(heads: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the demo show a ledger whose key is another; return what the command that verifies was asked."""
    asked: list[tuple[str, ...]] = []

    def tradeplane(*arguments: str) -> str:
        asked.append(arguments)
        return ""

    monkeypatch.setattr(ledger, "provide_key", lambda *_: publish(private_key().encode()))
    kubectl: Any = None
    access = LedgerAccess(heads, heads, {}, None, heads, 5433, 30843)
    Ledger(kubectl, access, tradeplane, print, print).of("research", "tradeplane-system", "macd-momentum")
    return list(asked[0])


def test_the_newest_head_is_verified_by_the_key_that_it_is_signed_by(
    heads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the operator was removed and installed again the newest head is by the key of before, for a minute."""
    earlier, before = private_key().encode(), private_key().encode()
    sign(heads, 3, earlier)
    sign(heads, 59, before)
    publish(earlier)
    publish(before)
    asked = verified(heads, monkeypatch)
    assert asked[-4:] == [
        "--head",
        str(heads / "0000000000000059.json"),
        "--key",
        str(public_key_file(public_half(before)[0])),
    ]


def test_a_head_by_a_key_that_is_not_here_is_waited_out_and_then_told(
    heads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(heads, 7, private_key().encode())
    monkeypatch.setattr(ledger, "_HEAD_LIMIT_S", 0)
    with pytest.raises(DemoError, match=r"0000000000000007\.json is signed by another key: .*\.pub is not there"):
        verified(heads, monkeypatch)
