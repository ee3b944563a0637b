"""``tradeplane run``."""

from __future__ import annotations

from typing import Annotated

import typer

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug, Output, Store
from tradeplane_cli.printing import OutputFormat, pairs, show

EPILOG = epilog(
    "tradeplane run strategy.yaml snapshot.yaml",
    "tradeplane run -f strategy.yaml -f snapshot.yaml",
    "tradeplane run -f strategy.yaml --snapshot sha256:6f1e... --store s3://research/prices",
    "tradeplane run -f strategy.yaml -f snapshot.yaml -o json | jq -r .resultDigest",
    "kubectl get strategy macd -o yaml | tradeplane run -f - -f snapshot.yaml",
)


def run(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="YAML with a Strategy, Snapshots, or both.", show_default=False),
    ] = None,
    more_files: Annotated[
        list[str] | None,
        typer.Option(
            "--filename",
            "-f",
            metavar="FILE",
            help="The same, as kubectl has it: give it as often as needed, - is standard input.",
        ),
    ] = None,
    snapshot: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="Id of the snapshot to run on, in place of spec.snapshotRef."),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which Strategy, where the files hold several.")
    ] = None,
    run_name: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="NAME",
            help="Name of the run; its results lie under it. By default the strategy's name and the start of the run "
            "digest, so that the same again has the same name.",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Run a strategy here, without a cluster.

    The code is the one a pod runs, and so is the result: the result digest printed is the one the cluster reports
    for the same strategy on the same snapshot.
    """
    from tradeplane_cli.execution import run_strategy
    from tradeplane_cli.local_store import store_url

    outcome = run_strategy(
        (*(files or ()), *(more_files or ())), store_url(store), snapshot=snapshot, strategy=strategy, run_name=run_name
    )
    show(outcome.as_json(), output, lambda: pairs(outcome.as_rows()))
