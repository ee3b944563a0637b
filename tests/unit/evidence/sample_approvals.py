"""Approvals made by hand, and keyrings of those who may give them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.signing.keyring import read_keyring
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.approval import Approval, ApprovedObject, approval_statement

if TYPE_CHECKING:
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.keyring import Keyring

CONFIGURATION = "sha256:" + "11" * 32
USER = "alice@example.com"
OBJECT = ApprovedObject(
    api_version="tradeplane.dev/v1alpha1",
    kind="Strategy",
    namespace="trading",
    name="sp500-macd",
    uid="4d1f8c9e-0000-4000-8000-000000000001",
)
APPROVAL = Approval(
    object=OBJECT,
    user=USER,
    time="2026-01-05T09:00:00Z",
    not_after="2026-02-05T09:00:00Z",
    comment="limits reviewed, CHG-1234",
)


def bundle(signer: FileSigner, configuration: str = CONFIGURATION, **changed: Any) -> bytes:
    """Return the bundle of an approval, some of it changed."""
    return sign_statement(approval_statement(APPROVAL.model_copy(update=changed), configuration), signer)


def entry(signer: FileSigner, *users: str, **others: Any) -> dict[str, Any]:
    """Return the entry of a signer's key in a keyring."""
    return {"publicKey": signer.public_key.pem(), "users": list(users), **others}


def keyring(*entries: dict[str, Any]) -> Keyring:
    """Return a keyring of entries."""
    return read_keyring(json.dumps({"schemaVersion": 1, "kind": "Keyring", "keys": list(entries)}).encode())
