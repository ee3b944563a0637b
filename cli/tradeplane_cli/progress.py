"""Progress on a terminal, and nothing at all in a pipe.

It goes to standard error, so standard output stays what a program reads. rich is imported only where there is a
terminal.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradeplane_cli.session import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, ProgressColumn


@contextmanager
def stage(text: str) -> Iterator[Callable[[str], None]]:
    """Say what goes on while it goes on, with the time it takes; yields what is called when something else does."""
    if not is_terminal():
        yield lambda _: None
        return
    from rich.progress import SpinnerColumn

    with _shown(SpinnerColumn()) as progress:
        task = progress.add_task(text, total=None)
        yield lambda now: progress.update(task, description=now)


@contextmanager
def bar(text: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar of ``total`` steps; yields what is called after each."""
    if not is_terminal():
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn

    with _shown(BarColumn(), MofNCompleteColumn()) as progress:
        task = progress.add_task(text, total=total)
        yield lambda: progress.advance(task)


def _shown(*columns: ProgressColumn) -> Progress:
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    return Progress(TextColumn("{task.description}"), *columns, TimeElapsedColumn(), console=console, transient=True)
