"""What goes to standard output: a table for people, JSON and YAML for programs.

Tables are plain aligned text without colour or frames, as kubectl prints them: they survive a pipe, a log and NO_COLOR.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GAP = "   "


class OutputFormat(StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def show(value: dict[str, Any], form: OutputFormat, table: Callable[[], str]) -> None:
    """Print ``value`` as JSON or YAML, or the table, on standard output."""
    if form is OutputFormat.JSON:
        typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
    elif form is OutputFormat.YAML:
        import yaml

        typer.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    else:
        typer.echo(table())


def columns(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under upper-case headers, columns as wide as their widest cell."""
    lines = [[header.upper() for header in headers], *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headers))]
    return "\n".join(
        GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Names and values, one pair a line, values aligned."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name}:".ljust(width + 1) + GAP + value for name, value in rows)


def printable(text: str) -> str:
    """Return a text with what a terminal would act upon written out: it was somebody else's."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
