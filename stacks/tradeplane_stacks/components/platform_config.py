"""What a platform is made by: images, where results lie, who signs them, and which namespaces run work.

Everything that the operator is told comes from here, so that a wrong field is told before anything is made. Settings
that are not here are the operator's defaults (docs/operator.md).
"""

from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import Field, StringConstraints, field_validator, model_validator

from tradeplane_stacks.components.cluster_access import KubernetesName
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.image_reference import ImageByDigest
from tradeplane_stacks.components.platform_evidence import Evidence
from tradeplane_stacks.components.platform_ledger import Ledger, VolumeHeads
from tradeplane_stacks.components.platform_monitoring import Monitoring
from tradeplane_stacks.components.platform_queues import Queues
from tradeplane_stacks.components.platform_trust import Approvals, ImageTrust
from tradeplane_stacks.components.principals import RoleArn
from tradeplane_stacks.components.s3_location import RegionName, S3Url

_SYSTEM = ("default", "tradeplane-system")

Policy = Literal[
    "approvals",
    "architectures",
    "image-sources",
    "live-trading",
    "resources",
    "restricted-pods",
    "runs",
    "tenancy",
    "verified-images",
]
"""A folder of policies/admission."""
POLICIES: tuple[Policy, ...] = get_args(Policy)
"""Every policy there is."""

# As AdmissionParameters takes them: a prefix with a slash at its end.
RegistryPrefix = Annotated[
    str,
    StringConstraints(
        max_length=255, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?/([a-z0-9]+([._-]+[a-z0-9]+)*/)*$"
    ),
]


class Images(Configuration):
    """The operator's image, the one that runs where a Strategy names none, and by whom images must be attested."""

    operator: ImageByDigest
    workloads: ImageByDigest
    attested: ImageTrust | None = None


class VolumeStore(Configuration):
    """A store on volumes: the claim `tradeplane-store`, in the operator's namespace and in each that runs work."""

    kind: Literal["volume"]
    # A folder of the nodes, one below it for each namespace: volumes and claims are made of it. For clusters of one
    # machine; left out where the cluster provides the claims.
    directory: (
        Annotated[str, StringConstraints(max_length=512, pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$")] | None
    ) = None
    # Whether the operator may delete what Snapshots of the deletionPolicy Delete name.
    removal: bool = False


class S3Store(Configuration):
    """A store in S3, reached by the roles of accounts, or by the Secret `tradeplane-store` of each namespace."""

    kind: Literal["s3"]
    url: S3Url
    region: RegionName
    credentials: Literal["role", "secret"] = "role"
    # A bucket with Object Lock takes no object without one.
    checksum: Literal["SHA256"] | None = None


Store: TypeAlias = Annotated[VolumeStore | S3Store, Field(discriminator="kind")]


class Limits(Configuration):
    """Caps on runs at once; what is beyond waits."""

    runs: Annotated[int, Field(ge=1)] = 1_000
    runs_per_namespace: Annotated[int, Field(ge=1)] = 200


class RunsNamespace(Configuration):
    """A namespace that runs work, of nobody or of a tenant."""

    name: KubernetesName
    # Held to the policies for tenants; the label stays for good.
    tenant: KubernetesName | None = None
    quota: Literal["none", "small", "large"] = "small"
    # Whether its probes, captures and traders may reach brokers and exchanges; all else reaches the store alone.
    brokers: bool = False
    # Whether it has the queue `runs`.
    queue: bool = False
    # Whether its pods may be of images alone that the operator has verified.
    verified_images: bool = False
    runner_role: RoleArn | None = None

    @field_validator("name")
    @classmethod
    def _of_nobody_else(cls, name: str) -> str:
        if name in _SYSTEM or name.startswith("kube-"):
            raise ValueError(f"{name} is the system's: name a namespace of your own")
        return name


Namespaces: TypeAlias = Annotated[tuple[RunsNamespace, ...], Field(max_length=200)]
"""All namespaces that run work."""

Serves: TypeAlias = Literal["cluster", "namespaces"]
"""Whether the operator may see and serve the whole cluster, or these namespaces alone."""

Policies: TypeAlias = Annotated[tuple[Policy, ...], Field(max_length=len(POLICIES))]
"""Which admission policies hold; who leaves one out answers for what it would have refused."""

Registries: TypeAlias = Annotated[tuple[RegistryPrefix, ...], Field(min_length=1, max_length=64)]
"""Registries whose images tenants may run; the runner's own repository where they are left out."""

Architecture: TypeAlias = Literal["amd64", "arm64"]
"""Where nodes are of several, the operator's image may be of one."""

RolloutSeconds: TypeAlias = Annotated[int, Field(ge=10, le=3600)]
"""How long the operator may take to roll out."""


class ActiveRegion(Configuration):
    """Which region of a service this is, and where it is recorded which one leads (docs/stacks/failover.md)."""

    name: RegionName
    table: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
    table_regions: Annotated[tuple[RegionName, ...], Field(min_length=1)]
    valid_seconds: Annotated[int, Field(ge=10, le=300)] = 30


class PlatformConfig(Configuration):
    """All that an installation is made by."""

    images: Images
    store: Store
    evidence: Evidence | None = None
    approvals: Approvals | None = None
    ledger: Ledger | None = None
    queues: Queues | None = None
    # Left out where the cluster has no Prometheus Operator, and so not the kinds.
    monitoring: Monitoring | None = None
    limits: Limits = Limits()
    namespaces: Namespaces = ()
    serves: Serves = "cluster"
    policies: Policies = POLICIES
    registries: Registries | None = None
    # Where the service is in several regions; the operator leads in the active one alone.
    failover: ActiveRegion | None = None
    # Whether accounts have their roles by EKS Pod Identity, whose agent is reached by a way of its own.
    pod_identity: bool = False
    # IAM role of the operator's account, by the annotation of IRSA; EKS Pod Identity needs none.
    operator_role: RoleArn | None = None
    architecture: Architecture | None = None
    rollout_seconds: RolloutSeconds = 600
    # Kinds and namespaces are protected from removal: with them goes every Strategy, and what tenants have.
    protected: bool = True

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        listed: dict[str, list[str]] = {
            "namespaces": [namespace.name for namespace in self.namespaces],
            "policies": [*self.policies],
        }
        for field, names in listed.items():
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{field}: {', '.join(twice)} more than once")
        return self

    @model_validator(mode="after")
    def _namespaces_can_work(self) -> Self:
        for namespace in self.namespaces:
            if fault := self._unfit(namespace):
                raise ValueError(f"namespaces: {namespace.name}: {fault}")
        return self

    def _unfit(self, namespace: RunsNamespace) -> str | None:
        """Return why a namespace could not do what is asked of it."""
        if namespace.tenant is None and "tenancy" in self.policies:
            return "tenant: under the policy tenancy nothing of ours is created in a namespace of nobody: name a tenant"
        if namespace.queue and self.queues is None:
            return "queue: there are no queues: configure queues"
        if namespace.queue and namespace.tenant is not None and "runs" in self.policies:
            return "queue: the policy runs refuses Kueue in namespaces of tenants: leave out queue, or the policy"
        if namespace.verified_images and self.images.attested is None:
            return "verified_images: the operator verifies none: configure images.attested"
        if namespace.verified_images and "verified-images" not in self.policies:
            return "verified_images: the policy verified-images is left out of policies"
        return None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        known = {namespace.name for namespace in self.namespaces}
        for rule in self.approvals.rules if self.approvals is not None else ():
            if strange := sorted({*rule.namespaces} - known):
                raise ValueError(f"approvals.rules: namespaces: {', '.join(strange)} are none of namespaces")
        if self.serves == "namespaces" and not self.namespaces:
            raise ValueError("serves: there are no namespaces to serve: name them, or leave it out")
        if self.serves == "namespaces" and self.ledger is not None:
            raise ValueError("ledger: its recorder sees the whole cluster: leave it out, or serves: namespaces")
        if self.ledger is not None and isinstance(self.ledger.heads, VolumeHeads) and isinstance(self.store, S3Store):
            raise ValueError("ledger.heads: kind: volume needs a store on a volume; heads of this one go to S3")
        if self.queues is not None and self.queues.workers and self.evidence is not None:
            raise ValueError("queues.workers: runs of other clusters are not attested: leave out evidence, or workers")
        return self

    @property
    def image_registries(self) -> tuple[str, ...]:
        """Registries whose images tenants may run."""
        if self.registries is not None:
            return self.registries
        repository = self.images.workloads.partition("@")[0]
        return (f"{repository.rpartition('/')[0]}/",)
