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

    if not verbose:
        show({"version": own_version()}, output, own_version)
        return
    versions = all_versions()
    rows = [(name, value if isinstance(value, str) else ", ".join(value)) for name, value in versions.items()]
    show(versions, output, lambda: pairs(rows))
