"""``tradeplane approve`` and ``verify-approval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.evidence import SignerUri, TimestampAuthority
from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug, Output
from tradeplane_cli.printing import OutputFormat, show

APPROVE_EPILOG = epilog(
    "kubectl get strategy sp500-macd -n trading -o json | tradeplane approve - --user alice@example.com "
    "--signer file:key.pem | kubectl apply -f -",
    "tradeplane approve strategy.json --user alice@example.com --signer awskms:///alias/alice "
    "--not-after 2026-12-31T23:59:59Z --comment CHG-1234 > approval.yaml",
)
VERIFY_EPILOG = epilog(
    "tradeplane verify-approval approval.yaml --keyring approvers.json",
    "kubectl get approval sp500-macd-0123456789ab -n trading -o json | tradeplane verify-approval - "
    "--keyring approvers.json -o json",
)


def approve(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="The Strategy as the API server has it (kubectl get -o json); - reads standard input.",
            show_default=False,
        ),
    ],
    user: Annotated[
        str,
        typer.Option(metavar="NAME", help="Who approves, as the API server authenticates them (kubectl auth whoami)."),
    ],
    signer: SignerUri,
    timestamp_authority: TimestampAuthority = None,
    not_after: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Until when it lets something start, such as 2026-12-31T23:59:59Z. [default: no end]"
        ),
    ] = None,
    comment: Annotated[str | None, typer.Option(metavar="TEXT", help="For people who read it.")] = None,
    output: Output = OutputFormat.YAML,
    debug: Debug = False,
) -> None:
    """Sign that a user approves a Strategy's specification, and print the Approval, ready for kubectl apply.

    What is approved is told on standard error. It is that version alone, of that object alone; the cluster is not
    asked.
    """
    from tradeplane_cli.approvals import Wanted
    from tradeplane_cli.approvals import approve as sign

    signed = sign(file, Wanted(user, not_after, comment), signer, timestamp_authority)
    typer.echo(signed.told(), err=True)
    show(signed.manifest, OutputFormat.YAML if output is OutputFormat.TABLE else output, str)


def verify_approval(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="An Approval; - reads standard input.", show_default=False)
    ],
    keyring: Annotated[
        Path, typer.Option(metavar="FILE", help="Who may approve: keys, and the users each approves for.")
    ],
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Verify an Approval: signature, what it says beside what was signed, and its time, one line each.

    Ends with exit code 3 when a check fails.
    """
    from tradeplane_cli.approvals import verify as look

    found = look(file, keyring)
    show(found.as_json(), output, found.as_text)
    if not found.passed:
        raise typer.Exit(ExitCode.REFUSED)


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("approve", epilog=APPROVE_EPILOG, no_args_is_help=True)(approve)
    application.command("verify-approval", epilog=VERIFY_EPILOG, no_args_is_help=True)(verify_approval)
