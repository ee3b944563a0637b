"""An image that says what a pod sees, and a namespace of a test's own."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.local.images import StaticImage

from tests.e2e.stacks.registry_push import push

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

_SOURCE = Path(__file__).parent / "probe"


@pytest.fixture(scope="session")
def probe_image(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the probe for both architectures, push it from the machine, and return it by digest."""
    directory = tmp_path_factory.mktemp("probe")
    variants = []
    for architecture in ("amd64", "arm64"):
        program = directory / architecture
        environment = {**os.environ, "CGO_ENABLED": "0", "GOARCH": architecture, "GOFLAGS": "-buildvcs=false"}
        command = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(program), "."]
        subprocess.run(command, cwd=_SOURCE, env=environment, check=True, timeout=300)
        variants.append((architecture, program))
    return push(StaticImage(f"{cluster.registry}/tests/probe:latest", tuple(variants), "/probe"))


@pytest.fixture
def namespace(cluster: EmbeddedCluster) -> Iterator[str]:
    """Make a namespace in which only restricted pods may run, and delete it afterwards."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    client = cluster.client
    client.run("create", "namespace", name)
    client.run("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    client.run("delete", "namespace", name, "--wait=false")
