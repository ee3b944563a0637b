"""A cluster's ground where another had its name: one that was killed leaves nothing in it, one that runs stays.

What a killed cluster leaves is not only a name: the ends of its pods' network answer for their addresses, so that a
pod that is given one of these is told "connection refused" by a container that ended long ago.
"""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.local.cgroups import CgroupTree
from tradeplane_stacks.local.errors import SettingsError
from tradeplane_stacks.local.isolation import Isolation
from tradeplane_stacks.local.layout import Layout
from tradeplane_stacks.local.nodes import Node, cluster_nodes
from tradeplane_stacks.local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_INSTANCE = "groundtest"
_SUBNETS = {
    "TRADEPLANE_NODE_SUBNET": "10.74.0.0/24",
    "TRADEPLANE_POD_SUBNET": "10.75.0.0/16",
    "TRADEPLANE_SERVICE_SUBNET": "10.76.0.0/16",
}
_LEFT = "left0"
"""An interface in the network of the first cluster, as a pod's end is one."""


@pytest.fixture
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[Isolation, list[Node]]]]:
    """Give clusters of one name by the name of their state directory; all is removed afterwards."""
    states = tmp_path_factory.mktemp("ground")
    made: dict[str, Isolation] = {}

    def of(state: str) -> tuple[Isolation, list[Node]]:
        chosen = {"ARM64": "0", "TRADEPLANE_INSTANCE": _INSTANCE, "TRADEPLANE_STATE": str(states / state), **_SUBNETS}
        settings = Settings.from_environment(chosen)
        layout = Layout(settings.state)
        layout.run.mkdir(parents=True, exist_ok=True)
        made[state] = Isolation(settings, layout, CgroupTree.of_machine(_INSTANCE))
        return made[state], list(cluster_nodes(settings))

    yield of
    for isolation in made.values():
        isolation.remove()


def _ip(*arguments: str) -> str:
    command = ["ip", "-netns", _INSTANCE, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _has_what_was_left() -> bool:
    return _LEFT in _ip("link")


def test_what_a_killed_cluster_left_is_not_the_ground_of_the_next(
    ground: Callable[[str], tuple[Isolation, list[Node]]],
) -> None:
    killed, nodes = ground("killed")
    killed.prepare(["kubelet"], nodes)
    _ip("link", "add", _LEFT, "type", "bridge")
    following, nodes = ground("following")
    following.prepare(["kubelet"], nodes)
    assert not _has_what_was_left()
    assert str(IPv4Network(_SUBNETS["TRADEPLANE_NODE_SUBNET"])) in _ip("route")


def test_preparing_again_keeps_the_ground(ground: Callable[[str], tuple[Isolation, list[Node]]]) -> None:
    isolation, nodes = ground("one")
    isolation.prepare(["kubelet"], nodes)
    _ip("link", "add", _LEFT, "type", "bridge")
    isolation.prepare(["kubelet"], nodes)
    assert _has_what_was_left()


def test_a_cluster_of_the_name_that_runs_is_left_alone(
    ground: Callable[[str], tuple[Isolation, list[Node]]],
) -> None:
    running, nodes = ground("running")
    running.prepare(["kubelet"], nodes)
    _ip("link", "add", _LEFT, "type", "bridge")
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            for listing in running.cgroups.procs_files("components/kubelet"):
                listing.write_text(f"{process.pid}\n", encoding="ascii")
            other, nodes = ground("other")
            with pytest.raises(SettingsError, match=f"already runs from another state directory .*{process.pid}"):
                other.prepare(["kubelet"], nodes)
            assert process.poll() is None
        finally:
            process.kill()
    assert _has_what_was_left()
