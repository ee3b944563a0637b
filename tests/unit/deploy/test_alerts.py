"""Alerts speak of metrics that the operator has, by values that these take, and tell a person where to read on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import Counter, Gauge, Histogram, generate_latest
from tradeplane_operator import metrics

from tests.unit.deploy.manifests import ROOT, manifests, the

if TYPE_CHECKING:
    from collections.abc import Mapping

ALERTS = [
    rule
    for path, document in manifests("PrometheusRule")
    for group in document["spec"]["groups"]
    for rule in group["rules"]
]
JOB = "tradeplane-operator"
# Of metrics that the operator does not export itself.
OF_PROMETHEUS = {"up"}
# Of those that are set anew every few seconds, and not there before.
SET_ANEW: Mapping[str, set[str]] = {"tradeplane_runs.state": {"running", "waiting"}}


def exported() -> dict[str, set[str]]:
    """Return the names under which the operator's metrics are scraped, each with its labels."""
    scraped = re.findall(r"^# TYPE (\S+) (\w+)$", generate_latest().decode(), re.MULTILINE)
    labels = {
        name: {*metric._labelnames}
        for metric in vars(metrics).values()
        if isinstance(metric, Counter | Gauge | Histogram)
        for name in [next(iter(metric.describe())).name]
    }
    found: dict[str, set[str]] = {}
    for name, kind in scraped:
        if (base := name.removesuffix("_total")) in labels:
            ends = ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)
            found |= {f"{name}{end}": labels[base] for end in ends}
    assert len(found) >= len(labels)
    return found


def there_from_the_start() -> dict[str, set[str]]:
    """Return the values that a label of a counter has before it counts: one that appears is no increase."""
    found: dict[str, set[str]] = {}
    for name, label, value in re.findall(r'^(\w+_total)\{(\w+)="([^"]*)"\}', generate_latest().decode(), re.MULTILINE):
        found.setdefault(f"{name}.{label}", set()).add(value)
    return found


def selectors(expression: str) -> list[tuple[str, dict[str, str]]]:
    """Return the metrics that an expression selects, each with what it asks of labels."""
    found = re.findall(r"\b([a-z_]+)\{([^}]*)\}", expression)
    return [(name, dict(re.findall(r'(\w+)(?:=~|=)"([^"]*)"', asked))) for name, asked in found]


def test_there_are_alerts() -> None:
    names = [rule["alert"] for rule in ALERTS]
    assert len(names) == len({*names}) >= 10


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_what_the_operator_exports(rule: dict[str, Any]) -> None:
    known = exported()
    asked = selectors(rule["expr"])
    assert asked
    assert {name for name, _ in asked} == {*re.findall(r"\b(tradeplane_[a-z_]+|up)\b", rule["expr"])}
    for name, labels in asked:
        assert labels.pop("job") == JOB, name
        if name in OF_PROMETHEUS:
            continue
        assert name in known
        assert labels.keys() <= known[name]
        for label, values in labels.items():
            assert {*values.split("|")} <= {**there_from_the_start(), **SET_ANEW}[f"{name}.{label}"]


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_an_alert_tells_what_is_wrong_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings


def test_no_runbook_is_of_an_alert_that_there_is_not() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "docs/alerts.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings
    assert {*headings} == {rule["alert"] for rule in ALERTS}


def test_the_job_is_what_the_monitor_makes_of_the_service() -> None:
    monitor, service = the("ServiceMonitor", JOB), the("Service", "tradeplane-operator-metrics")
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == JOB
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
