"""Stacks as the commands show and change them; Pulumi itself is in ``tradeplane_stacks.automation``."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.failures import INTERRUPTED, CommandFailure, Problem
from tradeplane_cli.printing import columns
from tradeplane_cli.progress import stage
from tradeplane_cli.session import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradeplane_stacks.automation.changes import Change
    from tradeplane_stacks.automation.errors import StackError
    from tradeplane_stacks.automation.operations import Operations
    from tradeplane_stacks.automation.stack import Outcome, Output, Say, Stack

    Outcomes = Outcome | tuple[Outcome, ...]
    Show = Callable[["Shown | ShownEnvironment"], None]

PROGRAMS = Path("stacks")
"""The folder that has the programs' folders, in a checkout."""
_CLOUD, _LOCAL = PROGRAMS / "platform", PROGRAMS / "local"
"""Folders of one stack: of a cloud, and of the cluster that is there."""
_INSTALL = "pip install 'tradeplane-stacks[cloud]'"
_MARKS = {"create": "+", "update": "~", "replace": "+-", "delete": "-"}


@dataclass(frozen=True, slots=True)
class Shown:
    """An outcome in the forms it is printed in."""

    outcome: Outcome
    done: bool
    """Whether it was done, or would be."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return self.outcome.as_json()

    def as_text(self) -> str:
        """Return a line for each change, and how many there are."""
        changes = self.changes
        rows = [
            [f"{_MARKS.get(one.operation, '')} {one.operation}".strip(), one.type, one.name, ", ".join(one.properties)]
            for one in changes
        ]
        table = [columns(("change", "type", "name", "properties"), rows), ""] if rows else []
        warnings = [f"warning: {text}" for text in self.outcome.warnings]
        broken = [
            f"advice of {one.pack}: {one.resource or 'the stack'} breaks {one.rule}: {one.message}"
            for one in self.outcome.violations
        ]
        return "\n".join([*table, self._summary(), *warnings, *broken])

    @property
    def changes(self) -> tuple[Change, ...]:
        """What differs, or did."""
        return self.outcome.changes

    def _summary(self) -> str:
        count = len(self.outcome.changes)
        number = "1 change" if count == 1 else f"{count} changes" if count else "no change"
        if self.outcome.operation == "drift":
            number = f"{number} since it was made" if count else "everything is as it was made"
        elif not self.done:
            number = f"{number} to make" if count else "nothing to change"
        return f"stack {self.outcome.stack}: {number}, {self.outcome.unchanged} unchanged"


@dataclass(frozen=True, slots=True)
class ShownEnvironment:
    """Outcomes of the stacks of an environment in the forms they are printed in."""

    name: str
    operation: str
    stacks: tuple[Shown, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {"stack": self.name, "operation": self.operation, "stacks": [one.as_json() for one in self.stacks]}

    def as_text(self) -> str:
        """Return what each stack's outcome is, in order."""
        return "\n\n".join(f"{one.outcome.project}\n{one.as_text()}" for one in self.stacks)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Those of all stacks."""
        return tuple(change for one in self.stacks for change in one.changes)


@dataclass(frozen=True, slots=True)
class Target:
    """What a command is about: one stack of one program, or an environment where regions are named."""

    folder: Path | None
    """That of the program, or of all programs where regions are named; None for where they are in a checkout."""
    name: str
    regions: tuple[str, ...] = ()
    policy_packs: tuple[Path, ...] = ()
    """Folders of policy packs that it is held against where something would be made."""

    def show(self, operation: str, outcomes: Outcomes, *, done: bool) -> Shown | ShownEnvironment:
        """Give what was done, or would be, in the forms it is printed in."""
        if isinstance(outcomes, tuple):
            return ShownEnvironment(self.name, operation, tuple(Shown(one, done) for one in outcomes))
        return Shown(outcomes, done)


def init(target: Target) -> None:
    """Make an empty stack, or those of an environment."""
    with _opened(target, "Making") as stack:
        stack.init()


def preview(target: Target) -> Shown | ShownEnvironment:
    """Say what ``up`` would change."""
    with _opened(target, "Previewing") as stack:
        return target.show("preview", stack.preview(), done=False)


def up(target: Target, *, yes: bool, show: Show) -> Shown | ShownEnvironment:
    """Bring it up, when somebody has agreed to what that changes."""
    if not yes:
        _agree(lambda: preview(target), f"Bring stack {target.name} up?", show)
    with _opened(target, "Bringing up") as stack:
        return target.show("up", stack.up(), done=True)


def drift(target: Target) -> Shown | ShownEnvironment:
    """Say what is otherwise than it was made."""
    with _opened(target, "Comparing") as stack:
        return target.show("drift", stack.drift(), done=False)


def destroy(target: Target, *, yes: bool, show: Show) -> Shown | ShownEnvironment:
    """Remove all of it, when somebody has agreed to what that removes."""
    if not yes:
        _agree(lambda: _preview_destroy(target), f"Remove all of stack {target.name}?", show)
    with _opened(target, "Removing") as stack:
        return target.show("destroy", stack.destroy(), done=True)


def _preview_destroy(target: Target) -> Shown | ShownEnvironment:
    with _opened(target, "Looking at") as stack:
        return target.show("destroy", stack.preview_destroy(), done=False)


def outputs(folder: Path | None, name: str) -> tuple[Output, ...]:
    """Return what a stack gives to others."""
    with _opened_one(folder, name, "Reading") as stack:
        return stack.outputs()


def cancel(folder: Path | None, name: str, *, yes: bool) -> tuple[str, ...]:
    """Remove the lock that a killed update left; return what that had begun."""
    if not yes:
        _confirm(f"Is no update of stack {name} running any more, anywhere?")
    with _opened_one(folder, name, "Unlocking") as stack:
        return stack.cancel()


@contextmanager
def _opened_one(folder: Path | None, name: str, doing: str) -> Iterator[Stack]:
    """Give one stack of one program."""
    with _told(name, doing) as say:
        from tradeplane_stacks.automation.stack import Stack

        yield Stack(folder_of(folder, name), name, say)


@contextmanager
def _opened(target: Target, doing: str) -> Iterator[Operations[Outcomes]]:
    """Give a stack or an environment."""
    with _told(target.name, doing) as say:
        from tradeplane_stacks.automation.environment import Environment
        from tradeplane_stacks.automation.stack import Stack

        packs = target.policy_packs
        if target.regions:
            yield Environment(target.folder or Path.cwd() / PROGRAMS, target.name, target.regions, say, packs)
        else:
            yield Stack(folder_of(target.folder, target.name), target.name, say, packs)


@contextmanager
def _told(name: str, doing: str) -> Iterator[Say]:
    """Show what goes on with a stack, and tell its errors as failures of the command."""
    title = f"{doing} stack {name}"
    with failures_told(), stage(title) as show:

        def say(text: str) -> None:
            show(f"{title}: {text}")

        yield say


@contextmanager
def failures_told() -> Iterator[None]:
    """Tell errors of stacks as failures of the command, and that Pulumi is missing where it is."""
    try:
        from tradeplane_stacks.automation.errors import StackError, StackInterrupted
        from tradeplane_stacks.components.configuration import InvalidConfiguration
        from tradeplane_stacks.programs.program import ConfigurationRefused
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    try:
        yield
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    except StackInterrupted as error:
        typer.echo(f"{error}; {error.remedy}", err=True)
        raise typer.Exit(INTERRUPTED) from error
    except StackError as error:
        raise CommandFailure(str(error), code=_code(error), remedy=error.remedy) from error
    except ConfigurationRefused as error:
        file = f"Pulumi.{error.stack}.yaml"
        raise CommandFailure(
            f"the configuration of stack {error.stack} is not valid; nothing was changed",
            problems=tuple(Problem(fault.message, file=file, field=fault.field) for fault in error.faults),
        ) from error
    except InvalidConfiguration as error:
        raise CommandFailure(f"{error}; nothing was changed") from error


def _not_installed(error: ModuleNotFoundError) -> CommandFailure:
    return CommandFailure(f"stacks need Pulumi, and {error.name} is not installed", remedy=_INSTALL)


def folder_of(named: Path | None, stack: str) -> Path:
    """Return the folder of the program: the one named, this one, or that of a checkout which has the stack.

    Raises:
        CommandFailure: a stack of that name is configured for a cloud and for the cluster that is there.

    """
    if named is not None:
        return named
    here = Path.cwd()
    if (here / "Pulumi.yaml").is_file():
        return here
    having = [folder for folder in (_CLOUD, _LOCAL) if (here / folder / f"Pulumi.{stack}.yaml").is_file()]
    if len(having) > 1:
        which = " or ".join(f"-C {folder}" for folder in having)
        raise CommandFailure(
            f"there are two stacks {stack}: of a cloud, and of the cluster that is there", remedy=which
        )
    return here / (having[0] if having else _CLOUD)


def _code(error: StackError) -> ExitCode:
    from tradeplane_stacks.automation.errors import StackInvalid, StackUnavailable

    if isinstance(error, StackInvalid):
        return ExitCode.INVALID
    return ExitCode.STORE if isinstance(error, StackUnavailable) else ExitCode.REFUSED


def _agree(look: Callable[[], Shown | ShownEnvironment], question: str, show: Show) -> None:
    _need_somebody()
    show(look())
    _confirm(question)


def _confirm(question: str) -> None:
    _need_somebody()
    typer.confirm(question, abort=True, err=True)


def _need_somebody() -> None:
    if not is_terminal():
        raise CommandFailure("nobody is here to agree to it", remedy="give --yes")
