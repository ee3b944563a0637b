"""What an entry of a transparency log says: which signature, by which key, over which digest.

A log vouches that an entry stands in it, not that the entry is of the bundle that it came with: whoever swaps entries
has a good proof of another signature (CVE-2022-36056). So each field of a body is compared with the bundle. Sources:
the schemas of rekor (``pkg/types/{hashedrekord,dsse,intoto}``) and rekor-tiles (``rekor/v2/*.proto``). sigstore-python
compares bodies with certificates alone; these are of bare keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import LogEntryRefused, Malformed
from tradeplane_evidence.statements.statement import decoded
from tradeplane_evidence.verification.artifact_bundles import HASHES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_BODY_BYTES = 1024 * 1024
PAYLOAD, SIGNED = "payload", "what was signed"
"""What the digest of an entry is of: the payload of the envelope, or the bytes that the signature is over."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an entry records. ``of`` is ``PAYLOAD`` or ``SIGNED``; ``key`` is DER (SubjectPublicKeyInfo)."""

    algorithm: str
    digest: bytes
    of: str
    signature: bytes
    key: bytes


def recorded(data: bytes, kind: str, version: str) -> Recorded:
    """Return what the body of an entry records. Raises Malformed, or LogEntryRefused for a kind that is not known."""
    body = strict_json.parse(data, "the log entry", MAX_BODY_BYTES)
    read = _READERS.get((kind, version))
    if read is None:
        known = ", ".join(f"{one}/{number}" for one, number in sorted(_READERS))
        raise LogEntryRefused(f"the log entry is of kind {kind[:64]}/{version[:16]}, and known are {known}")
    try:
        if (body["kind"], body["apiVersion"]) != (kind, version):
            raise LogEntryRefused(f"the log entry says that it is of another kind than {kind}/{version}")
        return read(body["spec"])
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise Malformed(f"the log entry is none of {kind}/{version}: {error!r}") from error


def _hashedrekord_1(spec: Mapping[str, Any]) -> Recorded:
    digest, signature = spec["data"]["hash"], spec["signature"]
    return Recorded(
        str(digest["algorithm"]),
        _hexadecimal(digest["value"]),
        SIGNED,
        decoded(signature["content"], "the signature of the log entry"),
        _pem(signature["publicKey"]["content"]),
    )


def _hashedrekord_2(spec: Mapping[str, Any]) -> Recorded:
    entry = spec["hashedRekordV002"]
    return _tiled(entry["data"], entry["signature"], SIGNED)


def _dsse_1(spec: Mapping[str, Any]) -> Recorded:
    (signature,), digest = _one(spec["signatures"]), spec["payloadHash"]
    return Recorded(
        str(digest["algorithm"]),
        _hexadecimal(digest["value"]),
        PAYLOAD,
        decoded(signature["signature"], "the signature of the log entry"),
        _pem(signature["verifier"]),
    )


def _dsse_2(spec: Mapping[str, Any]) -> Recorded:
    entry = spec["dsseV002"]
    return _tiled(entry["payloadHash"], _one(entry["signatures"])[0], PAYLOAD)


def _intoto_2(spec: Mapping[str, Any]) -> Recorded:
    content = spec["content"]
    (signature,), digest = _one(content["envelope"]["signatures"]), content["payloadHash"]
    twice = decoded(signature["sig"], "the signature of the log entry")
    return Recorded(
        str(digest["algorithm"]),
        _hexadecimal(digest["value"]),
        PAYLOAD,
        decoded(twice.decode("ascii", "replace"), "the signature of the log entry"),
        _pem(signature["publicKey"]),
    )


def _tiled(digest: Mapping[str, Any], signature: Mapping[str, Any], of: str) -> Recorded:
    """Read what rekor-tiles writes."""
    return Recorded(
        HASHES[digest["algorithm"]],
        decoded(digest["digest"], "the digest of the log entry"),
        of,
        decoded(signature["content"], "the signature of the log entry"),
        decoded(signature["verifier"]["publicKey"]["rawBytes"], "the key of the log entry"),
    )


_READERS: dict[tuple[str, str], Callable[[Mapping[str, Any]], Recorded]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord_1,
    ("hashedrekord", "0.0.2"): _hashedrekord_2,
    ("dsse", "0.0.1"): _dsse_1,
    ("dsse", "0.0.2"): _dsse_2,
    ("intoto", "0.0.2"): _intoto_2,
}


def _one(signatures: Any) -> Any:
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise LogEntryRefused("the log entry has not one signature, as an envelope of a bundle has")
    return signatures


def _hexadecimal(text: Any) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Malformed("the digest of the log entry is not hexadecimal") from error


def _pem(text: Any) -> bytes:
    """Return the DER of a key that stands as base64 of its PEM."""
    try:
        key = load_pem_public_key(decoded(text, "the key of the log entry"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise LogEntryRefused(f"the log entry is not of a public key: {error}") from error
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
