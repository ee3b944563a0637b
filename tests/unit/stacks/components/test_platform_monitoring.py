"""What monitoring is told is such as Kubernetes and Prometheus take."""

from __future__ import annotations

from typing import Any

import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.platform_monitoring import Monitoring


def test_labels_as_kubernetes_takes_them() -> None:
    labels = {"release": "kube-prometheus-stack", "monitoring.example/team": "Platform_1", "empty": ""}
    assert Monitoring.read({"labels": labels}).labels == labels
    assert Monitoring.read({}).interval_seconds == 30


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": {"release": "a b"}}, r"labels\.release"),
        ({"labels": {"release": "-a"}}, r"labels\.release"),
        ({"labels": {"release": "a" * 64}}, r"labels\.release"),
        ({"labels": {"-release": "a"}}, r"labels\.-release"),
        ({"labels": {"a/b/c": "a"}}, r"labels\.a/b/c"),
        ({"labels": {f"l{number}": "a" for number in range(17)}}, "labels"),
        ({"interval_seconds": 4}, "interval_seconds"),
        ({"interval_seconds": 121}, "interval_seconds"),
        ({"rules": "mine.yaml"}, "rules: Extra inputs"),
    ],
)
def test_others_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        Monitoring.read(given)
