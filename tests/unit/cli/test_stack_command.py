"""``tradeplane stack`` where Pulumi is not installed, and what it asks before it changes anything."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_cli.stacks import Shown, ShownEnvironment, folder_of
from tradeplane_stacks.automation.changes import Change
from tradeplane_stacks.automation.stack import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

ROOT = Path(__file__).parents[3]
KEY = Change("evidence", "aws:kms/key:Key", "update", "urn:evidence", ("policy", "tags"))


@pytest.mark.parametrize(
    "command", ["init", "preview", "up", "drift", "destroy", "outputs", "estimate", "cancel", "failover"]
)
def test_without_pulumi_it_says_how_to_install_it(
    command: str, tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = ("tradeplane_stacks.automation", "tradeplane_stacks.estimate", "tradeplane_stacks.programs")
    for name in [name for name in sys.modules if name.startswith(rooms)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pulumi", None)
    needed = {"failover": ["--to", "us-east-1"], "up": ["--yes"], "destroy": ["--yes"], "cancel": ["--yes"]}
    ended = tradeplane("stack", command, "dev", *needed.get(command, []))
    assert ended.code == 2
    assert "pulumi is not installed" in ended.err
    assert "pip install 'tradeplane-stacks[cloud]'" in ended.err


@pytest.mark.parametrize(
    ("operation", "changes", "done", "summary"),
    [
        ("preview", (KEY,), False, "stack dev: 1 change to make, 4 unchanged"),
        ("preview", (), False, "stack dev: nothing to change, 4 unchanged"),
        ("up", (KEY, KEY), True, "stack dev: 2 changes, 4 unchanged"),
        ("up", (), True, "stack dev: no change, 4 unchanged"),
        ("drift", (KEY,), False, "stack dev: 1 change since it was made, 4 unchanged"),
        ("drift", (), False, "stack dev: everything is as it was made, 4 unchanged"),
    ],
)
def test_changes_are_summed_up(operation: str, changes: tuple[Change, ...], done: bool, summary: str) -> None:
    text = Shown(Outcome("dev", "tradeplane-platform", operation, changes, 4), done).as_text()
    assert text.splitlines()[-1] == summary
    assert text.count("~ update   aws:kms/key:Key   evidence   policy, tags") == len(changes)


def test_warnings_are_shown_below() -> None:
    text = Shown(Outcome("dev", "tradeplane-platform", "up", (), 4, ("look out",)), done=True).as_text()
    assert text.splitlines()[-1] == "warning: look out"


def test_an_estimate_is_of_all_programs_of_a_checkout_and_needs_no_program_of_pulumi(
    tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PATH", "")
    ended = tradeplane("stack", "estimate", "prod", "-o", "json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["stack"] == "prod"
    assert {line["stack"].partition("/")[2].partition(".")[0] for line in told["lines"]} == {"prod"}
    assert any(line["what"] == "keys that sign" and line["region"] == "us-east-1" for line in told["lines"])


def test_an_estimate_tells_what_it_leaves_out_and_how_old_its_prices_are(tradeplane: Command) -> None:
    ended = tradeplane("stack", "estimate", "prod", "-C", str(ROOT / "stacks" / "platform"))
    assert ended.code == 0, ended.err
    for told in ("AT LEAST", "total", "Left out:", "taxes", "prices read on 20"):
        assert told in ended.out


@pytest.mark.parametrize(
    ("stack", "told"), [("nosuch", "there is no Pulumi.nosuch.yaml"), ("Prod", "'Prod' is no name of a stack")]
)
def test_an_estimate_of_a_stack_that_is_not_there_is_refused(stack: str, told: str, tradeplane: Command) -> None:
    ended = tradeplane("stack", "estimate", stack, "-C", str(ROOT / "stacks" / "platform"))
    assert ended.code == 2
    assert told in ended.err


def test_an_estimate_of_a_configuration_that_is_wrong_names_the_field(tradeplane: Command, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: tradeplane-platform\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  tradeplane-platform:signing_key: {primary_region: eu-west-9}\n"
    )
    ended = tradeplane("stack", "estimate", "dev", "-C", str(tmp_path))
    assert ended.code == 2
    assert "tradeplane-platform:signing_key.primary_region" in ended.err
    assert "nothing was changed" in ended.err


def test_an_environment_is_shown_by_stack_with_its_program() -> None:
    network = Shown(Outcome("prod.eu-west-1", "tradeplane-network", "up", (KEY,), 2), done=True)
    platform = Shown(Outcome("prod", "tradeplane-platform", "up", (), 4), done=True)
    shown = ShownEnvironment("prod", "up", (network, platform))
    first, second = shown.as_text().split("\n\ntradeplane-platform\n")
    assert first.splitlines()[0] == "tradeplane-network"
    assert first.splitlines()[-1] == "stack prod.eu-west-1: 1 change, 2 unchanged"
    assert second == "stack prod: no change, 4 unchanged"
    assert shown.changes == (KEY,)
    assert [(one["project"], one["stack"]) for one in shown.as_json()["stacks"]] == [
        ("tradeplane-network", "prod.eu-west-1"),
        ("tradeplane-platform", "prod"),
    ]


@pytest.mark.parametrize("command", ["init", "preview", "up", "drift", "destroy"])
def test_an_environment_needs_the_folder_of_all_programs(
    command: str, tradeplane: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = importlib.import_module("tradeplane_stacks.automation.environment")
    monkeypatch.setattr(environment, "command", lambda: None)  # what pulumi is there does not matter
    yes = ["--yes"] if command in ("up", "destroy") else []
    ended = tradeplane("stack", command, "prod", "--region", "eu-west-1", "-C", str(tmp_path), *yes)
    assert ended.code == 2
    assert f"{tmp_path / 'network'} is no project of Pulumi" in ended.err


@pytest.mark.parametrize("command", ["outputs", "cancel"])
def test_what_is_about_one_stack_takes_no_regions(command: str, tradeplane: Command) -> None:
    assert tradeplane("stack", command, "prod", "--region", "eu-west-1").code == 2


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with the programs of a cloud and of the cluster that is there, in which commands are called."""
    for program in ("local", "platform"):
        folder = tmp_path / "stacks" / program
        folder.mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text(f"name: tradeplane-{program}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "stacks"


@pytest.mark.parametrize(("stack", "program"), [("dev", "local"), ("prod", "platform"), ("new", "platform")])
def test_a_stack_of_a_checkout_is_found_by_its_name(stack: str, program: str, checkout: Path) -> None:
    (checkout / "local" / "Pulumi.dev.yaml").touch()
    (checkout / "platform" / "Pulumi.prod.yaml").touch()
    assert folder_of(None, stack) == checkout / program


def test_the_stacks_of_this_repository_have_one_place_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    files = [file for program in ("local", "platform") for file in (ROOT / "stacks" / program).glob("Pulumi.*.yaml")]
    assert {folder_of(None, file.stem.removeprefix("Pulumi.")) / file.name for file in files} == set(files)
    assert folder_of(None, "dev") == ROOT / "stacks" / "local"


@pytest.mark.parametrize("operation", ["init", "up", "destroy"])
def test_a_name_of_two_stacks_is_refused(operation: str, tradeplane: Command, checkout: Path) -> None:
    for program in ("local", "platform"):
        (checkout / program / "Pulumi.dev.yaml").touch()
    ended = tradeplane("stack", operation, "dev", *(["--yes"] if operation != "init" else []))
    assert ended.code == 2
    assert "there are two stacks dev" in ended.err
    assert "-C stacks/platform or -C stacks/local" in ended.err


def test_a_folder_that_is_named_or_is_here_comes_before_those_of_a_checkout(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "local" / "Pulumi.dev.yaml").touch()
    assert folder_of(checkout / "platform", "dev") == checkout / "platform"
    monkeypatch.chdir(checkout / "platform")
    assert folder_of(None, "dev") == checkout / "platform"
