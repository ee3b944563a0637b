"""A month of a stack: what its parts have, by what the table says that costs. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.estimate.demands import NOTHING_OF_THEIR_OWN, Metered, Standing, demands
from tradeplane_stacks.estimate.price_table import HOURS_A_MONTH, PriceTable

LEFT_OUT = (
    "what is paid by use, listed with its price where the table has one",
    "traffic between zones, to other regions and to the internet",
    "requests to KMS by services that encrypt, and to Secrets Manager",
    "volumes and load balancers that workloads ask for in the cluster",
    "taxes, support plans, free tiers, and discounts such as Savings Plans",
)
"""What no estimate counts."""

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """One thing of a part in a region, and what it costs in a month: at least and at most."""

    stack: str
    part: str
    region: str
    what: str
    count: tuple[int, int]
    least: Decimal
    most: Decimal


@dataclass(frozen=True)
class Gap:
    """Something that is there and that the table has no price of: it is not counted."""

    stack: str
    part: str
    region: str
    what: str
    item: str


@dataclass(frozen=True)
class Use:
    """Something that is paid by use, and its price, None where the table has none."""

    region: str
    what: str
    item: str
    price: Decimal | None


@dataclass(frozen=True)
class Estimate:
    """What stacks cost in a month, and what that leaves out."""

    lines: tuple[Line, ...]
    gaps: tuple[Gap, ...]
    by_use: tuple[Use, ...]
    unpriced_parts: tuple[tuple[str, str], ...]
    """Stack and key of the parts of which nothing is known here, so that nothing of them is counted."""
    table: PriceTable

    @property
    def least(self) -> Decimal:
        """What is paid with every node group and disk at its smallest."""
        return sum((line.least for line in self.lines), Decimal(0))

    @property
    def most(self) -> Decimal:
        """What is paid with every node group and disk at its largest."""
        return sum((line.most for line in self.lines), Decimal(0))

    @property
    def by_part(self) -> dict[tuple[str, str, str], tuple[Decimal, Decimal]]:
        """What each stack's part costs in each region, at least and at most."""
        found: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = {}
        for line in self.lines:
            least, most = found.get(key := (line.stack, line.part, line.region), (Decimal(0), Decimal(0)))
            found[key] = (least + line.least, most + line.most)
        return found

    @property
    def complete(self) -> bool:
        """Whether everything that stands there was counted."""
        return not self.gaps and not self.unpriced_parts

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states; amounts are text, as binary fractions would change them."""
        return {
            "currency": self.table.currency,
            "pricesRead": self.table.read.isoformat(),
            "hoursAMonth": int(HOURS_A_MONTH),
            "total": {"least": money(self.least), "most": money(self.most)},
            "complete": self.complete,
            "lines": [
                {
                    "stack": line.stack,
                    "part": line.part,
                    "region": line.region,
                    "what": line.what,
                    "count": {"least": line.count[0], "most": line.count[1]},
                    "least": money(line.least),
                    "most": money(line.most),
                }
                for line in self.lines
            ],
            "missingPrices": [
                {"stack": gap.stack, "part": gap.part, "region": gap.region, "what": gap.what, "item": gap.item}
                for gap in self.gaps
            ],
            "unpricedParts": [{"stack": stack, "part": part} for stack, part in self.unpriced_parts],
            "byUse": [
                {
                    "region": use.region,
                    "what": use.what,
                    "item": use.item,
                    "price": None if use.price is None else str(use.price),
                }
                for use in self.by_use
            ],
            "leftOut": list(LEFT_OUT),
        }


def money(amount: Decimal) -> str:
    """Write an amount to the cent."""
    return str(amount.quantize(_CENT))


def estimate(stacks: Mapping[str, Mapping[str, Configuration]], table: PriceTable) -> Estimate:
    """Estimate a month of stacks, each given by its name with the checked configurations of its parts, by key."""
    lines: list[Line] = []
    gaps: list[Gap] = []
    uses: dict[Use, None] = {}
    unpriced = []
    for stack, parts in stacks.items():
        for part, config in parts.items():
            wanted = list(demands(config))
            if not wanted and not isinstance(config, NOTHING_OF_THEIR_OWN):
                unpriced.append((stack, part))
            for demand in wanted:
                if isinstance(demand, Metered):
                    price = table.price(demand.item, demand.region)
                    uses[Use(demand.region, demand.what, demand.item, price)] = None
                else:
                    line, missing = _priced(stack, part, demand, table)
                    lines += line
                    gaps += missing
    return Estimate(tuple(lines), tuple(gaps), tuple(uses), tuple(unpriced), table)


def _priced(stack: str, part: str, demand: Standing, table: PriceTable) -> tuple[list[Line], Iterable[Gap]]:
    prices = {item: table.monthly(item, demand.region) for item in demand.items}
    known = [price for price in prices.values() if price is not None]
    if len(known) < len(prices):
        missing = [item for item, price in prices.items() if price is None]
        return [], [Gap(stack, part, demand.region, demand.what, item) for item in missing]
    count = (demand.least, demand.most)
    least, most = min(known) * demand.least, max(known) * demand.most
    return [Line(stack, part, demand.region, demand.what, count, least, most)], []
