"""What a Failover is made by: the regions of a service, who moves it, and where it is recorded which one is active."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.placement import check_regions
from tradeplane_stacks.components.principals import AccountId, RoleArn
from tradeplane_stacks.components.regions import Region
from tradeplane_stacks.components.tags import Ownership

# DynamoDB Developer Guide, "How DynamoDB global tables work", availability of multi-Region strong consistency: all
# three regions of a table are of one of these sets.
REGION_SETS = (
    frozenset({"us-east-1", "us-east-2", "us-west-2"}),
    frozenset({"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"}),
    frozenset({"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"}),
)

DnsName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", max_length=253)
]
VpcId = Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]{8,17}$")]


class RecordPlace(Configuration):
    """Where the record of the active region is: two regions that have it and one that votes, of which any may fail."""

    regions: tuple[Region, Region]
    witness: Region

    @property
    def all(self) -> tuple[str, str, str]:
        """All three regions."""
        return (*self.regions, self.witness)

    @model_validator(mode="after")
    def _of_one_set(self) -> Self:
        check_regions(self.all, ())
        if not any(set(self.all) <= allowed for allowed in REGION_SETS):
            sets = "; ".join(", ".join(sorted(allowed)) for allowed in REGION_SETS)
            raise ValueError(f"regions and witness are three of one of these sets, which DynamoDB has: {sets}")
        return self


class PrivateNames(Configuration):
    """A private zone in which one name leads to the active region."""

    zone: DnsName
    vpcs: dict[Region, VpcId]
    # The name of a load balancer of each region, which a client is led to.
    endpoints: dict[Region, DnsName]


class FailoverConfig(Configuration):
    """Which regions are one service, and who may say which of them is active."""

    ownership: Ownership
    account: AccountId
    # The first is active until it is moved.
    regions: Annotated[tuple[Region, ...], Field(min_length=2)]
    record: RecordPlace
    operator_role: RoleArn
    # Whoever runs Pulumi has one of them, as the record is begun by it.
    mover_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]
    # For how long an operator goes by what it read: both how late the old one ends, and how long the new one waits.
    valid_seconds: Annotated[int, Field(ge=10, le=300)] = 30
    names: PrivateNames | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        roles = {"operator_role": self.operator_role}
        roles |= {f"mover_roles.{index}": arn for index, arn in enumerate(self.mover_roles)}
        check_regions(self.regions, roles.values())
        for field, arn in roles.items():
            if arn.split(":")[4] != self.account:
                raise ValueError(f"{field}: {arn} is not of account {self.account}")
        if self.operator_role in self.mover_roles:
            raise ValueError("mover_roles: who is stopped by the record does not write it; leave operator_role out")
        if self.record.witness in self.regions:
            raise ValueError(
                f"record.witness: {self.record.witness} is a region of the service, and would be lost with it; "
                "the switches of names are there"
            )
        for field in ("vpcs", "endpoints"):
            given = set(getattr(self.names, field, self.regions))
            if given != set(self.regions):
                raise ValueError(f"names.{field}: one for each of {', '.join(self.regions)}, and no other")
        return self
