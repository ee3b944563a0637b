"""A cluster on paper: settings, layout and programs, none of which exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from tradeplane_stacks.local import binaries
from tradeplane_stacks.local.certificates import Certificates
from tradeplane_stacks.local.cgroups import CgroupTree, Hierarchy
from tradeplane_stacks.local.control_plane import ControlPlane
from tradeplane_stacks.local.isolation import Isolation
from tradeplane_stacks.local.layout import Layout
from tradeplane_stacks.local.nodes import NodeGroup, cluster_nodes
from tradeplane_stacks.local.settings import Settings

STATE = Path("/state")
PROGRAMS = {
    program: Path("/programs") / program.label
    for program in (*binaries.CONTROL_PLANE, *binaries.NODE, *binaries.ARM64_NODE)
}


@pytest.fixture
def settings() -> Settings:
    return Settings(STATE, Path("/cache"))


@pytest.fixture
def control_plane(settings: Settings) -> ControlPlane:
    return ControlPlane(settings, Layout(STATE), Certificates(Layout(STATE).certificates), PROGRAMS)


@pytest.fixture
def isolation(settings: Settings) -> Isolation:
    return Isolation(settings, Layout(STATE), CgroupTree("tradeplane", (Hierarchy(Path("/cgroup"), unified=True),)))


@pytest.fixture
def group(settings: Settings, isolation: Isolation) -> NodeGroup:
    layout, nodes = Layout(STATE), cluster_nodes(settings)
    images = {node: f"pause:{node.architecture}" for node in nodes}
    certificates = Certificates(layout.certificates)
    return NodeGroup(
        settings, layout, certificates, PROGRAMS, isolation, nodes, images, "/usr/sbin/runc", STATE / "policy.sock"
    )
