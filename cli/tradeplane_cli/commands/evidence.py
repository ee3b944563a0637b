"""``tradeplane attest``, ``attest-image``, ``verify`` and ``verify-image``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.artifact_bundle import CertificateIdentity, CertificateIssuer, TrustedRootFile
from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.failures import DIFFERENT, CommandFailure
from tradeplane_cli.options import Debug, Output, Store
from tradeplane_cli.printing import OutputFormat, show

ATTEST_EPILOG = epilog(
    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem && chmod 600 key.pem",
    "openssl pkey -in key.pem -pubout -out key.pub",
    "tradeplane attest macd-sp500-1a2b3c4d5e --to registry.example.com/runs/sp500-macd --signer file:key.pem",
)
ATTEST_IMAGE_EPILOG = epilog(
    "python -m tradeplane_stacks.images push --registry registry.example.com",
    "tradeplane attest-image registry.example.com/tradeplane/workloads@sha256:... --record build/workloads.build.json "
    "--signer file:key.pem",
)
VERIFY_EPILOG = epilog(
    "tradeplane verify registry.example.com/runs/sp500-macd@sha256:... --key key.pub",
    "tradeplane verify registry.example.com/runs/sp500-macd@sha256:... --key key.pub --replay",
    "tradeplane verify registry.example.com/runs/sp500-macd@sha256:... --key keyring.json -o json | jq .checks",
    "tradeplane verify registry.example.com/runs/sp500-macd@sha256:... --trust trust.json",
)

VERIFY_IMAGE_EPILOG = epilog(
    "tradeplane verify-image registry.example.com/tradeplane/workloads@sha256:... --key key.pub",
    "tradeplane verify-image registry.example.com/tradeplane/workloads:1.0 --key keyring.json "
    "--builder https://example.com/builders/release -o json",
)

MIB = 1024 * 1024
SignerUri = Annotated[
    str,
    typer.Option(
        metavar="URI",
        help="Who signs: file:KEY.pem (ECDSA P-256 or Ed25519), awskms:///alias/NAME, pkcs11:token=..., or "
        "keyless:TRUST-CONFIG.json?token-file=...&identity=.... "
        "The passphrase of a key in a file, or the PIN of a token, is read from TRADEPLANE_KEY_PASSPHRASE.",
    ),
]
TimestampAuthority = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Have an authority say when it was signed (RFC 3161). [default: nobody]"),
]
Keys = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="The signer's public key (PEM), or a keyring; give it as often as needed."),
]
TrustFile = Annotated[
    Path | None,
    typer.Option(
        "--trust",
        metavar="FILE",
        help="In place of these, a file that says who signs runs, who images and who snapshots: keyrings, and "
        "identities with their builders (docs/evidence/trust.md).",
    ),
]
Builders = Annotated[
    list[str] | None,
    typer.Option(metavar="URI", help="A builder that will do; give it as often as needed. [default: any]"),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        metavar="NAME=VALUE",
        help="What an external parameter must be, such as specification.simulation.algorithm.name=macd-momentum; as "
        "often as needed, and of one name any of the values will do. [default: whatever was signed]",
    ),
]
RequireTimestamp = Annotated[
    bool,
    typer.Option("--require-timestamp", help="Refuse what no timestamp authority of the keyring says the time of."),
]
ImageBuilders = Annotated[
    list[str] | None,
    typer.Option(metavar="URI", help="A builder of the image that will do; as often as needed. [default: any]"),
]
SnapshotBuilders = Annotated[
    list[str] | None,
    typer.Option(metavar="URI", help="A builder of the snapshots that will do; as often as needed. [default: any]"),
]
FollowChain = Annotated[
    bool,
    typer.Option(
        "--chain/--no-chain", help="Go on to the attestations of image and snapshots, where a run states them."
    ),
]
LookAtReplays = Annotated[
    bool,
    typer.Option(
        "--replays/--no-replays", help="Look at what attested replays of the run found; one that differs fails."
    ),
]
PlainHttp = Annotated[
    bool,
    typer.Option("--plain-http", help="Speak to the registry without TLS; on this machine's own that is done unasked."),
]


def attest(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of the run.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="REPOSITORY",
            help="Where to, such as registry.example.com/runs/sp500-macd, with :TAG where it is to have one.",
        ),
    ],
    signer: SignerUri,
    snapshots: Annotated[
        str | None,
        typer.Option(
            metavar="REPOSITORY",
            help="Where its snapshots are attested; what is found there by the same signer is stated. "
            "[default: none is stated]",
        ),
    ] = None,
    snapshot_key: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="With --snapshots: a key (PEM), or a keyring, by which snapshots are signed too; as often as needed.",
        ),
    ] = None,
    timestamp_authority: TimestampAuthority = None,
    plain_http: PlainHttp = False,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Push a finished run to a registry with signed provenance of it.

    Results become an OCI artifact, and a Sigstore bundle with SLSA provenance refers to it. Once more does nothing new.
    Registries are logged in to as by docker login.
    """
    from tradeplane_cli.evidence import SnapshotsAt
    from tradeplane_cli.evidence import attest as push
    from tradeplane_cli.local_store import store_url

    data = SnapshotsAt.of(snapshots, snapshot_key or ())
    pushed = push(run, store_url(store), to, signer, timestamp_authority, plain_http=plain_http, snapshots=data)
    show(pushed.as_json(), output, pushed.as_text)


def attest_image(
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="An image in a registry: REGISTRY/REPOSITORY@sha256:...")
    ],
    record: Annotated[
        Path, typer.Option(metavar="FILE", help="The record of its build, such as build/workloads.build.json.")
    ],
    signer: SignerUri,
    sbom: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A bill of materials of it, once a platform. [default: those that the record names, beside it]",
        ),
    ] = None,
    builder: Annotated[
        str | None,
        typer.Option(metavar="URI", help="What built it. [default: the builder of somebody's own machine]"),
    ] = None,
    invocation: Annotated[
        str | None, typer.Option(metavar="ID", help="Which of the builder's executions it was. [default: not stated]")
    ] = None,
    timestamp_authority: TimestampAuthority = None,
    plain_http: PlainHttp = False,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Attest an image in a registry: signed provenance, and what is in it for each platform.

    Refuses what is not of each other: a record of another image, bills that were changed. Once more does nothing new.
    """
    from tradeplane_evidence.statements.image import LOCAL_IMAGE_BUILDER
    from tradeplane_evidence.statements.run import Execution

    from tradeplane_cli.image_evidence import Files, attest_by_files

    execution = Execution(builder=builder or LOCAL_IMAGE_BUILDER, invocation=invocation)
    files = Files(record, sbom or [])
    pushed = attest_by_files(reference, files, signer, execution, timestamp_authority, plain_http=plain_http)
    show(pushed.as_json(), output, pushed.as_text)


def verify(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE", help="A run, session or snapshot in a registry: REGISTRY/REPOSITORY@sha256:..."
        ),
    ],
    key: Keys = None,
    certificate_identity: CertificateIdentity = None,
    certificate_oidc_issuer: CertificateIssuer = None,
    trusted_root: TrustedRootFile = None,
    trust: TrustFile = None,
    builder: Builders = None,
    parameter: Parameters = None,
    image_builder: ImageBuilders = None,
    snapshot_builder: SnapshotBuilders = None,
    chain: FollowChain = True,
    replays: LookAtReplays = True,
    max_age_days: Annotated[
        int | None, typer.Option(metavar="DAYS", min=0, help="Refuse what says it is older. [default: any age]")
    ] = None,
    require_timestamp: RequireTimestamp = False,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Run it again here as well, and compare; of a snapshot, read its records. The data come from --store; "
            "without it, from this user's own store or, where they are not there, from the registry.",
        ),
    ] = False,
    in_image: Annotated[
        bool,
        typer.Option(
            "--in-image",
            help="With --replay, run it in a container of the image that the statement names, by its digest, and not "
            "by what is installed.",
        ),
    ] = False,
    pull_mib: Annotated[
        int, typer.Option(metavar="MIB", min=1, help="Pull no more data than this from the registry for --replay.")
    ] = 1_024,
    summary: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where it passes, sign a summary of that (SLSA VSA) into a new file."),
    ] = None,
    signer: Annotated[
        str | None, typer.Option(metavar="URI", help="Who signs the summary, as of tradeplane attest.")
    ] = None,
    verifier: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Who verified, as the summary says. [default: somebody with this command]"),
    ] = None,
    level: Annotated[
        int, typer.Option(min=1, max=3, help="The SLSA build level that the summary says was verified.")
    ] = 1,
    plain_http: PlainHttp = False,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Verify a run in a registry: signature, policy, files, result, inputs, chain and replays, one line each.

    Of a session: which snapshot holds it, and what attested replays of it found; without one it is not verified. Of a
    snapshot: who says how it came to be, and from which sources.
    Needs neither a cluster nor an account: the registry's bytes, and the signer's public key or who signed. Ends with
    exit code 3 when a check fails, and 10 when all do not but running it again comes to something else.
    """
    from datetime import timedelta

    from tradeplane_evidence.verification.images import image_policy
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.snapshots import snapshot_policy

    from tradeplane_cli.asked_parameters import asked_parameters
    from tradeplane_cli.evidence import Links
    from tradeplane_cli.evidence import verify as look
    from tradeplane_cli.evidence_summary import Wanted, write_summary
    from tradeplane_cli.replay_data import Data
    from tradeplane_cli.trust import chain_signers

    if in_image and not replay:
        raise CommandFailure("--in-image says by what it is run again, and it is not", remedy="give --replay as well")
    data = Data(store, pull_mib * MIB, plain_http)
    wanted = Wanted.of(summary, signer, verifier, level)
    policy = Policy(
        builders=any_of(builder),
        max_age=None if max_age_days is None else timedelta(days=max_age_days),
        timestamped=require_timestamp,
        rules=asked_parameters(parameter or ()),
    )
    links = Links(image_policy(any_of(image_builder)), snapshot_policy(any_of(snapshot_builder))) if chain else None
    signers = chain_signers(trust, key or (), certificate_identity, certificate_oidc_issuer, trusted_root)
    found = look(reference, signers, policy, links, plain_http=plain_http, replays=replays)
    genuine = found.verification.passed
    same = found.run_again(data, in_image=in_image) if replay and genuine else True
    if wanted is not None and genuine and same:
        write_summary(found, wanted, signers, policy, links, replayed=replay, replays=replays)
    show(found.as_json(), output, found.as_text)
    if not genuine:
        raise typer.Exit(ExitCode.REFUSED)
    if not same:
        raise typer.Exit(DIFFERENT)


def any_of(builders: list[str] | None) -> frozenset[str] | None:
    """Return the builders that an option names; None where it is not given, and any will do."""
    return frozenset(builders) if builders else None


def verify_image(
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="An image in a registry: REGISTRY/REPOSITORY@sha256:...")
    ],
    key: Keys = None,
    certificate_identity: CertificateIdentity = None,
    certificate_oidc_issuer: CertificateIssuer = None,
    trusted_root: TrustedRootFile = None,
    trust: TrustFile = None,
    builder: Builders = None,
    parameter: Parameters = None,
    plain_http: PlainHttp = False,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Verify an image in a registry: who built it, from which sources, and what is in it, one line each.

    Ends with exit code 3 when a check fails.
    """
    from dataclasses import replace

    from tradeplane_evidence.verification.images import image_policy

    from tradeplane_cli.asked_parameters import asked_parameters
    from tradeplane_cli.image_evidence import verify_image as look
    from tradeplane_cli.trust import chain_signers

    signers = chain_signers(trust, key or (), certificate_identity, certificate_oidc_issuer, trusted_root)
    policy = replace(image_policy(any_of(builder)), rules=asked_parameters(parameter or ()))
    found = look(reference, signers.images, policy, plain_http=plain_http)
    show(found.as_json(), output, found.as_text)
    if not found.verification.passed:
        raise typer.Exit(ExitCode.REFUSED)


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("attest", epilog=ATTEST_EPILOG, no_args_is_help=True)(attest)
    application.command("attest-image", epilog=ATTEST_IMAGE_EPILOG, no_args_is_help=True)(attest_image)
    application.command("verify", epilog=VERIFY_EPILOG, no_args_is_help=True)(verify)
    application.command("verify-image", epilog=VERIFY_IMAGE_EPILOG, no_args_is_help=True)(verify_image)
