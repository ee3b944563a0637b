"""What a stack costs, as ``tradeplane stack estimate`` asks and shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeplane_cli.printing import columns
from tradeplane_cli.stacks import PROGRAMS, failures_told

if TYPE_CHECKING:
    from tradeplane_stacks.estimate.monthly import Estimate


@dataclass(frozen=True, slots=True)
class ShownEstimate:
    """An estimate in the forms it is printed in."""

    name: str
    estimate: Estimate

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {"stack": self.name, **self.estimate.as_json()}

    def as_text(self) -> str:
        """Return what is counted, the sums, and all that is not counted."""
        from tradeplane_stacks.estimate.monthly import LEFT_OUT, money

        found = self.estimate
        lines = [
            [one.stack, one.part, one.region, one.what, _range(*map(str, one.count)), money(one.least), money(one.most)]
            for one in found.lines
        ]
        sums = [[*key, money(least), money(most)] for key, (least, most) in found.by_part.items()]
        sums.append(
            ["total" if found.complete else "total of what is priced", "", "", money(found.least), money(found.most)]
        )
        shown = [
            columns(("stack", "part", "region", "what", "count", "at least", "at most"), lines),
            columns(("sum of", "part", "region", "at least", "at most"), sums),
        ]
        for title, rows in (
            ("Not counted, as the table has no price of it:", self._missing()),
            ("By use:", self._uses()),
        ):
            if rows:
                shown.append("\n".join([title, *rows]))
        shown.append("\n".join(["Left out:", *(f"  {text}" for text in LEFT_OUT)]))
        shown.append(f"{found.table.currency} a month, on demand, by prices read on {found.table.read.isoformat()}")
        return "\n\n".join(shown)

    def _missing(self) -> list[str]:
        found = self.estimate
        parts = [f"  {stack} {part}: nothing of it is priced" for stack, part in found.unpriced_parts]
        return parts + [f"  {one.stack} {one.part} {one.region}: {one.what} ({one.item})" for one in found.gaps]

    def _uses(self) -> list[str]:
        return [
            f"  {one.region}: {one.what}, {one.item}: {'no price in the table' if one.price is None else one.price}"
            for one in self.estimate.by_use
        ]


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least}-{most}"


def estimate(folder: Path | None, name: str) -> ShownEstimate:
    """Estimate what a stack costs in a month, by its configuration alone."""
    with failures_told():
        from tradeplane_stacks.estimate.configurations import configurations
        from tradeplane_stacks.estimate.monthly import estimate as monthly
        from tradeplane_stacks.estimate.price_table import price_table

        return ShownEstimate(name, monthly(configurations(_folders(folder), name), price_table()))


def _folders(named: Path | None) -> tuple[Path, ...]:
    """Return the folders of programs: the one named, this one, or all of a checkout."""
    if named is not None:
        return (named,)
    here = Path.cwd()
    if (here / "Pulumi.yaml").is_file():
        return (here,)
    return tuple(sorted(file.parent for file in (here / PROGRAMS).glob("*/Pulumi.yaml")))
