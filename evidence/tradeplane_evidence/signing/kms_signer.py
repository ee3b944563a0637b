"""A key in AWS KMS (``awskms:///KEY``): it cannot be copied, and who signs with it stands in CloudTrail.

``KEY`` is what KMS takes for a key: an id, an ARN, ``alias/NAME`` or the ARN of an alias. Credentials, region and
endpoint are those of the environment, as every AWS program has them; none stands in the URI.

Rights it needs, on that key alone: ``kms:Sign`` and ``kms:GetPublicKey``. The key is of ``ECC_NIST_P256`` and
``SIGN_VERIFY``. What is sent is the SHA-256 of what is signed: KMS takes at most 4,096 bytes of a message, and no
statement leaves the house. Source: AWS KMS API Reference, ``Sign`` and ``GetPublicKey``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import load_der_public_key

from tradeplane_evidence.errors import InvalidKey, SignerUnavailable
from tradeplane_evidence.signing.keys import PublicKey, public_key

if TYPE_CHECKING:
    from collections.abc import Callable

ALGORITHM = "ECDSA_SHA_256"
TRIES = 5
CONNECT_LIMIT_S, ANSWER_LIMIT_S = 5, 15
_PASSING = {"ThrottlingException", "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException"}
"""What KMS says when the same may succeed later."""


@dataclass(frozen=True, slots=True)
class KmsSigner:
    """Signs with a key that never leaves KMS."""

    public_key: PublicKey
    key: str
    client: Any = field(repr=False)

    @property
    def deterministic(self) -> bool:
        """Whether the same bytes have the same signature each time: those of KMS differ."""
        return False

    def sign(self, data: bytes) -> bytes:
        """Return the signature, ASN.1 DER. Raises SignerUnavailable, and InvalidKey where the key may not sign."""
        digest = hashlib.sha256(data).digest()
        answer = _asked(
            self.key,
            lambda: self.client.sign(KeyId=self.key, Message=digest, MessageType="DIGEST", SigningAlgorithm=ALGORITHM),
        )
        return bytes(answer["Signature"])


def open_kms_signer(key: str) -> KmsSigner:
    """Return the signer of a key of KMS. Raises InvalidKey or SignerUnavailable."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise InvalidKey("a key in AWS KMS needs boto3: install tradeplane-evidence[awskms]") from error
    limits = Config(
        connect_timeout=CONNECT_LIMIT_S,
        read_timeout=ANSWER_LIMIT_S,
        retries={"mode": "standard", "total_max_attempts": TRIES},
    )
    try:
        client = boto3.client("kms", config=limits)
    except BotoCoreError as error:
        raise InvalidKey(f"AWS KMS cannot be asked for key {key}: {error}; set AWS_REGION") from error
    answer = _asked(key, lambda: client.get_public_key(KeyId=key))
    if ALGORITHM not in answer.get("SigningAlgorithms", ()):
        raise InvalidKey(
            f"key {key} of AWS KMS is {answer.get('KeySpec', '?')} for {answer.get('KeyUsage', '?')}; make one of "
            "ECC_NIST_P256 for SIGN_VERIFY"
        )
    material = load_der_public_key(bytes(answer["PublicKey"]))
    return KmsSigner(public_key(material, f"key {key} of AWS KMS"), key, client)


def _asked(key: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except ClientError as error:
        told = error.response.get("Error", {})
        code, message = told.get("Code", "?"), told.get("Message", str(error))
        if code in _PASSING:
            raise SignerUnavailable(
                f"AWS KMS does not sign with {key} now: {code}: {message}; tried {TRIES} times"
            ) from error
        raise InvalidKey(
            f"AWS KMS refuses key {key}: {code}: {message}; it must exist and be enabled, and kms:Sign and "
            "kms:GetPublicKey must be allowed on it"
        ) from error
    except BotoCoreError as error:
        raise SignerUnavailable(f"AWS KMS cannot be asked to sign with {key}: {error}; tried {TRIES} times") from error
