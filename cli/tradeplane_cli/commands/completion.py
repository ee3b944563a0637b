"""``tradeplane completion``, and completion as kubectl asks its plugins for it."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug
from tradeplane_cli.session import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VARIABLE = "_TRADEPLANE_COMPLETE"
NO_FILES = ":4"
"""Directive of cobra's completion protocol that kubectl speaks: offer no files beside what was printed."""

EPILOG = epilog(
    "source <(tradeplane completion bash)",
    "tradeplane completion zsh > ~/.zfunc/_tradeplane",
    "tradeplane completion fish > ~/.config/fish/completions/tradeplane.fish",
)


class Shell(StrEnum):
    """Shells there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell to print a script for.")], debug: Debug = False
) -> None:
    """Print a script that completes tradeplane's commands and options in a shell.

    kubectl (1.26 and later) completes `kubectl tradeplane` by itself when kubectl_complete-tradeplane is on the PATH,
    where it is installed beside this command.
    """
    # typer has no public function for the script of a shell other than the one it was called from.
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell.value))


def complete_for_kubectl(application: Callable[..., object], words: Sequence[str]) -> str:
    """Return what kubectl expects of ``kubectl_complete-tradeplane``: suggestions, one a line, and a directive.

    ``words`` are those after ``kubectl tradeplane``, the last being the one to complete.
    """
    typed = [PROGRAM, *words]
    os.environ.update(COMP_WORDS="\n".join(typed), COMP_CWORD=str(len(typed) - 1), **{VARIABLE: "complete_bash"})
    printed = io.StringIO()
    with redirect_stdout(printed), suppress(SystemExit):  # the way a completion ends
        application(prog_name=PROGRAM)
    return "\n".join([*printed.getvalue().splitlines(), NO_FILES])


def kubectl_complete() -> None:
    """Entry point of ``kubectl_complete-tradeplane``."""
    from tradeplane_cli.main import application

    sys.stdout.write(complete_for_kubectl(application(), sys.argv[1:]) + "\n")
