"""From what each path gave to one verdict, one table and one document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from tests.parity.inputs import write_inputs
from tests.parity.paths import PATHS, NativePath, Outcome, build_programs, runnable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.parity.paths import ParityPath

ROUNDS = 7
"""Times that each path is timed, in turns, so that what else the machine does falls on all of them."""
DIGITS = 16
"""Of a digest, how many the tables show."""
BEGIN = "<!-- the table is written by `make parity`; what stands between these marks is replaced -->"
END = "<!-- end of the table -->"
TABLE = (BEGIN, END)
"""The marks that the table of digests stands between."""
RATES = (
    "<!-- the rates are written by `make parity`; what stands between these marks is replaced -->",
    "<!-- end of the rates -->",
)
"""Those of the rates, which change from run to run."""
SAME, OTHER, ABSENT, NOT_RUN = "=", "≠", "·", "-"


@dataclass(frozen=True, slots=True)
class Report:
    """What every path gave, and why the others gave nothing.

    ``outcomes`` are by the name of the path, in the order of the paths; ``missing`` has the reasons.
    """

    outcomes: Mapping[str, Outcome]
    missing: Mapping[str, str]

    @property
    def cases(self) -> dict[str, str]:
        """Each case and its digest on the first path that has it, which the others are compared with."""
        found: dict[str, str] = {}
        for outcome in self.outcomes.values():
            found |= {case: digest for case, digest in outcome.digests.items() if case not in found}
        return found

    def compared(self, case: str) -> dict[str, bool]:
        """Whether each path that has a case gave the digest of the first."""
        expected = self.cases[case]
        paths = {name: outcome.digests for name, outcome in self.outcomes.items() if case in outcome.digests}
        return {name: digests[case] == expected for name, digests in paths.items()}

    @property
    def identical_fraction(self) -> float:
        """Of all digests, on every path that was run, how many are the one they are compared with."""
        verdicts = [same for case in self.cases for same in self.compared(case).values()]
        return sum(verdicts) / len(verdicts)

    def throughput(self, case: str) -> dict[str, float]:
        """Rate of each path that was timed over that of the first."""
        times = {
            name: outcome.nanoseconds[case] for name, outcome in self.outcomes.items() if case in outcome.nanoseconds
        }
        first = next(iter(times.values()), 1)
        return {name: first / taken for name, taken in times.items()}

    @property
    def timed(self) -> list[str]:
        """Cases that were timed, in order."""
        return list(next((outcome.nanoseconds for outcome in self.outcomes.values() if outcome.nanoseconds), {}))

    def document(self) -> dict[str, object]:
        """Return the report as build/parity.json has it."""
        shows = {path.name: path.shows for path in PATHS}
        return {
            "identicalFraction": self.identical_fraction,
            "paths": [{"name": name, "shows": shows[name], "run": True} for name in self.outcomes]
            + [{"name": name, "shows": shows[name], "run": False, "why": why} for name, why in self.missing.items()],
            "cases": [
                {
                    "name": case,
                    "digests": {n: o.digests[case] for n, o in self.outcomes.items() if case in o.digests},
                    "identical": all(self.compared(case).values()),
                }
                for case in self.cases
            ],
            "nanoseconds": {name: dict(o.nanoseconds) for name, o in self.outcomes.items() if o.nanoseconds},
            "relativeThroughput": {case: self.throughput(case) for case in self.timed},
        }

    def markdown(self) -> str:
        """Write the table of docs/parity.md: the same from run to run, for it holds no time."""
        names = [path.name for path in PATHS]
        rows = [
            f"| `{case}` | `{digest[:DIGITS]}` | {' | '.join(self._cell(case, name) for name in names)} |"
            for case, digest in self.cases.items()
        ]
        paths = [f"- **{path.name}**: {path.shows}{self._absence(path)}." for path in PATHS]
        heading = [f"| case | digest | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
        return "\n".join([*paths, "", *heading, *rows])

    def rates(self) -> str:
        """Write the table of rates of docs/parity.md: of each native path that was timed, over that of the first."""
        names = [name for name, outcome in self.outcomes.items() if outcome.nanoseconds]
        rows = []
        for case in self.timed:
            rates = self.throughput(case)
            rows.append(f"| `{case}` | {' | '.join(f'{rates[name]:.2f}' for name in names)} |")
        return "\n".join([f"| case | {' | '.join(names)} |", "|---" + "|--:" * len(names) + "|", *rows])

    def _absence(self, path: ParityPath) -> str:
        why = self.missing.get(path.name)
        return f". Not run when this table was written: {why}" if why else ""

    def _cell(self, case: str, name: str) -> str:
        if name not in self.outcomes:
            return NOT_RUN
        same = self.compared(case).get(name)
        return ABSENT if same is None else SAME if same else f"{OTHER} `{self.outcomes[name].digests[case][:DIGITS]}`"

    def differences(self) -> list[str]:
        """Name each digest that is another than the one it is compared with."""
        return [
            f"{case} on {name}: {self.outcomes[name].digests[case]}, and {expected} on the first path"
            for case, expected in self.cases.items()
            for name, same in self.compared(case).items()
            if not same
        ]

    def speeds(self) -> Table:
        """Lay out, for people, how fast each path was beside the first."""
        names = [name for name, outcome in self.outcomes.items() if outcome.nanoseconds]
        laid = Table(title=f"Throughput over {names[0] if names else 'none'}")
        for heading in ("case", *names):
            laid.add_column(heading, justify="left" if heading == "case" else "right")
        for case in self.timed:
            rates = self.throughput(case)
            laid.add_row(case, *(f"{rates[name]:.2f}" for name in names))
        return laid


def measure(folder: Path, *, timed: bool = False, say: Callable[[str], None] = lambda _: None) -> Report:
    """Compute the suite on every path that can be run here; inputs go into the folder."""
    files = write_inputs(folder)
    timed_paths: list[NativePath] = []
    outcomes: dict[str, Outcome] = {}
    missing: dict[str, str] = {}
    build_programs(runnable())
    for path in PATHS:
        why = path.missing()
        say(f"could not run: {path.name} ({why})" if why else f"running: {path.name}, {path.shows}")
        if why:
            missing[path.name] = why
        else:
            outcomes[path.name] = path.run(files)
            timed_paths += [path] if timed and isinstance(path, NativePath) and not path.emulated else []
    for path in timed_paths * ROUNDS:
        outcomes[path.name] = outcomes[path.name].with_times_of(path.run(files, timed=True))
    return Report(outcomes, missing)


def with_table(page: str, table: str, marks: tuple[str, str] = TABLE) -> str:
    """Put a table between its marks on a page. Raises ValueError where the page has no such place."""
    first, last = marks
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"the page has no place for the table; it needs the lines\n{first}\n{last}")
    return f"{before}{first}\n\n{table}\n\n{last}{after}"


def documented(page: str) -> dict[str, str]:
    """Read the digests of a page's table, as far as they are shown, by case."""
    rows = [
        line.split("|") for line in page.partition(BEGIN)[2].partition(END)[0].splitlines() if line.startswith("| `")
    ]
    return {cells[1].strip(" `"): cells[2].strip(" `") for cells in rows}
