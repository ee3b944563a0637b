"""The demo's audit ledger: its tables, what the recorder is given, and what stands in it, verified.

The database is the cluster's; a cluster without one has no ledger, and nothing is said of it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.demo.evidence import provide_key, public_key_file
from tradeplane_stacks.demo.kept_secrets import apply_secret
from tradeplane_stacks.demo.objects import shown
from tradeplane_stacks.demo.programs import beside_python
from tradeplane_stacks.demo.waiting import Verdict, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tradeplane_stacks.demo.programs import Kubectl

RECORDER = "tradeplane-recorder"
"""Its Deployment."""
DATABASE_SECRET, AUDIT_SECRET, SIGNING_SECRET = "tradeplane-ledger", "tradeplane-audit", "tradeplane-ledger-signing"
APPENDER, READER = "tradeplane", "auditors"
_HEADS_EVERY_S = 60
_HEAD_LIMIT_S = 180


@dataclass(frozen=True)
class LedgerAccess:
    """A ledger as a cluster has it."""

    owner: Path
    """File with the URL by which its tables are made."""
    reader: Path
    """File with the URL by which it is verified."""
    recorder: Mapping[str, bytes]
    """What the recorder connects with: ``url``, and the files that it names."""
    audit: Mapping[str, bytes] | None
    """Certificates with which the API server tells it who did what; None where it does not."""
    heads: Path
    """Folder of the heads that it signs."""
    port: int
    """Where the database listens."""
    node_port: int
    """Port of the nodes at which the API server reaches the recorder."""

    @property
    def configuration(self) -> dict[str, Any]:
        """How the platform is configured to keep it; its Secrets are made here."""
        return {
            "port": self.port,
            **({} if self.audit is None else {"audit": {"node_port": self.node_port}}),
            "heads": {"kind": "volume", "every_seconds": _HEADS_EVERY_S},
        }


def provide_ledger(
    kubectl: Kubectl, namespace: str, access: LedgerAccess, tradeplane: Callable[..., str], say: Callable[[str], None]
) -> None:
    """Make the ledger's tables and the recorder's Secrets; again changes nothing. Raises DemoError."""
    say(f"tradeplane ledger migrate --database {access.owner} --appender {APPENDER} --reader {READER}")
    tradeplane("ledger", "migrate", "--database", str(access.owner), "--appender", APPENDER, "--reader", READER)
    apply_secret(kubectl, namespace, DATABASE_SECRET, access.recorder)
    if access.audit is not None:
        apply_secret(kubectl, namespace, AUDIT_SECRET, access.audit)
    provide_key(kubectl, namespace, say, SIGNING_SECRET)


def newest_head(folder: Path) -> Path | None:
    """Return the newest head of a folder; None where it has none."""
    return max(folder.glob("*.json"), default=None)


def signed_by(head: Path) -> Path:
    """Return the file of the public key that a head says it is signed by, the bundle's hint.

    Where the operator was removed and installed again it is an earlier key until the next head, and both are here.
    """
    bundle = json.loads(head.read_bytes())
    hint = bundle["verificationMaterial"]["publicKey"]["hint"]
    return public_key_file(f"sha256:{base64.b64decode(hint).hex()}")


@dataclass(frozen=True)
class Ledger:
    """What stands in a ledger. ``tradeplane`` calls the command as a person does."""

    kubectl: Kubectl
    access: LedgerAccess
    tradeplane: Callable[..., str]
    say: Callable[[str], None]
    waiting: Callable[[str], None]

    def of(self, namespace: str, system: str, strategy: str) -> str:
        """Verify the ledger by its newest head, and list the versions of a Strategy; return what to show at the end.

        Raises DemoError.
        """
        provide_key(self.kubectl, system, self.say, SIGNING_SECRET)
        wait(
            "a head of the ledger that is signed by a key from here",
            self._look,
            self.waiting,
            _HEAD_LIMIT_S,
            f"See why: kubectl -n {system} logs deployment/{RECORDER}",
        )
        head = newest_head(self.access.heads)
        if head is None:
            raise AssertionError("one was waited for")
        key = signed_by(head)
        database = ("--database", str(self.access.reader))
        verify = ("ledger", "verify", *database, "--head", str(head), "--key", shown(key))
        history = ("config", "history", f"strategy/{strategy}", "-n", namespace, *database)
        program = shown(beside_python("tradeplane"))
        self.say(" ".join((program, *verify)))
        verified = self.tradeplane(*verify[:-1], str(key))
        versions = self.tradeplane(*history)
        return (
            f"$ {program} {' '.join(verify)}\n{verified.rstrip()}\n\n"
            f"$ {program} {' '.join(history)}\n{versions.rstrip()}\n\n"
        )

    def _look(self) -> Verdict:
        found = newest_head(self.access.heads)
        if found is None:
            return Verdict("none is signed yet", done=False)
        key = signed_by(found)
        text = found.name if key.exists() else f"{found.name} is signed by another key: {shown(key)} is not there"
        return Verdict(text, done=key.exists())
