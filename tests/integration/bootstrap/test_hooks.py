"""The hooks that may run at each commit, by pre-commit itself: what they refuse is what `make lint` refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CONFIGURATION = ROOT / ".pre-commit-config.yaml"


def _hooked(folder: Path, hook: str, file: Path, *stage: str) -> subprocess.CompletedProcess[str]:
    """Run one hook on a file. Files are named, so that pre-commit puts no change of the checkout aside."""
    program = Path(sys.executable).with_name("pre-commit")
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    return subprocess.run(
        [str(program), "run", hook, *stage, "--files", str(file)],
        cwd=ROOT,
        env=os.environ | {"PRE_COMMIT_HOME": str(folder / "pre-commit"), "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ("fix(cli): the store is named where it is away", True),
        ("Fixed the store", False),
        ("wip: more", False),
    ],
)
def test_a_message_that_is_no_conventional_commit_is_refused(tmp_path: Path, message: str, passes: bool) -> None:
    file = tmp_path / "message"
    file.write_text(f"{message}\n", encoding="utf-8")
    stage = ("--hook-stage", "commit-msg", "--commit-msg-filename", str(file))
    ended = _hooked(tmp_path, "conventional-commit", file, *stage)
    assert (ended.returncode == 0) is passes, ended.stdout + ended.stderr


def test_every_hook_is_of_the_locked_environment_or_of_this_machine() -> None:
    """None is fetched from elsewhere, where another version of it would judge."""
    configuration = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in configuration["repos"]] == ["local"]
    assert {hook["language"] for hook in configuration["repos"][0]["hooks"]} == {"system"}


def test_what_lint_asks_of_python_and_shell_is_a_hook() -> None:
    configuration = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    entries = " ; ".join(hook["entry"] for hook in configuration["repos"][0]["hooks"])
    for asked in ("ruff format", "ruff check", "lint-imports", "tradeplane_api.generate --check", "mypy", "shellcheck"):
        assert asked in (ROOT / "Makefile").read_text(encoding="utf-8")
        assert asked in entries
