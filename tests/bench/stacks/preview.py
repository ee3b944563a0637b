"""``stacks.preview_s``: a preview of an environment of two regions, five stacks of three programs, on Pulumi's engine.

Networks and clusters are up, as a stack cannot be previewed before those that it reads; the platform is previewed as
made on the clusters, and they as unchanged, each held against the policies of the cloud. The plugin of AWS is the
stand-in of the tests, which runs already, against moto: what AWS itself takes is not in it. That of Kubernetes is the
real one, and the clusters are two API servers of this machine. Runners of CI are left out: their charts are GitHub's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.automation.environment import Environment
from tradeplane_stacks.automation.policy_packs import PLUGIN, write_plugin
from tradeplane_stacks.automation.pulumi_program import build_kubernetes_plugin, kubernetes_plugin_present, locate
from tradeplane_stacks.automation.stack import Stack

from tests.bench.records import Record
from tests.integration.conftest import running_control_plane
from tests.integration.stacks.cloud import cloud
from tests.integration.stacks.conftest import ROOT, Project, copied, plugins
from tests.integration.stacks.two_clusters import named_by_eks

if TYPE_CHECKING:
    from collections.abc import Iterator

PREVIEW = "stacks.preview_s"
REGIONS = ("eu-west-1", "us-east-1")
ROUNDS = 5
POLICIES = ROOT / "policies" / "cloud"


def measure() -> Record:
    """Preview it some times over."""
    with _project() as project:
        project.without_runners()
        environment = Environment(project.programs, "prod", REGIONS, policy_packs=(POLICIES,))
        environment.init()
        for program in ("network", "cluster"):
            for region in REGIONS:
                Stack(project.programs / program, f"prod.{region}").up()
        times = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            outcomes = environment.preview()
            times.append(time.perf_counter() - begun)
        of_platform = outcomes[-1].changes
        objects = sum(change.type.startswith("kubernetes:") for change in of_platform)
        if not objects:
            raise RuntimeError(f"nothing of {outcomes[-1].project} was previewed: {outcomes[-1].warnings}")
        made = sum(len(outcome.changes) for outcome in outcomes)
    timed = (
        f"preview of prod in two regions, five stacks, {made} resources to make, {objects} of them in two clusters, "
        f"with policies; median of {ROUNDS}"
    )
    return Record(PREVIEW, sorted(times)[ROUNDS // 2], "s", None, None, None, timed)


@contextlib.contextmanager
def _project() -> Iterator[Project]:
    """Give the programs with a state and a cloud of their own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        cloud(patch) as served,
        contextlib.ExitStack() as running,
    ):
        home = Path(folder)
        for made in ("plugins", *REGIONS):
            (home / made).mkdir()
        if not kubernetes_plugin_present():
            build_kubernetes_plugin(print)
        servers = {region: running.enter_context(running_control_plane(home / region)) for region in REGIONS}
        running.enter_context(named_by_eks(servers, home, patch))
        environment = running.enter_context(plugins(served.url, home / "plugins"))
        pulumi = locate()
        if shutil.which(PLUGIN) is None:
            write_plugin(pulumi)
        project, own = copied(home, pulumi)
        for name, value in (os.environ | environment | own).items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        yield project
