"""What an ArtifactRegistry is made by."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tradeplane_stacks.components.placement import Placement, check_account, check_apart, check_regions
from tradeplane_stacks.components.principals import RoleArn
from tradeplane_stacks.components.regions import Region, partitions

# As ECR takes them; shorter than it does, so that a namespace and a Strategy can follow.
RepositoryName = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$", min_length=2, max_length=60
    ),
]


class ArtifactRegistryConfig(Placement):
    """Where the registry is, what it has, and who pushes and pulls it."""

    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    images: Annotated[tuple[RepositoryName, ...], Field(min_length=1)] = ("tradeplane/operator", "tradeplane/workloads")
    results: RepositoryName = "tradeplane/runs"
    operator_role: RoleArn
    publisher_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]
    node_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]
    auditor_roles: tuple[RoleArn, ...] = ()
    # ENHANCED is Amazon Inspector, which has a price for each image.
    scanning: Literal["BASIC", "ENHANCED"] = "BASIC"

    def registry(self, region: str) -> str:
        """Return the host of a region's registry."""
        suffix = ".cn" if partitions()[region] == "aws-cn" else ""
        return f"{self.account}.dkr.ecr.{region}.amazonaws.com{suffix}"

    def results_arn(self, region: str) -> str:
        """Return the ARN that all repositories of results in a region have."""
        return f"arn:{partitions()[region]}:ecr:{region}:{self.account}:repository/{self.results}/*"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        others = {
            f"{field}.{index}": arn
            for field, arns in (
                ("publisher_roles", self.publisher_roles),
                ("node_roles", self.node_roles),
                ("auditor_roles", self.auditor_roles),
            )
            for index, arn in enumerate(arns)
        }
        check_regions(self.regions, [*self.administrator_roles, self.operator_role, *others.values()])
        # Those of others push from, or read in, accounts of their own.
        check_account(self, operator_role=self.operator_role)
        check_apart(self, operator_role=self.operator_role, **others)
        if len(set(self.images)) != len(self.images):
            raise ValueError("images: each name once")
        for index, image in enumerate(self.images):
            if f"{image}/".startswith(f"{self.results}/") or self.results.startswith(f"{image}/"):
                raise ValueError(f"images.{index}: {image} and results ({self.results}) are to be apart")
        return self
