"""Queues of a platform are of amounts and clusters that there can be."""

from __future__ import annotations

from typing import Any

import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.platform_queues import Queues


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cpu": "0"}, "cpu"),
        ({"cpu": "500m"}, "cpu"),
        ({"memory": "64"}, "memory"),
        ({"memory": "0Gi"}, "memory"),
        ({"workers": ["East"]}, r"workers\.0"),
        ({"workers": ["east", "west", "east"]}, "workers: east more than once"),
        ({"workers": ["east"], "worker": True}, "worker and workers: .*leave out one"),
    ],
)
def test_wrong_queues_are_refused(given: dict[str, Any], message: str) -> None:
    assert not Queues.read({}).worker
    with pytest.raises(InvalidConfiguration, match=message):
        Queues.read(given)
