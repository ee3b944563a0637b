"""``tradeplane exchange serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tradeplane_api.exchange import EXCHANGE_PORT, AtEnd
from tradeplane_api.snapshot_manifest import InstrumentKind

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug, Output, Store
from tradeplane_cli.printing import OutputFormat

HELP = "A simulated exchange that speaks Binance's wire form."

SERVE_EPILOG = epilog(
    "tradeplane exchange serve --synthetic order-book --seed 7 --speed 10",
    "tradeplane exchange serve --synthetic order-book --kind Spot --balance USDT=50000 --balance SYN=2",
    "tradeplane exchange serve sha256:6f1e... --speed 1 --at-end repeat --balance USDT=100000",
    "tradeplane exchange serve --synthetic pair --maker-fee 2 --taker-fee 5 --record exchange.record",
    "tradeplane exchange serve -f exchange.yaml --port 0 -o json | jq -r .rest",
)

Basis = Annotated[str | None, typer.Option(metavar="BASIS-POINTS", help="Of a fill's value; below zero for a rebate.")]


def serve(
    snapshot: Annotated[
        str | None, typer.Argument(metavar="DIGEST", help="Id of a snapshot of tapes in the store.", show_default=False)
    ] = None,
    filename: Annotated[
        Path | None,
        typer.Option(
            "--filename",
            "-f",
            metavar="FILE",
            help="YAML or JSON of a whole specification, in place of the options about the market and accounts.",
        ),
    ] = None,
    synthetic: Annotated[
        str | None,
        typer.Option(metavar="FLOW", help="Order flow made from a seed, in place of a snapshot: order-book or pair."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the synthetic flow.")] = 1,
    messages: Annotated[int, typer.Option(help="Messages of the synthetic flow.")] = 120_000,
    kind: Annotated[
        InstrumentKind, typer.Option(help="What a synthetic flow's instruments are, and so the wire form.")
    ] = InstrumentKind.LINEAR_FUTURE,
    speed: Annotated[
        str, typer.Option(metavar="FACTOR", help="Seconds of the tape that pass in a second of the clock.")
    ] = "1",
    at_end: Annotated[
        AtEnd,
        typer.Option(case_sensitive=False, help="When the tapes are over: the market stands, repeats, or all stops."),
    ] = AtEnd.STAND,
    balance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ASSET=AMOUNT",
            help="What each account begins with; give it as often as needed. [default: USDT=1000000, SYN=1000]",
        ),
    ] = None,
    maker_fee: Basis = None,
    taker_fee: Basis = None,
    leverage: Annotated[int, typer.Option(help="Of futures: value of positions to margin.")] = 20,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="On loopback; 0 takes a free one.")] = EXCHANGE_PORT,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Files apiKey and apiSecret, or a directory of such for each account; made where there are none. "
            "[default: a folder of this user]",
            show_default=False,
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Record the order of all inputs here; go on from it where it is there."),
    ] = None,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Play a market to clients on this machine, and take their orders, until Ctrl-C.

    Prints where it listens once it does. Keys are made where there are none and are never printed: clients read the
    files. docs/simulated-exchange.md says what is as at Binance and what is not.
    """
    from tradeplane_cli.exchange import Serving, serve_exchange, specification_from_file, specification_of
    from tradeplane_cli.local_store import store_url

    if filename is not None:
        specification = specification_from_file(filename)
    else:
        made = {"flow": synthetic, "seed": seed, "messages": messages, "kind": kind} if synthetic else None
        specification = specification_of(
            snapshot=snapshot,
            synthetic=made,
            speed=speed,
            at_end=at_end,
            balances=balance,
            fees=(maker_fee, taker_fee),
            leverage=leverage,
        )
    serve_exchange(Serving(specification, store_url(store), port, keys, record, output))


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("serve", epilog=SERVE_EPILOG, no_args_is_help=True)(serve)
