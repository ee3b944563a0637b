"""Who is relied on, as the options of a command say it: keys, somebody by name, both, or a file that says of whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.run import ExitCode
from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
from tradeplane_evidence.signing.keyring import read_keyring_file
from tradeplane_evidence.verification.signers import AnySigner, ChainSigners
from tradeplane_evidence.verification.trust_file import joined, read_trust_file

from tradeplane_cli.artifact_bundles import expected_signer, fetch_root, read_root
from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tradeplane_evidence.signing.keyring import Keyring
    from tradeplane_evidence.verification.signers import Signers


def chain_signers(
    trust: Path | None, keys: Sequence[Path], subject: str | None, issuer: str | None, root: Path | None
) -> ChainSigners:
    """Return who is relied on for each link of a chain by the options given.

    Raises InvalidKey, and CommandFailure where nobody is, or a file says it and options as well.
    """
    if trust is None:
        return ChainSigners.alike(relied_on(keys, subject, issuer, root, ", or --trust with a file that says it"))
    given = {
        "--key": keys,
        "--certificate-identity": subject,
        "--certificate-oidc-issuer": issuer,
        "--trusted-root": root,
    }
    others = [name for name, value in given.items() if value]
    if others:
        raise CommandFailure(
            f"--trust says who is relied on, and {others[0]} says it too",
            remedy=f"leave out {others[0]}, and name who it adds in {trust}; or leave out --trust",
        )
    return read_trust_file(trust)


def relied_on(
    keys: Sequence[Path], subject: str | None, issuer: str | None, root: Path | None, instead: str = ""
) -> Signers:
    """Return who is relied on by the options given: keys, somebody, or both, of which any will do then.

    ``instead``: what else says it, for the error. Raises InvalidKey, and CommandFailure where nobody is, or half of
    somebody.
    """
    if keys and subject is None and issuer is None:
        if root is not None:
            raise CommandFailure(
                "--trusted-root is about who signed, and a key alone is given",
                remedy="put timestamp authorities in a keyring; or say who, by --certificate-identity",
            )
        return read_keys(keys)
    who = expected_signer(None, subject, issuer, instead)
    somebody = TrustedIdentity(who, fetch_root(staging=False) if root is None else read_root(root))
    return AnySigner(read_keys(keys), (somebody,)) if keys else somebody


def read_keys(paths: Sequence[Path]) -> Keyring:
    """Return the keys of files, each the PEM of one key or a keyring. Raises InvalidKey."""
    keyring = joined(read_keyring_file(path, "the key") for path in paths)
    if not keyring.keys:
        raise CommandFailure("no key is given", code=ExitCode.INVALID, remedy="give the signer's public key with --key")
    return keyring
