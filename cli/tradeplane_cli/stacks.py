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
    from collections.abc import Callable, Iterator, Sequence

    from tradeplane_stacks.automation.errors import StackError
    from tradeplane_stacks.automation.stack import Outcome, Output, Stack

_DEFAULT_FOLDER = Path("stacks", "platform")
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
        changes = self.outcome.changes
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

    def _summary(self) -> str:
        count = len(self.outcome.changes)
        number = "1 change" if count == 1 else f"{count} changes" if count else "no change"
        if self.outcome.operation == "drift":
            number = f"{number} since it was made" if count else "everything is as it was made"
        elif not self.done:
            number = f"{number} to make" if count else "nothing to change"
        return f"stack {self.outcome.stack}: {number}, {self.outcome.unchanged} unchanged"


def init(folder: Path | None, name: str) -> None:
    """Make an empty stack."""
    with _opened(folder, name, "Making") as stack:
        stack.init()


def preview(folder: Path | None, name: str, policy_packs: Sequence[Path] = ()) -> Shown:
    """Say what ``up`` would change, held against policy packs."""
    with _opened(folder, name, "Previewing", policy_packs) as stack:
        return Shown(stack.preview(), done=False)


def up(
    folder: Path | None,
    name: str,
    policy_packs: Sequence[Path] = (),
    *,
    yes: bool,
    show: Callable[[Shown], None],
) -> Shown:
    """Bring a stack up, held against policy packs, when somebody has agreed to what that changes."""
    if not yes:
        _agree(preview(folder, name, policy_packs), f"Bring stack {name} up?", show)
    with _opened(folder, name, "Bringing up", policy_packs) as stack:
        return Shown(stack.up(), done=True)


def drift(folder: Path | None, name: str) -> Shown:
    """Say what is otherwise than it was made."""
    with _opened(folder, name, "Comparing") as stack:
        return Shown(stack.drift(), done=False)


def destroy(folder: Path | None, name: str, *, yes: bool, show: Callable[[Shown], None]) -> Shown:
    """Remove all of a stack, when somebody has agreed to what that removes."""
    if not yes:
        with _opened(folder, name, "Looking at") as stack:
            wanted = Shown(stack.preview_destroy(), done=False)
        _agree(wanted, f"Remove all of stack {name}?", show)
    with _opened(folder, name, "Removing") as stack:
        return Shown(stack.destroy(), done=True)


def outputs(folder: Path | None, name: str) -> tuple[Output, ...]:
    """Return what a stack gives to others."""
    with _opened(folder, name, "Reading") as stack:
        return stack.outputs()


def cancel(folder: Path | None, name: str, *, yes: bool) -> tuple[str, ...]:
    """Remove the lock that a killed update left; return what that had begun."""
    if not yes:
        _confirm(f"Is no update of stack {name} running any more, anywhere?")
    with _opened(folder, name, "Unlocking") as stack:
        return stack.cancel()


@contextmanager
def _opened(folder: Path | None, name: str, doing: str, policy_packs: Sequence[Path] = ()) -> Iterator[Stack]:
    """Give a stack, with progress shown, and its errors as failures of the command."""
    title = f"{doing} stack {name}"
    with failures_told():
        from tradeplane_stacks.automation.stack import Stack

        with stage(title) as say:
            yield Stack(folder_of(folder), name, lambda text: say(f"{title}: {text}"), policy_packs)


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


def folder_of(named: Path | None) -> Path:
    """Return the folder of the program: the one named, this one, or that of a checkout."""
    if named is not None:
        return named
    here = Path.cwd()
    return here if (here / "Pulumi.yaml").is_file() else here / _DEFAULT_FOLDER


def _code(error: StackError) -> ExitCode:
    from tradeplane_stacks.automation.errors import StackInvalid, StackUnavailable

    if isinstance(error, StackInvalid):
        return ExitCode.INVALID
    return ExitCode.STORE if isinstance(error, StackUnavailable) else ExitCode.REFUSED


def _agree(wanted: Shown, question: str, show: Callable[[Shown], None]) -> None:
    if not is_terminal():
        raise CommandFailure("nobody is here to agree to it", remedy="give --yes")
    show(wanted)
    _confirm(question)


def _confirm(question: str) -> None:
    if not is_terminal():
        raise CommandFailure("nobody is here to agree to it", remedy="give --yes")
    typer.confirm(question, abort=True, err=True)
