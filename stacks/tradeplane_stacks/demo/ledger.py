"""The demo's audit ledger: its tables, what the recorder is given, and what stands in it, verified.

The database is the cluster's; a cluster without one has no ledger, and nothing is said of it.
"""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tradeplane_stacks.demo.evidence import KEY, new_key, public_half, public_key_file
from tradeplane_stacks.demo.objects import shown
from tradeplane_stacks.demo.waiting import Verdict, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_stacks.demo.programs import Kubectl

RECORDER = "tradeplane-recorder"
"""Its Deployment."""
DATABASE_SECRET, AUDIT_SECRET, SIGNING_SECRET = "tradeplane-ledger", "tradeplane-audit", "tradeplane-ledger-signing"
APPENDER, READER = "tradeplane", "auditors"
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
    component: Path
    """Kustomize component of the recorder for this cluster."""


def provide_ledger(
    kubectl: Kubectl, namespace: str, access: LedgerAccess, tradeplane: Callable[..., str], say: Callable[[str], None]
) -> None:
    """Make the ledger's tables and the recorder's Secrets; again changes nothing. Raises DemoError."""
    say(f"tradeplane ledger migrate --database {access.owner} --appender {APPENDER} --reader {READER}")
    tradeplane("ledger", "migrate", "--database", str(access.owner), "--appender", APPENDER, "--reader", READER)
    _apply_secret(kubectl, namespace, DATABASE_SECRET, access.recorder)
    if access.audit is not None:
        _apply_secret(kubectl, namespace, AUDIT_SECRET, access.audit)
    pem = _signing_key(kubectl, namespace)
    if pem is None:
        pem = new_key()
        _apply_secret(kubectl, namespace, SIGNING_SECRET, {KEY: pem})
    fingerprint, public = public_half(pem)
    path = public_key_file(fingerprint)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(public)


def newest_head(folder: Path) -> Path | None:
    """Return the newest head of a folder; None where it has none."""
    return max(folder.glob("*.json"), default=None)


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
        wait(
            "a head of the ledger",
            self._look,
            self.waiting,
            _HEAD_LIMIT_S,
            f"See why: kubectl -n {system} logs deployment/{RECORDER}",
        )
        head = newest_head(self.access.heads)
        key = public_key_file(public_half(_signing_key(self.kubectl, system) or b"")[0])
        database = ("--database", str(self.access.reader))
        verify = ("ledger", "verify", *database, "--head", str(head), "--key", shown(key))
        history = ("config", "history", f"strategy/{strategy}", "-n", namespace, *database)
        self.say(" ".join(("tradeplane", *verify)))
        verified = self.tradeplane(*verify[:-1], str(key))
        versions = self.tradeplane(*history)
        return (
            f"$ uv run tradeplane {' '.join(verify)}\n{verified.rstrip()}\n\n"
            f"$ uv run tradeplane {' '.join(history)}\n{versions.rstrip()}\n\n"
        )

    def _look(self) -> Verdict:
        found = newest_head(self.access.heads)
        return Verdict("none is signed yet" if found is None else found.name, done=found is not None)


def _signing_key(kubectl: Kubectl, namespace: str) -> bytes | None:
    found = kubectl("get", "secret", SIGNING_SECRET, "-n", namespace, "--ignore-not-found", "-o", "yaml")
    return base64.b64decode(yaml.safe_load(found)["data"][KEY]) if found.strip() else None


def _apply_secret(kubectl: Kubectl, namespace: str, name: str, files: Mapping[str, bytes]) -> None:
    """Apply a Secret from a file that only this user can read, and remove the file."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": {file: base64.b64encode(content).decode() for file, content in files.items()},
    }
    with tempfile.TemporaryDirectory(prefix="tradeplane-demo-") as directory:
        path = Path(directory) / "secret.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
        kubectl("apply", "--server-side", "--force-conflicts", "-f", path)
