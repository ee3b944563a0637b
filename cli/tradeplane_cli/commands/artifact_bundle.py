"""``tradeplane verify-bundle``, by the command line that sigstore-conformance asks of every client.

Source: sigstore-conformance, ``docs/cli_protocol.md``. Its order of options and its two exit codes are the protocol's,
so that a test suite of others can call it; ``tradeplane verify`` is what verifies a run.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug

EPILOG = epilog(
    "tradeplane verify-bundle --bundle model.bin.sigstore.json --key signer.pub model.bin",
    "tradeplane verify-bundle --bundle model.bin.sigstore.json --trusted-root trusted_root.json "
    "--certificate-identity ci@example.com --certificate-oidc-issuer https://issuer.example.com model.bin",
)

CertificateIdentity = Annotated[
    str | None,
    typer.Option(
        "--certificate-identity",
        metavar="IDENTITY",
        help="Who is to have signed: the email address or URI in the certificate.",
    ),
]
CertificateIssuer = Annotated[
    str | None,
    typer.Option(
        "--certificate-oidc-issuer", metavar="URL", help="Whose token is to have proved it: the OpenID provider."
    ),
]
TrustedRootFile = Annotated[
    Path | None,
    typer.Option(
        "--trusted-root",
        metavar="FILE",
        help="Authorities, logs and timestamp authorities that are relied on (cosign trusted-root create).",
    ),
]


def verify_bundle(
    artifact: Annotated[
        str, typer.Argument(metavar="FILE_OR_DIGEST", help="The file, or sha256:... where no file is called so.")
    ],
    bundle: Annotated[Path, typer.Option(metavar="FILE", help="The Sigstore bundle.")],
    certificate_identity: CertificateIdentity = None,
    certificate_oidc_issuer: CertificateIssuer = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The signer's public key (PEM), in place of an identity.")
    ] = None,
    trusted_root: TrustedRootFile = None,
    staging: Annotated[
        bool, typer.Option("--staging", help="Rely on Sigstore's staging instance, where no --trusted-root is given.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Verify a Sigstore bundle about a file: by a key, or by who signed.

    Says in one sentence what was found. Ends with exit code 0 where it is verified, and 1 where it is not, for whatever
    reason. Needs the network only for an identity without --trusted-root.
    """
    from tradeplane_cli import artifact_bundles
    from tradeplane_cli.translation import failure_of

    try:
        who = artifact_bundles.expected_signer(key, certificate_identity, certificate_oidc_issuer)
        if isinstance(who, Path):
            claim = artifact_bundles.verify_bundle_by_key(artifact, bundle, who, trusted_root)
        else:
            claim = artifact_bundles.verify_bundle_by_identity(artifact, bundle, who, trusted_root, staging=staging)
    except Exception as error:
        failure = failure_of(error)
        if failure.code is ExitCode.INTERNAL:
            raise
        if debug:
            traceback.print_exc()
        typer.echo(failure.as_text(), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{artifact} is {claim}")


def add_to(application: typer.Typer) -> None:
    """Add the command to an application."""
    application.command("verify-bundle", epilog=EPILOG, no_args_is_help=True)(verify_bundle)
