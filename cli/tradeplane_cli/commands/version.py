"""``tradeplane version``."""

from __future__ import annotations

from typing import Annotated

import typer

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug, Output
from tradeplane_cli.printing import OutputFormat, pairs, show

EPILOG = epilog("tradeplane version", "tradeplane version -v", "tradeplane version -v -o json")


def version(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="The versions of all parts and of the platform as well.")
    ] = False,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Print the version."""
    from tradeplane_cli.versions import all_versions, own_version

    versions = all_versions() if verbose else {"version": own_version()}
    show(versions, output, lambda: pairs(list(versions.items())) if verbose else versions["version"])
