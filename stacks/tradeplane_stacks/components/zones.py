"""Availability zones by their ids (``euw1-az2``).

An id is the same place in every account, where a name (``eu-west-1b``) is another in each.
"""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

ZoneId = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,6}[0-9]-az[0-9]$")]

_BEARING = re.compile("north|south|east|west|central")


def zone_prefix(region: str) -> str:
    """Return how the zone ids of a region begin: eu-west-1 has euw1-az1, ap-northeast-1 has apne1-az1."""
    land, *between, bearing, number = region.split("-")
    return land + "".join(part[0] for part in between) + "".join(b[0] for b in _BEARING.findall(bearing)) + number


def refuse_foreign(region: str, zones: Iterable[str]) -> None:
    """Refuse zones that are not of a region, and one said twice, by ValueError."""
    listed = list(zones)
    if len(set(listed)) != len(listed):
        raise ValueError("zones: each zone once")
    prefix = zone_prefix(region)
    for zone in listed:
        if zone.partition("-")[0] != prefix:
            raise ValueError(f"zones: {zone} is not of {region}, whose zones are {prefix}-az1 and so on")
