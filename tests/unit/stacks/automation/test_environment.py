"""In which order the stacks of an environment are come to, and which are not begun any more."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_stacks.automation import environment
from tradeplane_stacks.automation.environment import Environment
from tradeplane_stacks.automation.errors import StackAwaited, StackInterrupted, StackUnavailable
from tradeplane_stacks.automation.interrupts import finishing_on_interrupt
from tradeplane_stacks.automation.stack import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_stacks.programs.program import Program

REGIONS = ("eu-west-1", "us-east-1")
FOLDERS = [f"network/prod.{REGIONS[0]}", f"network/prod.{REGIONS[1]}"]
FOLDERS += [f"cluster/prod.{REGIONS[0]}", f"cluster/prod.{REGIONS[1]}", "platform/prod"]


class Begun(list[str]):
    """Stacks with which something was begun, in order, and what happens to one of them while it is under way."""

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, Callable[[], None]] = {}


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    """Give what is begun with an environment whose stacks have no engine and no configuration."""
    found = Begun()

    class Stack:
        def __init__(self, folder: Path, name: str, *_: Any, engine: object) -> None:
            assert engine == "the engine"
            self.name, self.folder = name, folder
            self.program: Program = next(one for one in environment.PROGRAMS if one.folder == folder.name)

        def configured(self) -> dict[str, Any]:
            return {}

        def refuse_protected(self) -> None:
            """Have nothing that is protected."""

        def up(self) -> Outcome:
            place = f"{self.folder.name}/{self.name}"
            found.append(place)
            with finishing_on_interrupt(lambda _: None):
                found.events.get(place, lambda: None)()
            return Outcome(self.name, self.program.project, "up", (), 0)

        preview = drift = destroy = preview_destroy = up

    monkeypatch.setattr(environment, "Stack", Stack)
    monkeypatch.setattr(environment, "command", lambda: "the engine")
    return found


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def opened(said: list[str] | None = None) -> Environment:
    return Environment(Path("stacks"), "prod", REGIONS, (said if said is not None else []).append)


@pytest.mark.parametrize(
    ("operation", "order"),
    [
        ("preview", FOLDERS),
        ("up", FOLDERS),
        ("drift", FOLDERS),
        ("preview_destroy", FOLDERS[::-1]),
        ("destroy", FOLDERS[::-1]),
    ],
)
def test_what_is_read_comes_first_and_goes_last(operation: str, order: list[str], begun: Begun) -> None:
    assert len(getattr(opened(), operation)()) == len(order)
    assert begun == order


@pytest.mark.parametrize("operation", ["preview", "up", "drift"])
def test_after_an_interrupt_no_further_stack_is_begun_though_the_one_under_way_ended_well(
    operation: str, begun: Begun
) -> None:
    begun.events = {FOLDERS[1]: interrupt}
    with pytest.raises(StackInterrupted, match=r"^stacks/cluster: stack prod\.eu-west-1 was not begun") as error:
        getattr(opened(), operation)()
    assert begun == FOLDERS[:2]
    assert error.value.remedy == "run the same again: it goes on from there"


def test_an_interrupt_of_the_last_stack_that_ended_well_leaves_all_done(begun: Begun) -> None:
    begun.events = {FOLDERS[-1]: interrupt}
    assert len(opened().up()) == len(FOLDERS)


def test_a_second_interrupt_ends_at_once(begun: Begun) -> None:
    def twice() -> None:
        interrupt()
        interrupt()

    begun.events = {FOLDERS[0]: twice}
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        opened().up()
    assert begun == FOLDERS[:1]
    assert signal.getsignal(signal.SIGINT) == before


def test_what_follows_one_that_failed_is_not_begun_and_its_folder_is_named(begun: Begun) -> None:
    def fail() -> None:
        raise StackUnavailable("AWS is away", "wait for it")

    begun.events = {FOLDERS[2]: fail}
    with pytest.raises(StackUnavailable, match=r"^stacks/cluster: AWS is away$"):
        opened().up()
    assert begun == FOLDERS[:3]


def test_a_preview_tells_of_a_stack_that_waits_and_goes_on(begun: Begun) -> None:
    def wait() -> None:
        raise StackAwaited("there is no network", "bring it up first")

    begun.events = {FOLDERS[2]: wait}
    told = opened().preview()
    assert [one.warnings for one in told] == [(), (), ("there is no network; bring it up first",), (), ()]
    assert begun == FOLDERS
