"""What statuses say of an attestation that the operator made."""

from pydantic import Field

from tradeplane_api.base import Digest, Document, Timestamp


class AttestationStatus(Document):
    """Where a signed statement of something lies, and who signed it: a key, or an identity and its issuer."""

    reference: str = Field(
        max_length=512, description="What it is about in the registry, by digest: results, or a snapshot."
    )
    attestation: Digest = Field(
        description="Digest of the manifest that refers to that and holds the signed statement."
    )
    key: Digest | None = Field(
        default=None,
        description="Fingerprint of the public key that verifies it; absent where somebody signed keylessly.",
    )
    identity: str | None = Field(
        default=None, max_length=1024, description="Who signed it keylessly, as the certificate has them."
    )
    issuer: str | None = Field(
        default=None, max_length=1024, description="URL of the OpenID provider that vouched for the identity."
    )
    time: Timestamp = Field(description="When it was seen to be there, RFC 3339.")
