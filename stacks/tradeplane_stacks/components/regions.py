"""Regions of AWS, from the partition data that botocore brings along: no network is asked.

A misspelt region would be found by AWS only after half of a stack was made.
"""

from functools import cache
from typing import Annotated

from botocore.session import Session
from pydantic import AfterValidator


@cache
def partitions() -> dict[str, str]:
    """Return the partition of each region in which KMS is offered, as all that is kept here is encrypted by it."""
    session = Session()
    return {
        region: partition
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("kms", partition_name=partition)
    }


def known(region: str) -> str:
    """Refuse a region that AWS does not have."""
    if region not in partitions():
        raise ValueError(f"{region!r} is no region of AWS with KMS; write one such as eu-west-1")
    return region


Region = Annotated[str, AfterValidator(known)]
