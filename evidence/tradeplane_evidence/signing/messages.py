"""A file signed as it is, for tools that know nothing of statements: ``cosign verify-blob`` and others.

Source: sigstore/protobuf-specs, ``sigstore_bundle.proto``: a bundle (v0.3) holds the signature of a message in place of
an envelope. What is signed is the message itself; its digest stands beside as a hint, which a verifier checks.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import TYPE_CHECKING

from tradeplane_store.canonical import canonical_json

from tradeplane_evidence.signing.bundle import BUNDLE_TYPE, verification_material
from tradeplane_evidence.signing.signer import BundleSigner, has_its_own_authorities
from tradeplane_evidence.signing.timestamps import stamped

if TYPE_CHECKING:
    from tradeplane_evidence.signing.signer import Signer


async def sign_message(data: bytes, signer: Signer | BundleSigner, authority: str | None) -> bytes:
    """Return the bundle of a message, with the timestamp of an authority by its URL; None for one without.

    Raises SignerUnavailable, and what the signer raises, which signs on a thread: it may have to ask. Raises InvalidKey
    where an authority is named and the signer has its own.
    """
    if isinstance(signer, BundleSigner):
        has_its_own_authorities(signer, authority)
        return await asyncio.to_thread(signer.message_bundle, data)
    signature = await asyncio.to_thread(signer.sign, data)
    timestamp = None if authority is None else await stamped(authority, signature)
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return canonical_json(
        {
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": verification_material(signer.public_key.hint, timestamp).plain(),
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": digest},
                "signature": base64.b64encode(signature).decode(),
            },
        }
    )
