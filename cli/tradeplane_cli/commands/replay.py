"""``tradeplane replay``."""

from __future__ import annotations

from typing import Annotated

import typer

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.failures import DIFFERENT
from tradeplane_cli.options import Debug, Output, Store
from tradeplane_cli.printing import OutputFormat, show

EPILOG = epilog(
    "tradeplane replay macd-sp500-1a2b3c4d5e",
    "tradeplane replay macd-sp500-1a2b3c4d5e --store s3://research/cluster/trading",
    "tradeplane replay macd-sp500-1a2b3c4d5e -o json | jq .verdict.divergence",
)


def replay(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a finished run in the store.")],
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Run a finished run again, from what its manifest says it was, and judge it by what it left.

    Two verdicts: of the decisions (what the trader did) and of the execution (what came of it). Nothing is written. A
    run of the cluster can be replayed here, on another processor: the verdicts must be Exact. Ends with exit code 10
    when anything differs, and names the first record that does.
    """
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.replays import replay_run

    found = replay_run(run, store_url(store))
    show(found.as_json(), output, found.as_text)
    if not found.exact:
        raise typer.Exit(DIFFERENT)
