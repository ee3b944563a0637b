"""``tradeplane evidence export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.artifact_bundle import CertificateIdentity, CertificateIssuer, TrustedRootFile
from tradeplane_cli.commands.evidence import (
    Builders,
    FollowChain,
    ImageBuilders,
    Parameters,
    PlainHttp,
    RequireTimestamp,
    SnapshotBuilders,
    TrustFile,
    any_of,
)
from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug, Output
from tradeplane_cli.printing import OutputFormat, show

HELP = "Evidence of runs for a reviewer."
EPILOG = epilog(
    "tradeplane evidence export registry.example.com/runs --key key.pub --from 2026-01-01 --to 2026-03-31 --out q1.zip",
    "kubectl get strategies -A -o json | tradeplane evidence export --runs - --keyring keyring.json "
    "--from 2026-01-01 --to 2026-03-31 --out q1",
    "tradeplane evidence export registry.example.com/runs --trust trust.json --from 2026-01-01 --to 2026-03-31 --out q",
)
MAX_FILE_BYTES = 64 * 1024**2
"""Of the files of results of one run, where nothing else is asked for."""
MAX_RUNS = 1_000
"""Runs that are looked at, likewise."""
MAX_LEDGER_BYTES = 256 * 1024**2
"""Of the entries of a ledger, likewise."""
MAX_BYTES = 2 * 1024**3
"""Of all files of an export, likewise."""


def export(
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, in UTC, such as 2026-01-01.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day, in UTC; it is included.")],
    out: Annotated[
        Path, typer.Option(metavar="PATH", help="Where to: an archive where it ends in .zip, else a new folder.")
    ],
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REPOSITORY|REFERENCE]...",
            help="REGISTRY/REPOSITORY, with all repositories below it, or runs: REGISTRY/REPOSITORY@sha256:...",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            "--key",
            "--keyring",
            metavar="FILE",
            help="The signer's public key (PEM), or a keyring; give it as often as needed.",
        ),
    ] = None,
    certificate_identity: CertificateIdentity = None,
    certificate_oidc_issuer: CertificateIssuer = None,
    trusted_root: TrustedRootFile = None,
    trust: TrustFile = None,
    runs: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The runs that kubectl get strategies -A -o json lists; - is standard input."
        ),
    ] = None,
    builder: Builders = None,
    parameter: Parameters = None,
    image_builder: ImageBuilders = None,
    snapshot_builder: SnapshotBuilders = None,
    chain: FollowChain = True,
    require_timestamp: RequireTimestamp = False,
    with_files: Annotated[
        bool, typer.Option("--with-files", help="Export all files of results, and not manifest and summary alone.")
    ] = False,
    max_file_bytes: Annotated[
        int, typer.Option(metavar="BYTES", min=1, help="With --with-files, the most of one run.")
    ] = MAX_FILE_BYTES,
    max_runs: Annotated[int, typer.Option(metavar="COUNT", min=1, max=100_000, help="The most runs.")] = MAX_RUNS,
    ledger_database: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Export the audit ledger as well, whole: a file with the URL of its database. [default: no ledger]",
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A signed head to compare the ledger with, or a folder of them; as often as needed."
        ),
    ] = None,
    max_ledger_bytes: Annotated[
        int, typer.Option(metavar="BYTES", min=1, help="The most of the ledger.")
    ] = MAX_LEDGER_BYTES,
    max_bytes: Annotated[int, typer.Option(metavar="BYTES", min=1, help="The most of all files.")] = MAX_BYTES,
    plain_http: PlainHttp = False,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Export the evidence of a period as one folder or archive that needs nothing else.

    Each run is verified; index.html shows verdicts and chains, and how to verify it all again. A run that is refused is
    in it, with the reason. Ends with exit code 3 then, or where a run of the list has no attestation, or the ledger is
    not as it was appended or says otherwise than a run.
    """
    from tradeplane_evidence.verification.images import image_policy
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.snapshots import snapshot_policy

    from tradeplane_cli.asked_parameters import asked_parameters
    from tradeplane_cli.evidence import Links
    from tradeplane_cli.evidence_export import Wish
    from tradeplane_cli.evidence_export import export as write
    from tradeplane_cli.trust import chain_signers

    wish = Wish(
        targets=targets or (),
        runs=runs,
        signers=chain_signers(trust, key or (), certificate_identity, certificate_oidc_issuer, trusted_root),
        first=first,
        last=last,
        out=out,
        most_runs=max_runs,
        most_bytes=max_bytes,
        most_file_bytes=max_file_bytes if with_files else 0,
        ledger=ledger_database,
        heads=head or (),
        most_ledger_bytes=max_ledger_bytes,
    )
    policy = Policy(builders=any_of(builder), timestamped=require_timestamp, rules=asked_parameters(parameter or ()))
    links = Links(image_policy(any_of(image_builder)), snapshot_policy(any_of(snapshot_builder))) if chain else None
    written = write(wish, policy, links, plain_http=plain_http)
    show(written.as_json(), output, written.as_text)
    if not written.exported.export.passed:
        raise typer.Exit(ExitCode.REFUSED)


def add_to(application: typer.Typer) -> None:
    """Add the command to an application."""
    application.command("export", epilog=EPILOG, no_args_is_help=True)(export)
