"""Signing one file as whoever an identity token is of, as clients of Sigstore do it by hand.

Who attests is named beforehand (``signer``). Here nobody is: the token says who signs, and the bundle is verified by
the name that its certificate has, before it is handed on. Requests and forms are sigstore-python's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tradeplane_store.canonical import canonical_json

from tradeplane_evidence.errors import EvidenceError, InvalidKey
from tradeplane_evidence.keyless.identities import Identity, authenticate, subject_of
from tradeplane_evidence.keyless.signer import identity_token, signed_by_instance

if TYPE_CHECKING:
    from sigstore.models import Bundle, SigningConfig
    from sigstore.sign import Signer

    from tradeplane_evidence.keyless.trusted_root import TrustRoot
    from tradeplane_evidence.verification.artifacts import Artifact


def sign_artifact(artifact: Artifact, token: bytes, config: SigningConfig, root: TrustRoot) -> tuple[bytes, Identity]:
    """Return the bundle of a file, and who signed it by its certificate.

    ``config``: which services are asked. ``root``: by which it is verified. Raises SignerUnavailable, and InvalidKey
    where it is refused or is not what an auditor would accept. Nothing of the token is told.
    """
    who = identity_token(token, "that was given")
    bundle = canonical_json(json.loads(signed_by_instance(lambda signer: _sign(signer, artifact), who, config, root)))
    try:
        identity = Identity(subject_of(bundle), who.federated_issuer)
        authenticate(bundle, identity, root, artifact)
    except EvidenceError as error:
        raise InvalidKey(
            f"what the instance of Sigstore gave is not what an auditor would accept: {error}; see whether trusted "
            "root and signing configuration are of one instance"
        ) from error
    return bundle, identity


def _sign(signer: Signer, artifact: Artifact) -> Bundle:
    from sigstore.hashes import Hashed
    from sigstore_models.common.v1 import HashAlgorithm

    return signer.sign_artifact(Hashed(algorithm=HashAlgorithm.SHA2_256, digest=artifact.digest("sha256")))
