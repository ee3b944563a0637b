"""What a platform in several regions is made by, beside what other components tell: images, namespaces, limits.

Each field is the same in every region, so that whichever is active runs the same. Where results lie, who signs, and by
which roles, is said once, where the store, the key and the registry are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from tradeplane_stacks.components.configuration import Configuration, InvalidConfiguration
from tradeplane_stacks.components.ledger_login import LedgerInRegions
from tradeplane_stacks.components.placement import check_regions
from tradeplane_stacks.components.platform_config import (
    POLICIES,
    ActiveRegion,
    Architecture,
    Limits,
    Namespaces,
    PlatformConfig,
    Policies,
    Registries,
    RolloutSeconds,
    S3Store,
    Serves,
)
from tradeplane_stacks.components.platform_evidence import Evidence, SignaturesPerSecond, TimestampAuthority
from tradeplane_stacks.components.platform_ledger import Ledger
from tradeplane_stacks.components.platform_monitoring import Monitoring
from tradeplane_stacks.components.platform_queues import Queues
from tradeplane_stacks.components.platform_trust import Approvals, ImageTrust, SnapshotTrust
from tradeplane_stacks.components.principals import AccountId, RoleArn
from tradeplane_stacks.components.regions import Region
from tradeplane_stacks.components.tags import Ownership

# A repository of ArtifactRegistry, or one of another registry with its host.
RepositoryByDigest = Annotated[
    str,
    StringConstraints(
        max_length=512, pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*@sha256:[0-9a-f]{64}$"
    ),
]
# As registries are told from repositories: https://github.com/distribution/reference, "domain".
_HOST = re.compile(r"localhost|.*[.:].*")


class ImagesInRegions(Configuration):
    """The operator's image, the one that runs where a Strategy names none, and by whom images must be attested."""

    operator: RepositoryByDigest
    workloads: RepositoryByDigest
    attested: ImageTrust | None = None


class Attesting(Configuration):
    """How runs are attested; where to and by which key, registry and key tell."""

    required: bool = False
    timestamp_authority: TimestampAuthority | None = None
    signatures_per_second: SignaturesPerSecond | None = None
    # Who else attests data: runs on them name that.
    snapshots: SnapshotTrust | None = None


@dataclass(frozen=True)
class Told:
    """What other components tell a platform of one region."""

    store: S3Store
    results: str
    signer: str
    repositories: Mapping[str, str]
    """Those of images, by their names."""
    ledger: Ledger | None = None
    """Where the ledger's database is in this region."""
    failover: ActiveRegion | None = None
    """Where the service is moved between regions."""


class PlatformInRegionsConfig(Configuration):
    """What is installed in each region, and who the operator is."""

    ownership: Ownership
    account: AccountId
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    operator_role: RoleArn
    images: ImagesInRegions
    evidence: Attesting = Attesting()
    # The recorder of the audit ledger, which runs in the region of `metadata_database`.
    ledger: LedgerInRegions | None = None
    # Of these, each is as PlatformConfig has it.
    approvals: Approvals | None = None
    queues: Queues | None = None
    monitoring: Monitoring | None = None
    limits: Limits = Limits()
    namespaces: Namespaces = ()
    serves: Serves = "cluster"
    policies: Policies = POLICIES
    registries: Registries | None = None
    architecture: Architecture | None = None
    rollout_seconds: RolloutSeconds = 600
    protected: bool = True

    @model_validator(mode="after")
    def _roles_are_told(self) -> Self:
        check_regions(self.regions, (self.operator_role,))
        for index, namespace in enumerate(self.namespaces):
            if namespace.runner_role is not None:
                raise ValueError(f"namespaces.{index}.runner_role: is that of snapshot_store; leave it out")
        return self

    def of_region(self, told: Told) -> PlatformConfig:
        """Return what the platform of a region is made by.

        Raises:
            InvalidConfiguration: when what is configured here cannot be together.

        """
        same = PlatformConfig.model_fields.keys() & type(self).model_fields.keys()
        evidence = Evidence(registry=told.results, signer=told.signer, **self.evidence.model_dump())
        return PlatformConfig.read(
            {
                **{field: getattr(self, field) for field in same},
                "images": {
                    "operator": _pulled("images.operator", self.images.operator, told.repositories),
                    "workloads": _pulled("images.workloads", self.images.workloads, told.repositories),
                    "attested": self.images.attested,
                },
                "store": told.store,
                "evidence": evidence,
                "ledger": told.ledger,
                "failover": told.failover,
                "operator_role": None,
                "pod_identity": True,
            }
        )


def _pulled(field: str, image: str, repositories: Mapping[str, str]) -> str:
    """Return an image as a region pulls it whose registry has these repositories."""
    name, _, digest = image.partition("@")
    if name in repositories:
        return f"{repositories[name]}@{digest}"
    host, slash, _ = name.partition("/")
    if not slash or not _HOST.fullmatch(host):
        there_are = ", ".join(repositories)
        raise InvalidConfiguration(f"{field}: {name} is none of artifact_registry.images, {there_are}, and has no host")
    return image
