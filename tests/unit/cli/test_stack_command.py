"""``tradeplane stack`` where Pulumi is not installed, and what it asks before it changes anything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tradeplane_cli.stacks import Shown
from tradeplane_stacks.automation.changes import Change
from tradeplane_stacks.automation.stack import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

KEY = Change("evidence", "aws:kms/key:Key", "update", "urn:evidence", ("policy", "tags"))


@pytest.mark.parametrize("command", ["init", "preview", "up", "drift", "destroy", "outputs", "cancel", "failover"])
def test_without_pulumi_it_says_how_to_install_it(
    command: str, tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("tradeplane_stacks.automation")]:
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
    text = Shown(Outcome("dev", operation, changes, 4), done).as_text()
    assert text.splitlines()[-1] == summary
    assert text.count("~ update   aws:kms/key:Key   evidence   policy, tags") == len(changes)


def test_warnings_are_shown_below() -> None:
    text = Shown(Outcome("dev", "up", (), 4, ("look out",)), done=True).as_text()
    assert text.splitlines()[-1] == "warning: look out"
