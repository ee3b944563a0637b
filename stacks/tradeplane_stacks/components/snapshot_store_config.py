"""What a SnapshotStore is made by."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.placement import Placement, check_account, check_apart, check_regions
from tradeplane_stacks.components.principals import RoleArn
from tradeplane_stacks.components.regions import Region, partitions
from tradeplane_stacks.components.retention import Retention

# S3's own: Standard-IA takes objects from 30 days on, and another 30 have to be spent in it.
LEAST_DAYS_OF_A_TIER = 30


class Tiers(Configuration):
    """After how many days a version goes to a cheaper class; what lies there is still read at once, at a price."""

    infrequent_access_days: Annotated[int, Field(ge=LEAST_DAYS_OF_A_TIER)] = 90
    glacier_instant_days: Annotated[int, Field(ge=2 * LEAST_DAYS_OF_A_TIER)] = 365

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.glacier_instant_days < self.infrequent_access_days + LEAST_DAYS_OF_A_TIER:
            raise ValueError(f"glacier_instant_days: at least {LEAST_DAYS_OF_A_TIER} after infrequent_access_days")
        return self


class SnapshotStoreConfig(Placement):
    """Where the store is, who reads and writes it, and how long it keeps what it has."""

    # With account, region and "-logs" it is a bucket's name, of at most 63 characters.
    bucket_prefix: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,26}[a-z0-9]$")]
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    operator_role: RoleArn
    runner_role: RoleArn
    reader_roles: tuple[RoleArn, ...] = ()
    retention: Retention
    tiers: Tiers = Tiers()
    # Versions that were replaced: no day before their lock ends, so that all go by one rule. The lock's by default.
    noncurrent_version_days: Annotated[int, Field(ge=1)] | None = None
    access_log_days: Annotated[int, Field(ge=90)] = 400

    @property
    def partition(self) -> str:
        """The partition of AWS that all of it is in."""
        return partitions()[self.regions[0]]

    @property
    def noncurrent_days(self) -> int:
        """After how many days a version that was replaced is gone."""
        return self.noncurrent_version_days or self.retention.in_days

    def bucket_name(self, region: str) -> str:
        """Return the name of a region's bucket; the account is in it, as all accounts' names are one space."""
        return f"{self.bucket_prefix}-{self.account}-{region}"

    def bucket_arn(self, region: str) -> str:
        """Return the bucket's ARN, which follows from its name."""
        return f"arn:{self.partition}:s3:::{self.bucket_name(region)}"

    def log_bucket_name(self, region: str) -> str:
        """Return the name of the bucket that has the access log of a region's."""
        return f"{self.bucket_name(region)}-logs"

    def log_bucket_arn(self, region: str) -> str:
        """Return the log bucket's ARN."""
        return f"{self.bucket_arn(region)}-logs"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        used = {"operator_role": self.operator_role, "runner_role": self.runner_role}
        readers = {f"reader_roles.{index}": arn for index, arn in enumerate(self.reader_roles)}
        check_regions(self.regions, [*self.administrator_roles, *used.values(), *self.reader_roles])
        check_account(self, **used, **readers)
        check_apart(self, **used, **readers)
        if self.noncurrent_days < self.retention.in_days:
            raise ValueError(
                f"noncurrent_version_days: {self.noncurrent_days} are fewer than the {self.retention.in_days} of "
                "retention; what is locked is not removed"
            )
        return self
