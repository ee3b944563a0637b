"""Where a platform's runs are attested, and who signs: a key in a file, a key in KMS, or nobody's key (``keyless:``).

Which fields go with which signer is checked here, as the operator would refuse some of it only once it starts, and
would not see the rest at all.
"""

import json
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.platform_keys import SigningKey
from tradeplane_stacks.components.platform_trust import SnapshotTrust

KEY_FILE = "file:/etc/tradeplane-signing/key.pem"
"""The signer whose key is in the Secret of the operator's namespace (operator/deploy/components/evidence)."""
KEYLESS = "keyless:/etc/tradeplane-sigstore/trust-config.json?token-file=/var/run/secrets/sigstore/token&identity="
"""What a signer without a key begins with (operator/deploy/components/keyless-signing); who it is follows."""
TRUST_CONFIG_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
"""What a ClientTrustConfig of Sigstore says it is (sigstore/protobuf-specs, sigstore_trustroot.proto)."""

# What the operator's own settings take (docs/evidence/operator.md); of files, those that are mounted.
Registry = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9.\[\]:-]+(/[a-z0-9][a-z0-9._-]*)*$")]
Signer = Annotated[
    str,
    StringConstraints(
        max_length=1024,
        pattern=r"^(file:/etc/tradeplane-signing/key\.pem|awskms:///[A-Za-z0-9:/_-]+"
        r"|keyless:/etc/tradeplane-sigstore/trust-config\.json\?token-file=/var/run/secrets/sigstore/token"
        r"&identity=[^&?\s]+)$",
    ),
]
Port = Annotated[int, Field(ge=1, le=65535)]
TimestampAuthority = Annotated[str, StringConstraints(max_length=512, pattern=r"^https?://")]
# Runs that end faster are signed together; as often as runs end where it is left out.
SignaturesPerSecond = Annotated[float, Field(gt=0, le=10_000)]


class Evidence(Configuration):
    """Where runs are attested, and who signs."""

    registry: Registry
    signer: Signer
    # The key itself, in PEM: a secret of the stack. Left out where somebody else makes the Secret.
    signing_key: SigningKey | None = None
    # Of a signer without a key: the instance of Sigstore that is asked and trusted, as ClientTrustConfig.
    trust_config: dict[str, Any] | None = None
    # Ports of that instance other than 443, which is open anyway.
    sigstore_ports: Annotated[tuple[Port, ...], Field(max_length=16)] = ()
    # config.json of docker that logs in to registries: a secret of the stack.
    registry_login: SecretStr | None = None
    plain_http: bool = False
    required: bool = False
    timestamp_authority: TimestampAuthority | None = None
    signatures_per_second: SignaturesPerSecond | None = None
    # Who else attests data: runs on them name that.
    snapshots: SnapshotTrust | None = None

    @property
    def keyless(self) -> bool:
        """Whether nobody's key signs."""
        return self.signer.startswith("keyless:")

    @field_validator("trust_config")
    @classmethod
    def _of_sigstore(cls, trust: dict[str, Any] | None) -> dict[str, Any] | None:
        if trust is not None and trust.get("mediaType") != TRUST_CONFIG_TYPE:
            raise ValueError(f"is no ClientTrustConfig of Sigstore, whose mediaType is {TRUST_CONFIG_TYPE}")
        return trust

    @field_validator("registry_login")
    @classmethod
    def _of_docker(cls, login: SecretStr | None) -> SecretStr | None:
        if login is None:
            return None
        try:
            found = json.loads(login.get_secret_value())
        except ValueError:
            raise ValueError("is no JSON") from None
        if not isinstance(found, dict) or not found.keys() & {"auths", "credHelpers", "credsStore"}:
            raise ValueError("is no config.json of docker: it has no `auths`")
        return login

    @model_validator(mode="after")
    def _fits_the_signer(self) -> Self:
        if self.signing_key is not None and self.signer != KEY_FILE:
            raise ValueError(f"signing_key is for the signer {KEY_FILE}; {self.signer} has its own")
        if not self.keyless and (self.trust_config is not None or self.sigstore_ports):
            raise ValueError(f"trust_config and sigstore_ports are for a signer of keyless:, and it is {self.signer}")
        if self.keyless and self.timestamp_authority is not None:
            raise ValueError("timestamp_authority: a signer of keyless: has those that its trust configuration names")
        return self
