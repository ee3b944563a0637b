"""``tradeplane snapshot capture``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradeplane_cli.captures import CapturedChannel, CapturedMarket
from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug, IndexUrl, Output, Store
from tradeplane_cli.printing import OutputFormat

CAPTURE_EPILOG = epilog(
    "tradeplane snapshot capture --market usd-margined --symbol BTCUSDT --every 60s --for 10m",
    "tradeplane snapshot capture --market spot --symbol BTCUSDT --symbol ETHUSDT --channel depth --channel quote",
    "tradeplane snapshot capture --endpoint ws://127.0.0.1:9090 --symbol SYNUSDT --every 10s -o json",
)


def capture(
    symbol: Annotated[
        list[str],
        typer.Option(metavar="SYMBOL", help="Instrument, as the market spells it; give it as often as needed."),
    ],
    market: Annotated[CapturedMarket, typer.Option(help="Which of Binance's protocols is spoken.")] = (
        CapturedMarket.USD_MARGINED
    ),
    channel: Annotated[
        list[CapturedChannel] | None,
        typer.Option(help="What is taken down; give it as often as needed. [default: depth and trade]"),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Of the streams, ws:// or wss://. [default: Binance's own of the market]"),
    ] = None,
    rest: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Of the REST API, http:// or https://. [default: as the endpoint, or Binance's own]"
        ),
    ] = None,
    every: Annotated[str, typer.Option(metavar="TIME", help="How long a bundle is: 60s, 10m or 1h.")] = "60s",
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="End after this time. [default: when interrupted]"),
    ] = None,
    keep: Annotated[int, typer.Option(help="Recordings of sealed bundles to keep in the spool.")] = 0,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the capture. [default: from market and symbols]")
    ] = None,
    spool: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where messages are until their bundle is sealed; the same again goes on with it. "
            "[default: $XDG_STATE_HOME/tradeplane/spool/NAME]",
        ),
    ] = None,
    store: Store = None,
    index: IndexUrl = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Take a market's streams down, and seal them into snapshots that follow each other without overlap or hole.

    Prints a line for each bundle, with -o json an object a line. An interrupt (Ctrl-C) seals what is there. After a
    crash the same command goes on where it was; what was missed meanwhile is a gap in the tape.
    """
    from tradeplane_cli.captures import Asked, run_capture
    from tradeplane_cli.local_store import store_url

    asked = Asked(
        market=market,
        symbols=tuple(symbol),
        channels=tuple(channel or (CapturedChannel.DEPTH, CapturedChannel.TRADE)),
        endpoint=endpoint,
        rest=rest,
        every=every,
        duration=duration,
        keep=keep,
        name=name,
        spool=spool,
    )
    run_capture(asked, store_url(store), index, output)


def add_to(application: typer.Typer) -> None:
    """Add the command to an application."""
    application.command("capture", epilog=CAPTURE_EPILOG, no_args_is_help=True)(capture)
