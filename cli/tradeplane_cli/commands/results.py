"""``tradeplane results list|show|diff|bootstrap|report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.failures import DIFFERENT
from tradeplane_cli.options import Debug, OtherStore, Output, Store
from tradeplane_cli.printing import OutputFormat, columns, pairs, show

HELP = "Results of runs in a store."

LIST_EPILOG = epilog(
    "tradeplane results list",
    "tradeplane results list --store s3://research/prices -o json | jq -r '.items[].run'",
)
SHOW_EPILOG = epilog(
    "tradeplane results show macd-sp500-1a2b3c4d5e",
    "tradeplane results show macd-sp500-1a2b3c4d5e -o json | jq -r .summary.sharpe",
)
DIFF_EPILOG = epilog(
    "tradeplane results diff macd-sp500-1a2b3c4d5e macd-sp500-6f7a8b9c0d",
    "tradeplane results diff macd-1a2b3c4d5e macd-1a2b3c4d5e --other-store s3://research/cluster/trading",
)
REPORT_EPILOG = epilog(
    "tradeplane results report macd-sp500-1a2b3c4d5e",
    "tradeplane results report macd-sp500-1a2b3c4d5e --to report.html",
)

BOOTSTRAP_EPILOG = epilog(
    "tradeplane results bootstrap macd-sp500-1a2b3c4d5e",
    "tradeplane results bootstrap macd-sp500-1a2b3c4d5e --samples 10000 --seed 7 -o json | jq -r .low",
)

Run = Annotated[str, typer.Argument(metavar="RUN", help="Name of the run.")]


def list_results(store: Store = None, output: Output = OutputFormat.TABLE, debug: Debug = False) -> None:
    """List the finished runs of a store, by name.

    Ends with exit code 3 when the manifest of one cannot be read; the others are listed all the same.
    """
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.runs import list_runs

    found = list_runs(store_url(store))
    show(found.as_json(), output, found.as_table)
    if found.faults:
        raise typer.Exit(ExitCode.REFUSED)


def show_results(run: Run, store: Store = None, output: Output = OutputFormat.TABLE, debug: Debug = False) -> None:
    """Show the summary of a run, and what was run with which digests.

    The figures are defined in docs/results.md. Every part is read and checked against its digest first.
    """
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.runs import show_run

    found = show_run(run, store_url(store))
    show(found.as_json(), output, lambda: "\n\n".join([pairs(found.as_rows()), columns(*found.parts_table())]))


def diff(
    run: Run,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Name of the run compared with it.")],
    store: Store = None,
    other_store: OtherStore = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Compare the results of two runs and show where they first part.

    What was asked for differently, the first record that differs of each part, and the figures that differ. Where the
    result digests are equal nothing is read. Ends with exit code 10 when the results differ.
    """
    from tradeplane_cli.differences import diff_results
    from tradeplane_cli.local_store import store_url

    here = store_url(store)
    found = diff_results((here, run), (store_url(other_store) if other_store else here, other))
    show(found.as_json(), output, found.as_text)
    if not found.same:
        raise typer.Exit(DIFFERENT)


def bootstrap(
    run: Run,
    samples: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000_000, help="How many samples are drawn.")
    ] = 1_000,
    percent: Annotated[int, typer.Option(metavar="N", min=1, max=99, help="How many of a hundred lie within.")] = 95,
    block: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=1_000_000_000,
            help="Mean length of a block. [default: the whole cube root of the number of returns]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**63 - 1, help="Seed of the draws.")] = 0,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Say how far the Sharpe ratio of a run may lie elsewhere by chance.

    Its returns are drawn anew in blocks (the stationary bootstrap), and the interval is that in which so many of a
    hundred samples lie. docs/results.md states what is drawn; the same seed gives the same figures on every processor.
    """
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.runs import bootstrap_run

    found = bootstrap_run(run, store_url(store), samples=samples, percent=percent, block=block, seed=seed)
    show(found.as_json(), output, lambda: pairs(found.as_rows()))


def report(
    run: Run,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write. [default: RUN.html]", show_default=False)
    ] = None,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Write one self-contained HTML page about a run.

    Equity and drawdown, trades on the price, monthly returns, the summary, and what was run with which digests. The
    page makes no request to anywhere: it can be mailed, archived and opened offline.
    """
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.reporting import write_report

    written = write_report(run, store_url(store), to or Path(f"{run}.html"))
    show(written.as_json(), output, written.as_text)


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("list", epilog=LIST_EPILOG)(list_results)
    application.command("show", epilog=SHOW_EPILOG, no_args_is_help=True)(show_results)
    application.command("diff", epilog=DIFF_EPILOG, no_args_is_help=True)(diff)
    application.command("bootstrap", epilog=BOOTSTRAP_EPILOG, no_args_is_help=True)(bootstrap)
    application.command("report", epilog=REPORT_EPILOG, no_args_is_help=True)(report)
