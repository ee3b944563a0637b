"""Runs measurements: ``python -m tests.bench [area or record name ...]``; all of them where none is named.

Each module beside this one that has ``records(names)`` is an area; ``names`` are beginnings of names of records.
Results are printed as a table and written to ``build/bench.json``; records that were not measured this time stay there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

import tests.bench
from tests.bench.records import table

if TYPE_CHECKING:
    from tests.bench.records import Record

OUTPUT = Path("build/bench.json")
SKIPPED = {"__main__", "records", "peers"}


def areas() -> tuple[str, ...]:
    """Name the modules that measure."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(tests.bench.__path__) if m.name not in SKIPPED))


def main(arguments: list[str]) -> int:
    """Measure what is asked for; 2 where a name is unknown."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"areas ({', '.join(areas())}) or names of records (engine.…)")
    names = parser.parse_args(arguments).names or list(areas())
    unknown = [name for name in names if name.split(".")[0] not in areas()]
    if unknown:
        print(f"no such area: {', '.join(unknown)}; there are {', '.join(areas())}", file=sys.stderr)
        return 2
    console = Console(width=160 if not sys.stdout.isatty() else None)
    measured: list[Record] = []
    try:
        for area in dict.fromkeys(name.split(".")[0] for name in names):
            Console(stderr=True).print(f"measuring {area} ...")
            asked = [name for name in names if name.split(".")[0] == area]
            for record in importlib.import_module(f"tests.bench.{area}").records(asked):
                if record.name.startswith(tuple(asked)):
                    measured.append(record)
    finally:  # what was measured before something failed
        write(measured)
        console.print(table(measured))
    return 0


def write(measured: list[Record]) -> None:
    """Write records to build/bench.json, beside those of other areas already there."""
    old = json.loads(OUTPUT.read_text(encoding="utf-8")) if OUTPUT.exists() else []
    new = {record.name: record.document() for record in measured}
    kept = {record["name"]: record for record in old}
    OUTPUT.parent.mkdir(exist_ok=True)
    merged = sorted((kept | new).values(), key=lambda record: str(record["name"]))
    OUTPUT.write_text(json.dumps(merged, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
