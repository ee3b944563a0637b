"""``tradeplane release sign`` and ``verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.artifact_bundle import CertificateIdentity, CertificateIssuer, TrustedRootFile
from tradeplane_cli.commands.evidence import Builders, Keys, RequireTimestamp, SignerUri, TimestampAuthority
from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug, Output
from tradeplane_cli.printing import OutputFormat, show

HELP = "Releases of tradeplane: sign one that was built, verify one that was downloaded."
SIGN_EPILOG = epilog(
    "make release && tradeplane release sign build/release --signer awskms:///alias/tradeplane-releases",
    "tradeplane release sign build/release --signer file:key.pem --builder https://example.com/builders/release",
)
VERIFY_EPILOG = epilog(
    "tradeplane release verify tradeplane-0.1.0 --key releases.pub --release 0.1.0",
    "tradeplane release verify install.yaml --provenance provenance.sigstore.json --key keyring.json",
    "tradeplane release verify tradeplane-0.1.0 --certificate-identity releases@example.com "
    "--certificate-oidc-issuer https://issuer.example.com --trusted-root trusted_root.json -o json",
)


def sign(
    folder: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="A release that was built, such as build/release.")
    ],
    signer: SignerUri,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The record of its build. [default: DIRECTORY.build.json, beside it]"),
    ] = None,
    builder: Annotated[
        str | None,
        typer.Option(metavar="URI", help="What built it. [default: the builder of somebody's own machine]"),
    ] = None,
    invocation: Annotated[
        str | None, typer.Option(metavar="ID", help="Which of the builder's executions it was. [default: not stated]")
    ] = None,
    timestamp_authority: TimestampAuthority = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Sign a release: provenance of every file, and its list of digests, each as a Sigstore bundle beside the files.

    Refuses files that are not those of the record, all and no others, and what is only a snapshot. Signing again
    replaces the bundles.
    """
    from tradeplane_evidence.statements.release import LOCAL_RELEASE_BUILDER
    from tradeplane_evidence.statements.run import Execution

    from tradeplane_cli.releases import sign as sign_it

    execution = Execution(builder=builder or LOCAL_RELEASE_BUILDER, invocation=invocation)
    signed = sign_it(folder, record, signer, execution, timestamp_authority)
    show(signed.as_json(), output, signed.as_text)


def verify(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="DIRECTORY|FILE...", help="The folder of a whole release, or some files of one."),
    ],
    key: Keys = None,
    certificate_identity: CertificateIdentity = None,
    certificate_oidc_issuer: CertificateIssuer = None,
    trusted_root: TrustedRootFile = None,
    builder: Builders = None,
    provenance: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The signed provenance. [default: provenance.sigstore.json beside them]"),
    ] = None,
    release: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Which release it is to be. [default: told, not compared]")
    ] = None,
    commit: Annotated[
        str | None, typer.Option(metavar="HEX", help="The commit it is to be built from. [default: told, not compared]")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The repository it is to be built from. [default: told, not compared]"),
    ] = None,
    require_timestamp: RequireTimestamp = False,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Verify a release that was downloaded: who built it from which commit, and each file, one line a check.

    Of a folder every file is looked at: none may be changed, missing or beside. Needs no network. Ends with exit code 3
    when a check fails.
    """
    from dataclasses import replace

    from tradeplane_evidence.verification.releases import Expected, release_policy

    from tradeplane_cli.releases import verify as look
    from tradeplane_cli.trust import relied_on

    signers = relied_on(key or (), certificate_identity, certificate_oidc_issuer, trusted_root)
    policy = replace(release_policy(frozenset(builder) if builder else None), timestamped=require_timestamp)
    found = look(paths, provenance, signers, policy, Expected(release, commit, source))
    show(found.as_json(), output, found.as_text)
    if not found.verification.passed:
        raise typer.Exit(ExitCode.REFUSED)


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("sign", epilog=SIGN_EPILOG, no_args_is_help=True)(sign)
    application.command("verify", epilog=VERIFY_EPILOG, no_args_is_help=True)(verify)
