"""Options that several commands share, so that they mean and say the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer
from tradeplane_api.capture import INDEX_VARIABLE
from tradeplane_api.run import STORE_VARIABLE

from tradeplane_cli.printing import OutputFormat
from tradeplane_cli.session import Session


def _note_format(context: typer.Context, form: OutputFormat) -> OutputFormat:
    context.ensure_object(Session).json_failures = form is OutputFormat.JSON
    return form


def _note_debug(context: typer.Context, debug: bool) -> bool:
    session = context.ensure_object(Session)
    session.debug = session.debug or debug
    return debug


Output = Annotated[
    OutputFormat,
    typer.Option("--output", "-o", help="How to print: table, json or yaml.", callback=_note_format),
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of a failure.", callback=_note_debug, show_default=False)
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar=STORE_VARIABLE,
        help="Store to read and write, such as file:///data or s3://bucket/prefix. "
        "By default a folder of this user: $XDG_DATA_HOME/tradeplane/store.",
        show_default=False,
    ),
]
OtherStore = Annotated[
    str | None,
    typer.Option(
        "--other-store", metavar="URL", help="Store of the other one. [default: the same]", show_default=False
    ),
]
IndexUrl = Annotated[
    str | None,
    typer.Option(
        "--index",
        metavar="URL",
        envvar=INDEX_VARIABLE,
        help="Index of snapshots, such as postgresql://host/database; its password belongs into PGPASSWORD or "
        "PGPASSFILE. By default a SQLite file beside a store on a disk.",
        show_default=False,
    ),
]
