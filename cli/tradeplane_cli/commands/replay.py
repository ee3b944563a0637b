"""``tradeplane replay``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.failures import DIFFERENT, CommandFailure
from tradeplane_cli.options import Debug, Output, Store
from tradeplane_cli.printing import OutputFormat, show

EPILOG = epilog(
    "tradeplane replay macd-sp500-1a2b3c4d5e",
    "tradeplane replay macd-sp500-1a2b3c4d5e --store s3://research/cluster/trading",
    "tradeplane replay macd-sp500-1a2b3c4d5e --parameter fast=5 --parameter slow=20",
    "tradeplane replay sha256:6f1e...",
    "tradeplane replay sha256:6f1e... --tolerance pnl=1,fillPrice=0.5",
    "tradeplane replay sha256:6f1e... --arch arm64 --image registry.example/tradeplane/workloads@sha256:...",
    "tradeplane replay sha256:6f1e... -o json | jq .verdict.divergence",
)


class Processor(StrEnum):
    """A processor to replay on."""

    AMD64 = "amd64"
    ARM64 = "arm64"


def replay(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SNAPSHOT", help="Name of a finished run in the store, or id of the snapshot of a session."
        ),
    ],
    tolerance: Annotated[
        str | None,
        typer.Option(
            metavar="NAME=VALUE,...",
            help="How far execution may lie from what was recorded, decisions being the same: pnl, fillPrice, "
            "fillQuantity, latencyMicroseconds.",
            show_default=False,
        ),
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            metavar="NAME=VALUE",
            help="A parameter in the place of the recorded one; as often as needed. Both sides are then compared and "
            "not judged.",
            show_default=False,
        ),
    ] = None,
    what_if: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="YAML of what is changed, as spec.whatIf of a Replay has it: parameters, fees, latency, costs.",
            show_default=False,
        ),
    ] = None,
    arch: Annotated[
        Processor | None,
        typer.Option(
            help="Processor to replay on: amd64 or arm64. Another one than this is emulated, in a container.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE",
            help="Image of the runner, for another processor; by default TRADEPLANE_IMAGE, or what was pushed.",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Run a finished run again, or replay a recorded session, and judge it by what it left.

    Two verdicts: of the decisions (what the trader did) and of the execution (what came of it; of a session, by the
    record of its exchange, and Unjudged without one). Nothing is written. What ran in the cluster can be replayed
    here, on another processor: the verdicts must be Exact. Ends with exit code 10 when anything differs, and names the
    first record that does.
    """
    from tradeplane_cli.containers import own_architecture
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.replay_options import tolerance_of, what_if_of
    from tradeplane_cli.replays import Place
    from tradeplane_cli.replays import replay as replay_named

    allowed, changed = tolerance_of(tolerance), what_if_of(what_if, parameters or [])
    if allowed is not None and changed is not None:
        raise CommandFailure("a what-if is compared and not judged", remedy="leave out --tolerance")
    place = None if arch is None or arch == own_architecture() else Place(arch.value, image)
    if place is None and image is not None:
        raise CommandFailure("--image is of a replay on another processor", remedy="give --arch, or leave it out")
    found = replay_named(run, store_url(store), tolerance=allowed, what_if=changed, place=place)
    show(found.as_json(), output, found.as_text)
    if found.diverged:
        raise typer.Exit(DIFFERENT)
