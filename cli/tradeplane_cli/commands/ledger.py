"""``tradeplane ledger``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.options import Debug, Output
from tradeplane_cli.printing import OutputFormat, pairs, show

HELP = "The audit ledger: what happened to which object, in one chain."

MIGRATE_EPILOG = epilog(
    "TRADEPLANE_LEDGER_DATABASE=postgresql://owner@db.internal/audit tradeplane ledger migrate --appender tradeplane",
    "tradeplane ledger migrate --database /etc/tradeplane/ledger.url --appender tradeplane --reader auditors",
)
VERIFY_EPILOG = epilog(
    "tradeplane ledger verify --database /etc/tradeplane/ledger.url",
    "tradeplane ledger verify --head 2026-06.json --head 2026-07.json --key keyring.json",
    "tradeplane ledger verify --head /srv/heads --key key.pub -o json | jq .verified",
    "tradeplane ledger verify --head /srv/heads --key key.pub --store s3://prices/audit",
)
HEAD_EPILOG = epilog(
    "tradeplane ledger head",
    "tradeplane ledger head --sign file:key.pem --out 2026-07.json",
    "tradeplane ledger head --sign awskms:///alias/ledger --out 2026-08.json --head 2026-07.json --key keyring.json",
)

Database = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File that holds the URL of the ledger's database, such as postgresql://host/database. "
        "[default: the URL in TRADEPLANE_LEDGER_DATABASE]",
        show_default=False,
    ),
]
Heads = Annotated[
    list[Path] | None,
    typer.Option(
        "--head",
        metavar="FILE",
        help="A signed head to compare with, or a folder of them (*.json); give it as often as needed.",
    ),
]
Keys = Annotated[
    list[Path] | None,
    typer.Option(
        "--key", metavar="FILE", help="Public key (PEM) of who signed heads, or a keyring; as often as needed."
    ),
]


def migrate(
    appender: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE", help="A role that may append and read, and change nothing; as often as needed."),
    ] = None,
    reader: Annotated[
        list[str] | None, typer.Option(metavar="ROLE", help="A role that may read; give it as often as needed.")
    ] = None,
    database: Database = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Make the ledger's tables in a database, or bring them to this version.

    Run it as the role that is to own them; roles that append and read are made by who administers the server. Rows
    are never changed by a migration. Once more does nothing new.
    """
    from tradeplane_cli.ledger import migrate as bring_up_to_date

    done = bring_up_to_date(database, appender or (), reader or ())
    rows = [(name.capitalize(), ", ".join(value) if isinstance(value, list) else value) for name, value in done.items()]
    show(done, output, lambda: pairs([row for row in rows if row[1]]))


def verify(
    head: Heads = None,
    key: Keys = None,
    database: Database = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Store that has what is too large for the database, which is not looked at where none is given.",
        ),
    ] = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Follow the whole ledger and name the first entry that was changed, removed, put in or moved.

    Then every specification and file that it says was applied is read, and has to have its digest. A head that was
    signed earlier and kept elsewhere shows as well that entries were removed from the end, or all of them made anew.
    Ends with exit code 3 when something was changed.
    """
    from tradeplane_cli.ledger import verify as follow

    found = follow(database, head or (), key or (), store)
    show(found.as_json(), output, found.as_text)
    if found.broken is not None:
        raise typer.Exit(ExitCode.REFUSED)


def head(
    sign: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="Who signs it, as for tradeplane attest: file:KEY.pem, awskms:///alias/NAME or pkcs11:token=.... "
            "The whole ledger is verified first.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="A new file for the signed head.")] = None,
    head: Heads = None,
    key: Keys = None,
    database: Database = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Show the last entry of the ledger, or sign it: what is published, and what the ledger is held to from then on."""
    from tradeplane_cli import ledger

    if (sign is None) != (out is None):
        raise CommandFailure("--sign and --out belong together", remedy="give who signs, and the file for it")
    if sign is None or out is None:
        if head or key:
            raise CommandFailure(
                "--head and --key are for a head that is signed", remedy="use tradeplane ledger verify"
            )
        found = ledger.head(database)
    else:
        found = ledger.signed_head(database, head or (), key or (), sign, out)
    show(found.as_json(), output, found.as_text)


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("migrate", epilog=MIGRATE_EPILOG)(migrate)
    application.command("verify", epilog=VERIFY_EPILOG)(verify)
    application.command("head", epilog=HEAD_EPILOG)(head)
