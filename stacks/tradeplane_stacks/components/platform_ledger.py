"""The audit ledger of a platform: the database it is kept in, the API server's audit log, and heads that are published.

What it needs on a cluster is docs/evidence/ledger-deployment.md. Each Secret is made where the configuration has what
belongs into it, and is somebody else's to make where it does not.
"""

from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.platform_evidence import Port
from tradeplane_stacks.components.platform_keys import Certificates, PrivateKey, SigningKey
from tradeplane_stacks.components.principals import RoleArn
from tradeplane_stacks.components.s3_location import RegionName, S3Url

HEADS_KEY_FILE = "file:/etc/tradeplane-ledger-signing/key.pem"
"""The signer of heads whose key is in a Secret (operator/deploy/components/ledger-heads)."""
CA_FILE = "/etc/tradeplane-ledger/ca.crt"
"""Where the recorder has the certificate that the database's URL names."""
IAM_REGION = "aws_iam_region"
"""Parameter of the database's URL: the region of AWS by whose tokens its user logs in, in place of a password."""
_POSTGRES = 5432


class LedgerDatabase(Configuration):
    """The database, as the recorder connects to it: a secret of the stack."""

    url: SecretStr
    # What `sslrootcert` of the URL names.
    ca: Certificates | None = None

    @field_validator("url")
    @classmethod
    def _verified(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
            raise ValueError("is no URL of a database: postgresql://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full")
        if parse_qs(parts.query).get("sslmode") != ["verify-full"]:
            raise ValueError("is to have sslmode=verify-full: whoever answers could else be anybody")
        if IAM_REGION in parse_qs(parts.query) and (parts.password is not None or not parts.username):
            raise ValueError(f"has {IAM_REGION}, by which a user logs in without a password: give USER@HOST alone")
        return url

    @model_validator(mode="after")
    def _certificate_is_there(self) -> Self:
        named = parse_qs(urlsplit(self.url.get_secret_value()).query).get("sslrootcert", [])
        if self.ca is not None and named != [CA_FILE]:
            raise ValueError(f"ca is mounted as {CA_FILE}, and the URL does not name it: add &sslrootcert={CA_FILE}")
        if self.ca is None and named == [CA_FILE]:
            raise ValueError(f"the URL names {CA_FILE}, and ca is not given")
        return self

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url.get_secret_value()).port or _POSTGRES


class AuditCertificates(Configuration):
    """What the recorder shows to the API server, and by whom that is signed which it believes."""

    certificate: Certificates
    key: PrivateKey
    # It signs the API server's client certificate, and for nobody else.
    client_ca: Certificates


class LedgerAudit(Configuration):
    """The recorder takes the API server's audit log, so that entries say who was authenticated."""

    certificates: AuditCertificates | None = None
    # Port of the nodes, where the API server does not route to Services.
    node_port: Annotated[int, Field(ge=30_000, le=32_767)] | None = None


class Heads(Configuration):
    """How the end of the ledger is signed at intervals."""

    every_seconds: Annotated[int, Field(ge=1, le=604_800)] = 3_600
    signer: Annotated[
        str,
        StringConstraints(
            max_length=1024, pattern=r"^(file:/etc/tradeplane-ledger-signing/key\.pem|awskms:///[A-Za-z0-9:/_-]+)$"
        ),
    ] = HEADS_KEY_FILE
    # The key itself, in PEM: a secret of the stack, and another than signs runs.
    signing_key: SigningKey | None = None

    @model_validator(mode="after")
    def _used(self) -> Self:
        if self.signing_key is not None and self.signer != HEADS_KEY_FILE:
            raise ValueError(f"signing_key is for the signer {HEADS_KEY_FILE}; {self.signer} has its own")
        return self


class VolumeHeads(Heads):
    """Heads on the operator's volume, beside the stores of the namespaces: a demonstration, and no protection."""

    kind: Literal["volume"]


class S3Heads(Heads):
    """Heads in S3, reached by the role of the recorder's account."""

    kind: Literal["s3"]
    url: S3Url
    region: RegionName


PublishedHeads: TypeAlias = Annotated[VolumeHeads | S3Heads, Field(discriminator="kind")]


class Ledger(Configuration):
    """The recorder, and what it is given."""

    # Left out where somebody else makes the Secret tradeplane-ledger.
    database: LedgerDatabase | None = None
    # Where the database listens: the one port that is open beside those of the API server.
    port: Port | None = None
    audit: LedgerAudit | None = None
    heads: PublishedHeads | None = None
    # IAM role of the recorder's account, by the annotation of IRSA.
    role: RoleArn | None = None

    @model_validator(mode="after")
    def _one_port(self) -> Self:
        if self.port is not None and self.database is not None and self.port != self.database.port:
            raise ValueError(f"port: {self.port}, and the URL of database says {self.database.port}; leave out port")
        return self

    @property
    def database_port(self) -> int:
        """Where the database listens."""
        return self.port or (self.database.port if self.database is not None else _POSTGRES)
