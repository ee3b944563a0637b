"""``tradeplane sign-bundle`` and ``verify-bundle``, by the command line that sigstore-conformance asks of every client.

Source: sigstore-conformance, ``docs/cli_protocol.md``. Their options and their two exit codes are the protocol's, so
that a test suite of others can call them; ``tradeplane attest`` and ``verify`` are for runs.
"""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.options import Debug

if TYPE_CHECKING:
    from collections.abc import Iterator

EPILOG = epilog(
    "tradeplane verify-bundle --bundle model.bin.sigstore.json --key signer.pub model.bin",
    "tradeplane verify-bundle --bundle model.bin.sigstore.json --trusted-root trusted_root.json "
    "--certificate-identity ci@example.com --certificate-oidc-issuer https://issuer.example.com model.bin",
)
SIGN_EPILOG = epilog(
    "tradeplane sign-bundle --identity-token TOKEN --bundle model.bin.sigstore.json --trusted-root trusted_root.json "
    "--signing-config signing_config.json model.bin",
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

    with _two_answers(debug=debug):
        who = artifact_bundles.expected_signer(key, certificate_identity, certificate_oidc_issuer)
        if isinstance(who, Path):
            claim = artifact_bundles.verify_bundle_by_key(artifact, bundle, who, trusted_root)
        else:
            claim = artifact_bundles.verify_bundle_by_identity(artifact, bundle, who, trusted_root, staging=staging)
        typer.echo(f"{artifact} is {claim}")


def sign_bundle(
    artifact: Annotated[Path, typer.Argument(metavar="FILE", help="The file to sign.")],
    identity_token: Annotated[
        str,
        typer.Option(
            metavar="TOKEN", help="OpenID token of who signs; whoever sees processes of this machine sees it."
        ),
    ],
    bundle: Annotated[Path, typer.Option(metavar="FILE", help="Where the Sigstore bundle is written.")],
    trusted_root: TrustedRootFile = None,
    signing_config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Which services are asked to sign (cosign signing-config create)."),
    ] = None,
    staging: Annotated[
        bool, typer.Option("--staging", help="Ask Sigstore's staging instance, where no --trusted-root is given.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Sign a file as whoever an OpenID token is of, and write the Sigstore bundle.

    The bundle is verified before it is written. Ends with exit code 0 where it is, and 1 where nothing is signed. What
    is signed with an identity stands in the public log of the instance, with the identity.
    """
    from tradeplane_cli import artifact_bundles

    with _two_answers(debug=debug):
        who = artifact_bundles.sign_bundle(
            artifact, bundle, identity_token, trusted_root, signing_config, staging=staging
        )
        typer.echo(f"{artifact} is signed by {who.said}: {bundle}")


@contextmanager
def _two_answers(*, debug: bool) -> Iterator[None]:
    """End with exit code 1 for whatever reason, said in one sentence, as the protocol has it."""
    from tradeplane_cli.translation import failure_of

    try:
        yield
    except Exception as error:
        failure = failure_of(error)
        if failure.code is ExitCode.INTERNAL:
            raise
        if debug:
            traceback.print_exc()
        typer.echo(failure.as_text(), err=True)
        raise typer.Exit(1) from error


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("verify-bundle", epilog=EPILOG, no_args_is_help=True)(verify_bundle)
    application.command("sign-bundle", epilog=SIGN_EPILOG, no_args_is_help=True)(sign_bundle)
