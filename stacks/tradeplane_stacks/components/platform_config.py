"""What a platform is made by: images, where results lie, who signs them, and which namespaces run work.

Everything that the operator is told comes from here, so that a wrong field is told before anything is made. Settings
that are not here are the operator's defaults (docs/operator.md).
"""

from typing import Annotated, Literal, Self, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from tradeplane_stacks.components.cluster_access import KubernetesName
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.image_reference import ImageByDigest
from tradeplane_stacks.components.principals import RoleArn

KEY_FILE = "file:/etc/tradeplane-signing/key.pem"
"""The signer whose key is in the Secret of the operator's namespace (operator/deploy/components/evidence)."""
_SYSTEM = ("default", "tradeplane-system")

# What the operator's own settings take (docs/operator.md), and of signers those that need no more than is here.
Registry = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9.\[\]:-]+(/[a-z0-9][a-z0-9._-]*)*$")]
Signer = Annotated[
    str,
    StringConstraints(max_length=1024, pattern=r"^(file:/etc/tradeplane-signing/key\.pem|awskms:///[A-Za-z0-9:/_-]+)$"),
]
# As AdmissionParameters takes them: a prefix with a slash at its end.
RegistryPrefix = Annotated[
    str,
    StringConstraints(
        max_length=255, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?/([a-z0-9]+([._-]+[a-z0-9]+)*/)*$"
    ),
]


class Images(Configuration):
    """The operator's image, and the one that runs where a Strategy names none."""

    operator: ImageByDigest
    workloads: ImageByDigest


class VolumeStore(Configuration):
    """A store on volumes: the claim `tradeplane-store`, in the operator's namespace and in each that runs work."""

    kind: Literal["volume"]


class S3Store(Configuration):
    """A store in S3, reached by the roles of accounts, or by the Secret `tradeplane-store` of each namespace."""

    kind: Literal["s3"]
    url: Annotated[str, StringConstraints(max_length=1024, pattern=r"^s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9._-]+)*$")]
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    credentials: Literal["role", "secret"] = "role"


Store: TypeAlias = Annotated[VolumeStore | S3Store, Field(discriminator="kind")]


class Evidence(Configuration):
    """Where runs are attested, and who signs."""

    registry: Registry
    signer: Signer
    # The key itself, in PEM: a secret of the stack. Left out where somebody else makes the Secret.
    signing_key: SecretStr | None = None
    plain_http: bool = False
    required: bool = False
    timestamp_authority: Annotated[str, StringConstraints(max_length=512, pattern=r"^https?://")] | None = None

    @field_validator("signing_key")
    @classmethod
    def _signs(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None:
            return None
        try:
            found = load_pem_private_key(key.get_secret_value().encode(), password=None)
        except (TypeError, ValueError):
            raise ValueError("is no private key in PEM without a passphrase") from None
        if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != "secp256r1":
            raise ValueError("is to be a key of the curve P-256")
        return key

    @model_validator(mode="after")
    def _used(self) -> Self:
        if self.signing_key is not None and self.signer != KEY_FILE:
            raise ValueError(f"signing_key is for the signer {KEY_FILE}; {self.signer} has its own")
        return self


class Limits(Configuration):
    """Caps on runs at once; what is beyond waits."""

    runs: Annotated[int, Field(ge=1)] = 1_000
    runs_per_namespace: Annotated[int, Field(ge=1)] = 200


class RunsNamespace(Configuration):
    """A namespace that runs work, of nobody or of a tenant."""

    name: KubernetesName
    # Held to the policies for tenants; the label stays for good.
    tenant: KubernetesName | None = None
    quota: Literal["small", "large"] = "small"
    # Whether its probes, captures and traders may reach brokers and exchanges; all else reaches the store alone.
    brokers: bool = False
    runner_role: RoleArn | None = None

    @field_validator("name")
    @classmethod
    def _of_nobody_else(cls, name: str) -> str:
        if name in _SYSTEM or name.startswith("kube-"):
            raise ValueError(f"{name} is the system's: name a namespace of your own")
        return name


class PlatformConfig(Configuration):
    """All that an installation is made by."""

    images: Images
    store: Store
    evidence: Evidence | None = None
    limits: Limits = Limits()
    namespaces: Annotated[tuple[RunsNamespace, ...], Field(max_length=200)] = ()
    # Registries whose images tenants may run; the runner's own repository where it is left out.
    registries: Annotated[tuple[RegistryPrefix, ...], Field(min_length=1, max_length=64)] | None = None
    # IAM role of the operator's account, by the annotation of IRSA; EKS pod identity needs none.
    operator_role: RoleArn | None = None
    # Where nodes are of several, the operator's image may be of one.
    architecture: Literal["amd64", "arm64"] | None = None
    # How long the operator may take to roll out.
    rollout_seconds: Annotated[int, Field(ge=10, le=3600)] = 600
    # Kinds and namespaces are protected from removal: with them goes every Strategy, and what tenants have.
    protected: bool = True

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [namespace.name for namespace in self.namespaces]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"namespaces: {', '.join(twice)} more than once")
        return self

    @property
    def image_registries(self) -> tuple[str, ...]:
        """Registries whose images tenants may run."""
        if self.registries is not None:
            return self.registries
        repository = self.images.workloads.partition("@")[0]
        return (f"{repository.rpartition('/')[0]}/",)
