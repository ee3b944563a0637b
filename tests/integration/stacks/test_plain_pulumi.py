"""The command ``pulumi`` itself runs a program, in its folder, as docs/stacks/programs.md says."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.automation.language_host import HOST, write_host

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.stacks.cloud import Cloud
    from tests.integration.stacks.conftest import Project


@pytest.fixture(autouse=True)
def _host(pulumi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the host of programs in Python: the published one where it is on PATH, else ours, with this Python."""
    if shutil.which(HOST) is None:
        write_host(pulumi)  # it may have been built before the host was written there
    monkeypatch.setenv("PULUMI_PYTHON_CMD", sys.executable)


def test_a_stack_is_made_and_compared_by_pulumi_alone(project: Project, aws: Cloud) -> None:
    project.keep("sandbox", "signing_key")
    project.run("stack", "init", "sandbox")
    project.run("up", "--refresh", "--yes", "--skip-preview")
    aliases = {one["AliasName"] for one in aws.client("kms", "eu-west-1").list_aliases()["Aliases"]}
    assert "alias/tradeplane-sandbox-signing-key" in aliases
    project.run("refresh", "--preview-only", "--expect-no-changes")
