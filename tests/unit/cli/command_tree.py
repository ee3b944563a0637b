"""The commands there are, walked: what has to hold of every command is asked of those that come later as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import typer.main
from tradeplane_cli.main import application

if TYPE_CHECKING:
    from collections.abc import Iterator


class Command(Protocol):
    """A command as click has it, whichever click typer brings."""

    params: list[Any]


NO_DOCUMENT = {
    ("completion",): "prints a script for a shell",
    ("config", "rollback"): "prints an object, as YAML to be applied",
    ("sign-bundle",): "writes a bundle to a file, as the protocol of sigstore-conformance has it",
    ("verify-bundle",): "says one sentence, as the protocol of sigstore-conformance has it",
}
"""Commands that print no table, and so nothing that ``-o json`` could have another form of; and what they print."""


def every_command() -> dict[tuple[str, ...], Command]:
    """Return the commands by the words they are called with."""
    return dict(_below(typer.main.get_command(application()), ()))


def _below(command: Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Command]]:
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield words, command
        return
    for name, subcommand in subcommands.items():
        yield from _below(subcommand, (*words, name))
