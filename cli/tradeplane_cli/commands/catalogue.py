"""``tradeplane snapshot list|reindex``."""

from __future__ import annotations

from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug, IndexUrl, Output, Store
from tradeplane_cli.printing import OutputFormat, show

LIST_EPILOG = epilog(
    "tradeplane snapshot list",
    "tradeplane snapshot list --instrument BTCUSDT --from 2024-08-08 --to 2024-08-09T12:00:00Z",
    "tradeplane snapshot list --instrument BTCUSDT -o json | jq -r '.items[].id'",
)
REINDEX_EPILOG = epilog("tradeplane snapshot reindex", "tradeplane snapshot reindex --store s3://research/prices")


def list_snapshots(
    instrument: Annotated[
        str | None, typer.Option(metavar="SYMBOL", help="Those that hold this instrument.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Those that hold anything from this time on.", show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Those that hold anything before this time.", show_default=False),
    ] = None,
    store: Store = None,
    index: IndexUrl = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """List the snapshots of a store, by start.

    Times are ISO 8601, a date alone its midnight, in UTC where no zone is given. What is listed is what the store's
    index has.
    """
    from tradeplane_cli.catalogue import list_of
    from tradeplane_cli.local_store import store_url

    found = list_of(store_url(store), index, (instrument, since, until))
    show(found.as_json(), output, found.as_text)


def reindex(
    store: Store = None, index: IndexUrl = None, output: Output = OutputFormat.TABLE, debug: Debug = False
) -> None:
    """Build the index of a store again, from the manifests of its snapshots.

    Ends with exit code 3 when the manifest of one cannot be read; the others are entered all the same.
    """
    from tradeplane_cli.catalogue import reindexed
    from tradeplane_cli.local_store import store_url

    built = reindexed(store_url(store), index)
    show(built.as_json(), output, built.as_text)
    if built.faults:
        raise typer.Exit(ExitCode.REFUSED)


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("list", epilog=LIST_EPILOG)(list_snapshots)
    application.command("reindex", epilog=REINDEX_EPILOG)(reindex)
