"""What a bundle is asked about: a file, or the digest of one.

Signers hash with SHA-256, SHA-384 or SHA-512, as their key's algorithm has it; a file is read once for all three, piece
by piece, so that it may be larger than memory. Of a digest alone only what was made with SHA-256 can be verified.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import InvalidReference, Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHMS = ("sha256", "sha384", "sha512")
MAX_MESSAGE_BYTES = 256 * 1024 * 1024
"""Of a file whose signature is over the bytes themselves (Ed25519), which are read whole."""
_PIECE = 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """What was signed: digests by the names of their algorithms, and the file or the bytes where these are there."""

    name: str
    digests: Mapping[str, bytes]
    file: Path | None = None
    content: bytes | None = field(default=None, repr=False)

    @property
    def sha256(self) -> str:
        """Its digest as a reference spells it, ``sha256:<hex>``."""
        return f"sha256:{self.digests['sha256'].hex()}"

    def digest(self, algorithm: str) -> bytes:
        """Return its digest. Raises Malformed where it was named by another one."""
        found = self.digests.get(algorithm)
        if found is None:
            raise Malformed(f"{self.name} is a SHA-256, and the signature is over {algorithm}: name the file itself")
        return found

    def message(self) -> bytes:
        """Return its bytes, which have its digest. Raises Malformed where they are not there, or are many."""
        if self.content is not None:
            return self.content
        if self.file is None:
            raise Malformed(f"the signature is over the bytes of {self.name} themselves: name the file, not its digest")
        with self.file.open("rb") as file:
            data = file.read(MAX_MESSAGE_BYTES + 1)
        if len(data) > MAX_MESSAGE_BYTES:
            raise Malformed(
                f"{self.name} has more than {MAX_MESSAGE_BYTES:,} bytes, and this key signs no digest of it"
            )
        if hashlib.sha256(data).digest() != self.digests["sha256"]:
            raise Malformed(f"{self.name} was changed while it was read")
        return data


def artifact_of_bytes(name: str, data: bytes) -> Artifact:
    """Return bytes that were read already as an artifact."""
    return Artifact(name, {one: hashlib.new(one, data).digest() for one in ALGORITHMS}, content=data)


def artifact_of(text: str) -> Artifact:
    """Return the artifact that a text names: a file, or ``sha256:<hex>`` where no file is called so.

    Raises InvalidReference where it is a file that cannot be read. Source: docs/cli_protocol.md of
    sigstore-conformance, ``FILE_OR_DIGEST``.
    """
    path = Path(text)
    if _DIGEST.fullmatch(text) and not path.exists():
        return Artifact(text, {"sha256": bytes.fromhex(text.removeprefix("sha256:"))})
    hashes = [hashlib.new(name) for name in ALGORITHMS]
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                for one in hashes:
                    one.update(piece)
    except OSError as error:
        raise InvalidReference(f"the artifact {text} cannot be read: {error.strerror}") from error
    return Artifact(text, {name: one.digest() for name, one in zip(ALGORITHMS, hashes, strict=True)}, path)
