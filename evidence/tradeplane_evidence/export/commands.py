"""The commands by which a reader verifies what was exported, to be typed in the folder of the export.

A test runs each as it stands here. Nothing in them is of a tenant: paths are the export's own, and a reference has the
letters that one may have.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.export.folder import CHECKSUMS
from tradeplane_evidence.ledger.heads import HEAD_TYPE
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.statements.test_result import TEST_RESULT_TYPE

if TYPE_CHECKING:
    from tradeplane_evidence.verification.policy import Policy

KEYRING = "keyring.json"
"""All keys that the export was verified by, with their validity, and the timestamp authorities."""
LEDGER, CHECK_LEDGER = "ledger.jsonl", "check-ledger.py"
"""The entries of the audit ledger, and a program that follows their chain."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and what it does. ``offline``: whether it needs nothing but the export."""

    does: str
    line: str
    offline: bool


def whole() -> Command:
    """Return the command that checks that no file was changed since."""
    return Command("every file is as it was exported", f"sha256sum --check --quiet {CHECKSUMS}", offline=True)


def by_cosign(key: str, bundle: str, artifact: str) -> Command:
    """Return the command of cosign that verifies a signed statement about an artifact; arguments are paths."""
    line = _cosign(key, bundle, PREDICATE_TYPE, artifact)
    return Command("signature and subject, by the key alone", line, offline=True)


def of_replays(key: str, bundle: str, artifact: str) -> Command:
    """Return the command of cosign that verifies what replays of a run found; arguments are paths."""
    line = _cosign(key, bundle, TEST_RESULT_TYPE, artifact)
    return Command("what its replays found, by the key alone", line, offline=True)


def of_snapshot(key: str, bundle: str, snapshot: str) -> Command:
    """Return the command of cosign that verifies how a snapshot came to be; the first two arguments are paths."""
    line = _cosign(key, bundle, PREDICATE_TYPE, "--digestAlg", "sha256", "--digest", hexadecimal(snapshot))
    return Command("how its data came to be, by the key alone", line, offline=True)


def of_head(key: str, bundle: str, digest: str) -> Command:
    """Return the command of cosign that verifies a signed head of the ledger; the first two arguments are paths."""
    line = _cosign(key, bundle, HEAD_TYPE, "--digestAlg", "sha256", "--digest", hexadecimal(digest))
    return Command("a signed head of the ledger, by the key alone", line, offline=True)


def of_ledger() -> Command:
    """Return the command that follows the chain of the ledger, by Python's standard library alone."""
    does = "the chain of the ledger is whole, and its end is what this prints"
    return Command(does, f"python3 {CHECK_LEDGER} < {LEDGER}", offline=True)


def _cosign(key: str, bundle: str, predicate_type: str, *about: str) -> str:
    words = ["cosign", "verify-blob-attestation", "--key", key, "--bundle", bundle]
    return shlex.join([*words, "--insecure-ignore-tlog", "--type", predicate_type, *about])


def by_tradeplane_offline(key: str, bundle: str, artifact: str) -> Command:
    """Return the command of tradeplane that does as cosign's, without cosign; arguments are paths."""
    words = ["tradeplane", "verify-bundle", "--key", key, "--bundle", bundle, artifact]
    return Command("the same, by tradeplane", shlex.join(words), offline=True)


def by_tradeplane(reference: str, policy: Policy, images: Policy | None, snapshots: Policy | None = None) -> Command:
    """Return the command of tradeplane that verifies a run where it lies, by keys and policies of the export."""
    words = ["tradeplane", "verify", reference, "--key", KEYRING]
    for builder in sorted(policy.builders or ()):
        words += ["--builder", builder]
    words += ["--require-timestamp"] if policy.timestamped else []
    words += ["--no-chain"] if images is None else []
    for builder in sorted(images.builders or ()) if images is not None else ():
        words += ["--image-builder", builder]
    for builder in sorted(snapshots.builders or ()) if snapshots is not None else ():
        words += ["--snapshot-builder", builder]
    return Command("all checks, on what the registry holds now", shlex.join(words), offline=False)
