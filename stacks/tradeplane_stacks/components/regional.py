"""What the configuration of everything of one region has: where it is, whose it is, and who looks after its keys."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tradeplane_stacks.components.configuration import Configuration, InvalidConfiguration
from tradeplane_stacks.components.principals import AccountId, RoleArn
from tradeplane_stacks.components.regions import Region, partitions
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import Ownership

# Elsewhere AWS has other names for services and for whom they act as.
_PARTITIONS = ("aws", "aws-us-gov")


class RegionalConfig(Configuration):
    """Where something is made, in whose account, and who administers its keys."""

    ownership: Ownership
    region: Region
    account: AccountId
    administrator_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]

    @property
    def partition(self) -> str:
        """The partition of AWS that the region is of."""
        return partitions()[self.region]

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def refuse_stack_of_another_region(self, stack: StackName) -> None:
        """Refuse to be made by a stack whose name says another region."""
        if stack.region not in (None, self.region):
            raise InvalidConfiguration(f"region: {self.region} is not that of stack {stack}")

    @model_validator(mode="after")
    def _of_one_partition(self) -> Self:
        if self.partition not in _PARTITIONS:
            raise ValueError(
                f"region: {self.region} is of {self.partition}; only {', '.join(_PARTITIONS)} are supported"
            )
        for role in self.administrator_roles:
            if role.split(":")[1] != self.partition:
                raise ValueError(f"administrator_roles: {role} is not of {self.partition}, as region {self.region} is")
            # What a role of another account may do would be decided there.
            if role.split(":")[4] != self.account:
                raise ValueError(f"administrator_roles: {role} is not of account {self.account}")
        return self
