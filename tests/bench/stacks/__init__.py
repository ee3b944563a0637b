"""How long a preview of an environment of two regions takes: five stacks of three programs, on Pulumi's real engine.

Networks and clusters are up, as a stack cannot be previewed before those that it reads; the platform is previewed as
made, and they as unchanged, each held against the policies of the cloud. The plugin is the stand-in of the tests, which
runs already, against moto: what AWS itself takes is not in it.
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
from tradeplane_stacks.automation.pulumi_program import locate
from tradeplane_stacks.automation.stack import Stack

from tests.bench.records import Record
from tests.integration.stacks.cloud import cloud
from tests.integration.stacks.conftest import ROOT, Project, copied, plugins

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

PREVIEW = "stacks.preview_s"
REGIONS = ("eu-west-1", "us-east-1")
ROUNDS = 5
POLICIES = ROOT / "policies" / "cloud"


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the records whose names begin with one of those asked for, or all where none is."""
    return [_preview()] if PREVIEW.startswith(tuple(names) or ("stacks",)) else []


def _preview() -> Record:
    with _project() as project:
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
        if not outcomes[-1].changes:
            raise RuntimeError(f"nothing of {outcomes[-1].project} was previewed")
        made = sum(len(outcome.changes) for outcome in outcomes)
    timed = f"preview of prod in two regions, five stacks, {made} resources to make, with policies; median of {ROUNDS}"
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
        (home / "plugins").mkdir()
        environment = running.enter_context(plugins(served.url, home / "plugins"))
        pulumi = locate()
        if shutil.which(PLUGIN) is None:
            write_plugin(pulumi)
        project, own = copied(home, pulumi)
        for name, value in (os.environ | environment | own).items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        yield project
