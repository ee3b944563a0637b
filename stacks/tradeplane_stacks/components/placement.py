"""In which account what keeps data is, who owns it and who looks after it.

The account is stated, not looked up: names and policies are then plain text that can be checked before anything is
made, and credentials of another account meet policies that refuse them.
"""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.principals import AccountId, RoleArn
from tradeplane_stacks.components.regions import partitions
from tradeplane_stacks.components.tags import Ownership

_DNS_SUFFIX = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}


class Placement(Configuration):
    """Whose account a component is in, and which roles administer it; whoever runs Pulumi has one of those."""

    ownership: Ownership
    account: AccountId
    administrator_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]
    # The longest that KMS has, as what is deleted cannot be had back; fewer than 14 are less than a holiday.
    deletion_window_days: Annotated[int, Field(ge=14, le=30)] = 30


def service_host(service: str, region: str) -> str:
    """Return how KMS names a service of a region through which a key is used."""
    return f"{service}.{region}.{_DNS_SUFFIX[partitions()[region]]}"


def check_regions(regions: tuple[str, ...], arns: Iterable[str]) -> None:
    """Refuse regions twice, and regions and roles of several partitions or of one whose names are not known here."""
    if len(set(regions)) != len(regions):
        raise ValueError("regions: each region once")
    found = {partitions()[region] for region in regions} | {arn.split(":")[1] for arn in arns}
    if len(found) > 1:
        raise ValueError(f"regions and roles are of one partition of AWS, not of {', '.join(sorted(found))}")
    if unknown := found - set(_DNS_SUFFIX):
        raise ValueError(f"regions: of {', '.join(sorted(_DNS_SUFFIX))}, not of {', '.join(unknown)}")


def check_account(placement: Placement, **others: str) -> None:
    """Refuse roles of another account than the component's: what they may do would be decided there."""
    named = {f"administrator_roles.{index}": arn for index, arn in enumerate(placement.administrator_roles)} | others
    for field, arn in named.items():
        if arn.split(":")[4] != placement.account:
            raise ValueError(f"{field}: {arn} is not of account {placement.account}")


def check_apart(placement: Placement, **others: str) -> None:
    """Refuse one role for two purposes, of which each is to be the least."""
    seen: dict[str, str] = dict.fromkeys(placement.administrator_roles, "administrator_roles")
    for field, arn in others.items():
        if arn in seen:
            raise ValueError(f"{field}: {arn} is one of {seen[arn]} as well; give each a role of its own")
        seen[arn] = field
