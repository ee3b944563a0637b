"""How who signs could be weakened, and what goes with whom."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = (
    "test_platform_evidence.py",
    "test_platform_config.py",
)

MUTANTS: tuple[Weakening, ...] = (
    ("file:/etc/tradeplane-signing/key\\.pem|", "file:/.+|", 0),
    ("awskms:///[A-Za-z0-9:/_-]+", "[a-z]+://.+", 0),
    ("keyless:/etc/tradeplane-sigstore/trust-config\\.json\\?", "keyless:/.+\\?", 0),
    ('token-file=/var/run/secrets/sigstore/token"', 'token-file=/.+"', 0),
    ("&identity=[^&?\\s]+)$", "&identity=.+)$", 0),
    ("&identity=[^&?\\s]+)$", ".*)$", 0),
    ('r"^[A-Za-z0-9.\\[\\]:-]+(', 'r"^.+(', 0),
    ("Field(ge=1, le=65535)", "Field(ge=0, le=65535)", 0),
    ("Field(ge=1, le=65535)", "Field(ge=1)", 0),
    ("signing_key: SigningKey | None = None", "signing_key: str | None = None", 0),
    ("registry_login: SecretStr | None = None", "registry_login: str | None = None", 0),
    ("plain_http: bool = False", "plain_http: bool = True", 0),
    ("required: bool = False", "required: bool = True", 0),
    ("Field(gt=0, le=10_000)", "Field(ge=0)", 0),
    ('pattern=r"^https?://"', 'pattern=r"^"', 0),
    ('if trust is not None and trust.get("mediaType") != TRUST_CONFIG_TYPE', "if False", 0),
    ('raise ValueError("is no JSON") from None', "return login", 0),
    ("not isinstance(found, dict) or ", "not isinstance(found, dict) and ", 0),
    ('not found.keys() & {"auths", "credHelpers", "credsStore"}', "False", 0),
    ("if self.signing_key is not None and self.signer != KEY_FILE", "if False", 0),
    ("self.trust_config is not None or ", "", 0),
    (" or self.sigstore_ports", "", 0),
    ("if self.keyless and self.timestamp_authority is not None", "if False", 0),
)
