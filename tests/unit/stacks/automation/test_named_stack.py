"""What the engine is asked of a stack: the command itself, and nothing before or after it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pulumi.automation import CommandResult, LocalWorkspace, PulumiCommand
from semver import VersionInfo
from tradeplane_stacks.automation.named_stack import MASKED, NamedStack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Engine(PulumiCommand):
    """Answers each command alike, and keeps what it was asked."""

    def __init__(self, answer: str = "") -> None:
        self.command, self.version = "pulumi", VersionInfo(3, 220)
        self.asked: list[list[str]] = []
        self._answer = answer

    def run(self, args: list[str], *_: Any, **__: Any) -> CommandResult:
        self.asked.append(args)
        return CommandResult(stdout=self._answer, stderr="", code=0)


def opened(folder: Path, engine: Engine) -> NamedStack:
    (folder / "Pulumi.yaml").write_text("{name: of-a-test, runtime: python}", encoding="utf-8")
    return NamedStack("prod", LocalWorkspace(work_dir=str(folder), pulumi_command=engine))


@pytest.mark.parametrize("change", [NamedStack.up, NamedStack.destroy], ids=lambda one: one.__name__)
def test_a_change_is_one_command_that_names_the_stack(tmp_path: Path, change: Callable[[NamedStack], Any]) -> None:
    engine = Engine()
    assert change(opened(tmp_path, engine)).summary.result == "succeeded"
    ((verb, *arguments),) = engine.asked
    assert verb == change.__name__
    assert arguments[-2:] == ["--stack", "prod"]


def test_outputs_are_asked_for_once_and_without_secrets(tmp_path: Path) -> None:
    engine = Engine(json.dumps({"login": MASKED, "urls": {"a": "https://a.example", "token": MASKED}}))
    found = opened(tmp_path, engine).masked_outputs()
    assert found == {"login": MASKED, "urls": {"a": "https://a.example", "token": MASKED}}
    assert engine.asked == [["stack", "output", "--json", "--stack", "prod"]]


def test_what_the_engine_does_not_answer_as_json_is_no_outputs(tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError):
        opened(tmp_path, Engine("error: nothing")).masked_outputs()
