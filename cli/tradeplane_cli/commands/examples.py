"""Examples and exit codes below the help of each command."""

from __future__ import annotations

from tradeplane_cli.failures import EXIT_CODES

KEEP_LINES = "\b"
"""Tells the help's formatter to leave the lines of a paragraph as they are."""


def epilog(*examples: str) -> str:
    """Return the examples of a command, as typed in a shell."""
    return "\n".join([KEEP_LINES, "Examples:", *(f"  {example}" for example in examples)])


def exit_codes() -> str:
    """Return the exit codes of every command."""
    return "\n".join([KEEP_LINES, "Exit codes:", *(f"  {int(code):>3}  {text}" for code, text in EXIT_CODES.items())])
