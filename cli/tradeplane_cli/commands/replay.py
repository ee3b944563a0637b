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
    "tradeplane replay sha256:6f1e...",
    "tradeplane replay sha256:6f1e... -o json | jq .verdict.divergence",
)


def replay(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SNAPSHOT", help="Name of a finished run in the store, or id of the snapshot of a session."
        ),
    ],
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
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.replays import SESSION, replay_run, replay_session

    url = store_url(store)
    found = replay_session(run, url) if run.startswith(SESSION) else replay_run(run, url)
    show(found.as_json(), output, found.as_text)
    if found.diverged:
        raise typer.Exit(DIFFERENT)
