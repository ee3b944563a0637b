"""What a MetadataDatabase is made by, and in which network it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import pulumi
from pydantic import Field, StringConstraints, model_validator

from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.log_retention import RetentionDays
from tradeplane_stacks.components.placement import Placement, check_account, check_apart, check_regions
from tradeplane_stacks.components.principals import RoleArn
from tradeplane_stacks.components.regions import Region, partitions

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
DatabaseName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
# As RDS has it: hh24:mi-hh24:mi in UTC, half an hour or more.
Window = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

MASTER = "tradeplane_master"
"""Who made the database. Its password is Secrets Manager's, and nobody's in day-to-day use."""


class MetadataDatabaseConfig(Placement):
    """Where the database is, how big, who logs in, and how long it can be had back."""

    region: Region
    # Where backups are copied to; None: nowhere, and a region that is lost takes them along.
    backup_region: Region | None = None
    identifier: Identifier
    database: DatabaseName = "audit"
    # The ledger is tested with this one; RDS chooses the minor version, and keeps it up to date.
    postgres: Literal["15"] = "15"
    instance_class: Annotated[str, StringConstraints(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")] = "db.m7g.large"
    storage_gib: Annotated[int, Field(ge=20)] = 100
    most_storage_gib: Annotated[int, Field(ge=20)] = 1000
    # A role of the database for each, made by who administers it, and granted rds_iam.
    users: Annotated[dict[DatabaseName, RoleArn], Field(min_length=1)]
    backup_days: Annotated[int, Field(ge=7, le=35)] = 35
    backup_window: Window = "02:00-03:00"
    maintenance_day: Weekday = "sun"
    maintenance_window: Window = "04:00-05:00"
    log_days: RetentionDays = 400

    @property
    def partition(self) -> str:
        """The partition of AWS that all of it is in."""
        return partitions()[self.region]

    @property
    def arn(self) -> str:
        """The instance's ARN, which follows from its name."""
        return f"arn:{self.partition}:rds:{self.region}:{self.account}:db:{self.identifier}"

    def log_group(self, kind: str) -> str:
        """Return the name of the log group that RDS writes a kind of log to."""
        return f"/aws/rds/instance/{self.identifier}/{kind}"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.backup_region == self.region:
            raise ValueError("backup_region: another one than region, which it is to outlive")
        regions = (self.region,) if self.backup_region is None else (self.region, self.backup_region)
        users = {f"users.{user}": arn for user, arn in self.users.items()}
        check_regions(regions, [*self.administrator_roles, *users.values()])
        check_account(self, **users)
        check_apart(self, **users)
        if MASTER in self.users:
            raise ValueError(f"users.{MASTER}: made the database, and has a password; log in as somebody else")
        if self.most_storage_gib < self.storage_gib:
            raise ValueError("most_storage_gib: no less than storage_gib")
        return self


@dataclass(frozen=True)
class DatabaseNetwork:
    """Where the database is reached, and by whom: outputs of the network's and the clusters' components."""

    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private ones, in two availability zones or more."""
    clients: Mapping[str, pulumi.Input[str]]
    """Security groups that may connect, by a name for each."""

    def __post_init__(self) -> None:
        if len(self.subnet_ids) < 2:
            raise InvalidConfiguration(
                f"subnet_ids: {len(self.subnet_ids)} given; a standby needs two or more, each in another zone"
            )
        if not self.clients:
            raise InvalidConfiguration("clients: none given; name the security groups that may connect")
