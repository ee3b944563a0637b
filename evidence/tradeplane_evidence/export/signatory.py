"""Who signed something, as an export tells it, and the options by which cosign and tradeplane are asked for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence.export.published_keys import key_path
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.verification.artifact_bundles import parse_artifact_bundle

if TYPE_CHECKING:
    from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
    from tradeplane_evidence.keyless.trusted_root import TrustRoot


@dataclass(frozen=True, slots=True)
class Signatory:
    """A key, or somebody by name.

    ``key``: fingerprint, where a key signed. ``subject``, ``issuer`` and ``root`` (where the trusted root is in the
    export) are of somebody. ``stamped``: whether their bundle has timestamps of authorities that the root names.
    """

    key: str | None
    subject: str | None = None
    issuer: str | None = None
    root: str | None = None
    stamped: bool = False

    @property
    def alone(self) -> str:
        """By what alone a verification goes, in words."""
        return "the key" if self.key is not None else "who signed"

    @property
    def said(self) -> str:
        """Who it is, in words."""
        return f"key {self.key}" if self.key is not None else f"{self.subject} (by {self.issuer})"

    def for_cosign(self) -> list[str]:
        """Return the options by which cosign asks for them, with no network."""
        if self.key is not None:
            return ["--key", key_path(self.key), "--insecure-ignore-tlog"]
        return [*self._by_name(), *(["--use-signed-timestamps"] if self.stamped else [])]

    def for_tradeplane(self) -> list[str]:
        """Return the options by which tradeplane asks for them."""
        return self._by_name() if self.key is None else ["--key", key_path(self.key)]

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        somebody = {"subject": self.subject, "issuer": self.issuer, "trustedRoot": self.root}
        return {"key": self.key, "identity": somebody if self.key is None else None}

    def _by_name(self) -> list[str]:
        who = ["--certificate-identity", self.subject or "", "--certificate-oidc-issuer", self.issuer or ""]
        return [*who, "--trusted-root", self.root or ""]


def signatory_of(key: str, trusted: TrustedIdentity | None, bundle: bytes) -> Signatory:
    """Return who signed a bundle that was verified. ``key``: fingerprint. ``trusted``: None where that key did."""
    if trusted is None:
        return Signatory(key)
    stamps = bool(trusted.root.file.timestamp_authorities) and bool(parse_artifact_bundle(bundle).timestamps())
    identity = trusted.identity
    return Signatory(None, identity.subject, identity.issuer, root_path(trusted.root), stamps)


def root_bytes(root: TrustRoot) -> bytes:
    """Return a trusted root as a file, in one form and order."""
    return json.dumps(root.values, sort_keys=True, indent=2).encode("ascii") + b"\n"


def root_path(root: TrustRoot) -> str:
    """Return where a trusted root lies in an export."""
    return f"trusted-roots/{hexadecimal(sha256_digest(root_bytes(root)))[:16]}.json"
