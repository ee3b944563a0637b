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


@contextmanager
def stage(text: str) -> Iterator[None]:
    """Say what goes on while it goes on, with the time it takes."""
    with bar(text, None):
        yield


@contextmanager
def bar(text: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Show a bar of ``total`` steps (None: length unknown); yields what is called after each step."""
    if not is_terminal():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    counted = [BarColumn(), MofNCompleteColumn()] if total is not None else []
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        *counted,
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task(text, total=total)
        yield lambda: progress.advance(task)
