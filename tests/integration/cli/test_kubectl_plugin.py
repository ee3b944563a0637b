"""The command as kubectl finds and calls it: a real kubectl, a PATH that has the plugin, and no cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_cli.versions import own_version
from tradeplane_stacks.local.binaries import KUBECTL, Binaries

if TYPE_CHECKING:
    from collections.abc import Callable

    Kubectl = Callable[..., subprocess.CompletedProcess[str]]

_INSTALLED = Path(sys.executable).parent
"""Where the command is installed, with its two names for kubectl."""


@pytest.fixture(scope="module")
def program() -> Path:
    """Give the embedded cluster's kubectl."""
    return Binaries.of_user().build((KUBECTL,), print)[KUBECTL]


@pytest.fixture
def kubectl(program: Path, tmp_path: Path) -> Kubectl:
    """Call kubectl with nothing on its PATH but the plugin, unless another is given."""

    def call(*arguments: str, path: str = str(_INSTALLED)) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PATH": path,
            "KUBECONFIG": str(tmp_path / "none"),
            "TRADEPLANE_STORE_URL": tmp_path.as_uri(),
        }
        return subprocess.run(
            [str(program), *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return call


def test_kubectl_lists_the_plugin(kubectl: Kubectl) -> None:
    listed = kubectl("plugin", "list")
    assert listed.returncode == 0, listed.stderr
    assert str(_INSTALLED / "kubectl-tradeplane") in listed.stdout


def test_kubectl_calls_it_and_hands_its_answer_on(kubectl: Kubectl) -> None:
    answered = kubectl("tradeplane", "version")
    assert (answered.returncode, answered.stdout.strip()) == (0, own_version())
    assert "Usage: kubectl tradeplane run" in kubectl("tradeplane", "run", "--help").stdout


def test_its_exit_code_is_the_command_s(kubectl: Kubectl) -> None:
    refused = kubectl("tradeplane", "results", "show", "absent")
    assert refused.returncode == 3
    assert "absent" in refused.stderr


def test_kubectl_completes_its_words(kubectl: Kubectl) -> None:
    offered = kubectl("__complete", "tradeplane", "snapshot", "ve")
    assert "verify" in offered.stdout.splitlines()


def test_where_it_is_not_installed_kubectl_knows_no_such_command(kubectl: Kubectl, tmp_path: Path) -> None:
    refused = kubectl("tradeplane", "version", path=str(tmp_path))
    assert refused.returncode == 1
    assert 'unknown command "tradeplane"' in refused.stderr
