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
from tradeplane_evidence.statements.approval import APPROVAL_TYPE
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.statements.test_result import TEST_RESULT_TYPE
from tradeplane_evidence.verification.rules import ParameterIs

if TYPE_CHECKING:
    from tradeplane_evidence.export.signatory import Signatory
    from tradeplane_evidence.verification.policy import Policy

KEYRING = "keyring.json"
"""All keys that the export was verified by, with their validity, and the timestamp authorities."""
TRUST = "trust.json"
"""Who signs runs, who images and who snapshots, where it is not the keys of one keyring that sign all of it."""
LEDGER, CHECK_LEDGER = "ledger.jsonl", "check-ledger.py"
"""The entries of the audit ledger, and a program that follows their chain."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and what it does. ``offline``: whether it needs nothing but the export."""

    does: str
    line: str
    offline: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What an export asks of each run. ``by_keyring``: whether the keys of one keyring may sign all of a chain.

    ``images`` and ``snapshots`` are None where the chain is not followed.
    """

    policy: Policy
    images: Policy | None = None
    snapshots: Policy | None = None
    by_keyring: bool = True


def whole() -> Command:
    """Return the command that checks that no file was changed since."""
    return Command("every file is as it was exported", f"sha256sum --check --quiet {CHECKSUMS}", offline=True)


def by_cosign(who: Signatory, bundle: str, artifact: str) -> Command:
    """Return the command of cosign that verifies a signed statement about an artifact; the others are paths."""
    return _cosign("signature and subject", who, bundle, PREDICATE_TYPE, artifact)


def of_image(who: Signatory, bundle: str, index: str) -> Command:
    """Return the command of cosign that verifies the attestation of an image; the others are paths."""
    return _cosign("the image's attestation", who, bundle, PREDICATE_TYPE, index)


def of_replays(who: Signatory, bundle: str, artifact: str) -> Command:
    """Return the command of cosign that verifies what replays of a run found; the others are paths."""
    return _cosign("what its replays found", who, bundle, TEST_RESULT_TYPE, artifact)


def of_snapshot(who: Signatory, bundle: str, snapshot: str) -> Command:
    """Return the command of cosign that verifies how a snapshot came to be; ``bundle`` is a path."""
    return _cosign("how its data came to be", who, bundle, PREDICATE_TYPE, *_digest(snapshot))


def of_head(who: Signatory, bundle: str, digest: str) -> Command:
    """Return the command of cosign that verifies a signed head of the ledger; ``bundle`` is a path."""
    return _cosign("a signed head of the ledger", who, bundle, HEAD_TYPE, *_digest(digest))


def of_approval(who: Signatory, bundle: str, configuration: str) -> Command:
    """Return the command of cosign that verifies an approval of a configuration; ``bundle`` is a path."""
    return _cosign("an approval of what was run", who, bundle, APPROVAL_TYPE, *_digest(configuration))


def of_ledger() -> Command:
    """Return the command that follows the chain of the ledger, by Python's standard library alone."""
    does = "the chain of the ledger is whole, and its end is what this prints"
    return Command(does, f"python3 {CHECK_LEDGER} < {LEDGER}", offline=True)


def parameters_of(policy: Policy) -> list[tuple[str, str]]:
    """Return the values of external parameters that a policy asks for, by name and in order."""
    asked = [rule for rule in policy.rules if isinstance(rule, ParameterIs)]
    return sorted((rule.name, value) for rule in asked for value in rule.values)


def _digest(digest: str) -> list[str]:
    return ["--digestAlg", "sha256", "--digest", hexadecimal(digest)]


def _cosign(does: str, who: Signatory, bundle: str, predicate_type: str, *about: str) -> Command:
    words = ["cosign", "verify-blob-attestation", *who.for_cosign(), "--bundle", bundle]
    line = shlex.join([*words, "--type", predicate_type, *about])
    return Command(f"{does}, by {who.alone} alone", line, offline=True)


def by_tradeplane_offline(who: Signatory, bundle: str, artifact: str) -> Command:
    """Return the command of tradeplane that does as cosign's, without cosign; the others are paths."""
    words = ["tradeplane", "verify-bundle", *who.for_tradeplane(), "--bundle", bundle, artifact]
    return Command("the same, by tradeplane", shlex.join(words), offline=True)


def by_tradeplane(reference: str, asking: Asked) -> Command:
    """Return the command of tradeplane that verifies a run where it lies, by who and what the export asked for."""
    policy, images, snapshots = asking.policy, asking.images, asking.snapshots
    words = ["tradeplane", "verify", reference, *(["--key", KEYRING] if asking.by_keyring else ["--trust", TRUST])]
    for builder in sorted(policy.builders or ()):
        words += ["--builder", builder]
    for name, value in parameters_of(policy):
        words += ["--parameter", f"{name}={value}"]
    words += ["--require-timestamp"] if policy.timestamped else []
    words += ["--no-chain"] if images is None else []
    for builder in sorted(images.builders or ()) if images is not None else ():
        words += ["--image-builder", builder]
    for builder in sorted(snapshots.builders or ()) if snapshots is not None else ():
        words += ["--snapshot-builder", builder]
    return Command("all checks, on what the registry holds now", shlex.join(words), offline=False)
