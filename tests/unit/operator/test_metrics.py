"""Everything that Prometheus can scrape of the operator is on its page, under the names and labels it has there."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase
from tradeplane_operator import metrics

PAGE = Path(__file__).parents[3] / "docs" / "operator.md"


def test_the_page_has_every_metric_with_its_labels_and_no_other() -> None:
    metric_families = [
        (next(iter(metric.describe())), metric._labelnames)
        for metric in vars(metrics).values()
        if isinstance(metric, MetricWrapperBase)
    ]
    there = {(one.name + ("_total" if one.type == "counter" else ""), labels) for one, labels in metric_families}
    written = re.findall(r"`(tradeplane_\w+)(?:\{([\w,]+)\})?`", PAGE.read_text(encoding="utf-8"))
    assert {(name, tuple(labels.split(",")) if labels else ()) for name, labels in written} == there
