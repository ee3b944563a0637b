"""Tables in the notation of Prometheus's tester."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from tests.integration.alerts.cases import SCRAPED_EVERY_S, TWO_REPLICAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.integration.alerts.cases import Case, Steps, Table, Told

Json = dict[str, Any]
_INTERVAL = f"{SCRAPED_EVERY_S}s"


def trial(rules: Path, tables: Iterable[Table], others: Sequence[str]) -> Json:
    """Return a file that tries tables on rules; ``others``: the alerts that must be silent where no case names them."""
    return {
        "rule_files": [str(rules)],
        "evaluation_interval": _INTERVAL,
        "tests": [_group(table, case, others) for table in tables for case in table.cases],
    }


def _group(table: Table, case: Case, others: Sequence[str]) -> Json:
    silent = [one for one in others if one != table.alert and one not in case.also]
    return {
        "name": f"{table.alert}: {case.name}",
        "interval": _INTERVAL,
        "input_series": [
            {"series": name, "values": values(steps, max(case.told))}
            for name, steps in {**TWO_REPLICAS, **case.series}.items()
        ],
        "alert_rule_test": [
            one
            for minute, told in case.told.items()
            for one in (
                _expected(minute, table.alert, [_fired(table, each) for each in told]),
                *(_expected(minute, alert, []) for alert in silent),
            )
        ],
    }


def _expected(minute: float, alert: str, fired: list[Json]) -> Json:
    return {"eval_time": f"{round(minute * 60)}s", "alertname": alert, "exp_alerts": fired}


def _fired(table: Table, told: Told) -> Json:
    return {
        "exp_labels": {"severity": table.severity, **told.labels},
        "exp_annotations": {"summary": told.summary, "runbook": f"docs/alerts.md#{table.alert.lower()}"},
    }


def values(steps: Steps, until: float) -> str:
    """Return the values that are scraped of a series from the start to a minute."""
    scrapes = [number * SCRAPED_EVERY_S / 60 for number in range(round(until * 60) // SCRAPED_EVERY_S + 1)]
    runs = [(value, len([*same])) for value, same in groupby(_at(steps, minute) for minute in scrapes)]
    # What is repeated is written with how often it is, beside the first time.
    return " ".join(_run(value, times) for value, times in runs)


def _run(value: str, times: int) -> str:
    if value == "stale":  # once: what is gone is not scraped any more
        return "stale" if times == 1 else f"stale _x{times - 1}"
    return f"_x{times}" if value == "_" else f"{value}x{times - 1}"


def _at(steps: Steps, minute: float) -> str:
    begun = [start for start in steps if start <= minute]
    if not begun:
        return "_"
    value = steps[max(begun)]
    return "stale" if value is None else f"{value:g}"
