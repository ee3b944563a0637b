"""Who scrapes a platform's metrics, and which alerts are made of them: for clusters with the Prometheus Operator."""

from typing import Annotated

from pydantic import Field, StringConstraints

from tradeplane_stacks.components.configuration import Configuration

# Keys and values of labels, as Kubernetes takes them.
LabelKey = Annotated[
    str,
    StringConstraints(
        max_length=317,
        pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
    ),
]
LabelValue = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$")]


class Monitoring(Configuration):
    """A ServiceMonitor and PrometheusRules (docs/alerts.md)."""

    # By which a Prometheus selects monitors and rules; `release` is what kube-prometheus-stack asks for.
    labels: Annotated[dict[LabelKey, LabelValue], Field(default_factory=dict, max_length=16)]
    interval_seconds: Annotated[int, Field(ge=5, le=120)] = 30
