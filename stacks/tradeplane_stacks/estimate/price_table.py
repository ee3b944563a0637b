"""The table of prices in ``prices.yaml``: each with where it was read, by region or for a whole partition of AWS.

AWS publishes its prices by an API that needs the network and, for some, an account; the table is small enough to be
read by a person, and says how old it is.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tradeplane_stacks.components.regions import partitions

HOURS_A_MONTH = Decimal(730)
"""As the AWS Pricing Calculator counts: 8,760 hours of a year over twelve months."""

HOURLY = "/hour"

Item = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.:-]*/(hour|month|GB|GB-month|10k-requests|1k-requests)$")
]
"""What is paid for and by which unit, such as ``nat-gateway/hour`` or ``ec2:m7g.large/hour``."""


class InvalidPrices(ValueError):
    """The table contradicts itself; the message names the item and the region."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Form):
    """Prices that were read in one place, in US dollars, by region (or partition) and item."""

    source: Annotated[str, StringConstraints(min_length=1)]
    prices: dict[str, dict[Item, Annotated[Decimal, Field(gt=0)]]]


class PriceTable(_Form):
    """Prices on demand, without taxes and discounts."""

    read: date
    """The day on which the last of its sources was read."""
    currency: Annotated[str, StringConstraints(pattern=r"^USD$")]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        places = partitions().keys() | set(partitions().values())
        seen: dict[tuple[str, str], str] = {}
        for source in self.sources:
            for place, prices in source.prices.items():
                if place not in places:
                    raise InvalidPrices(f"{source.source}: {place!r} is neither a region nor a partition of AWS")
                for item in prices:
                    if (place, item) in seen:
                        raise InvalidPrices(f"{item} in {place} has two prices; leave one out")
                    seen[place, item] = source.source
        return self

    def price(self, item: str, region: str) -> Decimal | None:
        """Return what a unit of an item costs in a region; None where the table does not know."""
        for place in (region, partitions()[region]):
            for source in self.sources:
                if item in (found := source.prices.get(place, {})):
                    return found[item]
        return None

    def monthly(self, item: str, region: str) -> Decimal | None:
        """Return what one of an item costs that is there for a month, whatever unit it is paid by."""
        price = self.price(item, region)
        return price * HOURS_A_MONTH if price is not None and item.endswith(HOURLY) else price

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> Self:
        """Read a table; pydantic's ``ValidationError``, which has ``InvalidPrices`` in it, says what is wrong."""
        return cls.model_validate(document)


@cache
def price_table() -> PriceTable:
    """Return the table that comes with the package."""
    text = files("tradeplane_stacks.estimate").joinpath("prices.yaml").read_text(encoding="utf-8")
    return PriceTable.parse(yaml.safe_load(text))
