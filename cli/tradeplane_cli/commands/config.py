"""``tradeplane config``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.commands.ledger import Database
from tradeplane_cli.failures import DIFFERENT, CommandFailure
from tradeplane_cli.options import Debug, Output, Store
from tradeplane_cli.printing import OutputFormat, show

HELP = "Versions of what was asked for, as the audit ledger has them."

HISTORY_EPILOG = epilog(
    "tradeplane config history strategy/sp500-macd -n trading",
    "tradeplane config history strat/sp500-macd -n trading -o json | jq -r '.versions[].digest'",
)
SHOW_EPILOG = epilog(
    "tradeplane config show strategy/sp500-macd@2 -n trading",
    "tradeplane config show sha256:6f1e... -o json | jq .spec",
)
DIFF_EPILOG = epilog(
    "tradeplane config diff strategy/sp500-macd@2 strategy/sp500-macd -n trading",
    "tradeplane config diff sha256:6f1e... sha256:0a3c... -o json | jq -r '.differences[].field'",
)
ROLLBACK_EPILOG = epilog(
    "tradeplane config rollback strategy/sp500-macd@2 -n trading | kubectl apply -f -",
    "tradeplane config rollback strategy/sp500-macd@2 -n trading --out strategy.yaml && kubectl diff -f strategy.yaml",
)
REGISTER_EPILOG = epilog(
    "tradeplane config register model.onnx --store s3://prices/audit",
    "tradeplane config register policy.yaml -o json | jq -r .digest",
    "tradeplane config register build/7/model.onnx -n trading --name macd-model.onnx",
)

OBJECT = "KIND/NAME"
CONFIGURATION = "A digest (sha256:...), KIND/NAME for the newest version, or KIND/NAME@VERSION."
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace of the object; empty for a kind without.")]


def history(
    target: Annotated[str, typer.Argument(metavar=OBJECT, help="Such as strategy/sp500-macd.")],
    namespace: Namespace = "default",
    database: Database = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """List the versions of an object's specification: when each was applied, by whom, and its digest.

    By whom is `authenticated` where the API server's audit log says it, and `claimed` where a client said so of itself.
    """
    from tradeplane_cli.configurations import history as versions

    found = versions(database, target, namespace)
    show(found.as_json(), output, found.as_text)


def show_configuration(
    target: Annotated[str, typer.Argument(metavar="CONFIGURATION", help=CONFIGURATION)],
    namespace: Namespace = "default",
    database: Database = None,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Show one configuration, checked against its digest."""
    from tradeplane_cli.configurations import show as find

    found = find(database, _url(store), target, namespace)
    show(found.as_json(), output, found.as_text)


def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help=CONFIGURATION)],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The same.")],
    namespace: Namespace = "default",
    database: Database = None,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Show what differs between two configurations, a line a field. Ends with exit code 10 where anything does."""
    from tradeplane_cli.configurations import compare

    found = compare(database, _url(store), (before, after), namespace)
    show(found.as_json(), output, found.as_text)
    if found.found:
        raise typer.Exit(DIFFERENT)


def rollback(
    target: Annotated[str, typer.Argument(metavar="KIND/NAME@VERSION", help="The version to go back to.")],
    namespace: Namespace = "default",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there. [default: print it]")] = None,
    database: Database = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Print the object as it was in an earlier version, as YAML to be applied. The cluster is left as it is.

    Labels and annotations are not part of a version: kubectl apply leaves those of the object alone.
    """
    from tradeplane_cli.configurations import show as find

    if "@" not in target:
        raise CommandFailure(f"{target} names no version", remedy="write which one: KIND/NAME@VERSION")
    text = find(database, _url(store), target, namespace).manifest()
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFailure(f"{out} cannot be written: {error.strerror}") from error


def register(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model, a policy, parameters: any bytes.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace that the file is for.")] = "default",
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What it is a version of. [default: the name of the file]")
    ] = None,
    database: Database = None,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Keep a file by the digest of its bytes, and enter it in the ledger as the newest version of its name.

    The bytes go into the database, or into the store where they are many.
    """
    from tradeplane_cli.configurations import register as keep

    kept = keep(database, _url(store), file, namespace, name)
    show(kept.as_json(), output, kept.as_text)


def _url(store: str | None) -> str:
    from tradeplane_cli.local_store import store_url

    return store_url(store)


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("history", epilog=HISTORY_EPILOG, no_args_is_help=True)(history)
    application.command("show", epilog=SHOW_EPILOG, no_args_is_help=True)(show_configuration)
    application.command("diff", epilog=DIFF_EPILOG, no_args_is_help=True)(diff)
    application.command("rollback", epilog=ROLLBACK_EPILOG, no_args_is_help=True)(rollback)
    application.command("register", epilog=REGISTER_EPILOG, no_args_is_help=True)(register)
