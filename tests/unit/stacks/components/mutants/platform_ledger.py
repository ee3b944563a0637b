"""How the ledger of a platform could be weakened."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_ledger.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("url: SecretStr", "url: str", 0),
    ('parts.scheme not in ("postgresql", "postgres") or ', "", 0),
    (" or not parts.hostname", "", 0),
    ('if parse_qs(parts.query).get("sslmode") != ["verify-full"]', "if False", 0),
    (" and (parts.password is not None or not parts.username)", " and False", 0),
    ("parts.password is not None or ", "", 0),
    (" or not parts.username", "", 0),
    ("if self.ca is not None and named != [CA_FILE]", "if False", 0),
    ("if self.ca is None and named == [CA_FILE]", "if False", 0),
    ("key: PrivateKey\n", "key: str\n", 0),
    ("client_ca: Certificates", "client_ca: str", 0),
    ("ca: Certificates | None", "ca: str | None", 0),
    ("Field(ge=30_000, le=32_767)", "Field(ge=1, le=32_767)", 0),
    ("Field(ge=30_000, le=32_767)", "Field(ge=30_000)", 0),
    ("Field(ge=1, le=604_800)", "Field(le=604_800)", 0),
    ("Field(ge=1, le=604_800)", "Field(ge=1)", 0),
    ("file:/etc/tradeplane-ledger-signing/key\\.pem|", "file:/.+|", 0),
    ("signing_key: SigningKey | None", "signing_key: str | None", 0),
    ("if self.signing_key is not None and self.signer != HEADS_KEY_FILE", "if False", 0),
    ("self.port != self.database.port", "False", 0),
    ("port: Port | None", "port: int | None", 0),
    ("role: RoleArn | None", "role: str | None", 0),
)
