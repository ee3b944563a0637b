"""Run the suite on every path, print what differs and how fast each path is, and write the tables.

Two tables go into docs/parity.md: one of digests and no times, which changes only when a result does, and one of rates,
which is of this machine. What was measured goes to the terminal too and, with everything else, into build/parity.json.
"""

from __future__ import annotations

import json
import sys

from rich.console import Console

from tests.parity.paths import CHECKOUT
from tests.parity.report import RATES, measure, with_table

PAGE = CHECKOUT / "docs" / "parity.md"
OUTPUT = CHECKOUT / "build" / "parity.json"


def main() -> int:
    """Write the report; 1 where any digest is another."""
    report = measure(OUTPUT.parent / "parity", timed=True, say=lambda line: print(line, flush=True))
    OUTPUT.write_text(json.dumps(report.document(), indent=2) + "\n", encoding="utf-8")
    page = with_table(PAGE.read_text(encoding="utf-8"), report.markdown())
    PAGE.write_text(with_table(page, report.rates(), RATES), encoding="utf-8")
    Console(width=None if sys.stdout.isatty() else 120).print(report.speeds())
    for difference in report.differences():
        print(f"DIFFERENT: {difference}")
    count = sum(len(outcome.digests) for outcome in report.outcomes.values())
    print(f"identical: {report.identical_fraction:.4f} of {count} digests of {len(report.cases)} cases")
    print(f"wrote {PAGE.relative_to(CHECKOUT)} and {OUTPUT.relative_to(CHECKOUT)}")
    return 1 if report.differences() else 0


if __name__ == "__main__":
    sys.exit(main())
