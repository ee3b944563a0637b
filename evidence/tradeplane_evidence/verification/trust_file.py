"""The file that says who is relied on for which link of a chain: runs, their images, their snapshots.

A run is signed by an operator, an image by who builds it, a snapshot by who imports it: often keys of several hands, or
a key here and an identity there. Where one signs all of it a key, a keyring or an identity says so alone, and no such
file is needed. docs/evidence/trust.md has an example.

Pure but for reading the files that it names, which are looked for beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import InvalidKey, Malformed
from tradeplane_evidence.keyless.identities import Identity
from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
from tradeplane_evidence.keyless.trusted_root import MAX_ROOT_BYTES, read_trusted_root
from tradeplane_evidence.signing.keyring import Keyring, read_keyring_file
from tradeplane_evidence.statements.statement import Form, parsed
from tradeplane_evidence.verification.signers import AnySigner, ChainSigners, Signers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tradeplane_evidence.signing.keyring import TrustedKey
    from tradeplane_evidence.signing.timestamps import TimestampAuthority

MAX_TRUST_BYTES = 1024 * 1024
MAX_SIGNERS = 64
"""Keyrings, or identities, of one link."""
FileName = Annotated[str, StringConstraints(min_length=1, max_length=4_096)]
"""A file, looked for beside the one that names it where its name is relative."""


class _Whole(Form):
    """A form in which nothing is passed over: a name that is spelled wrongly would be trust that nobody meant."""

    model_config = ConfigDict(extra="forbid")


class IdentityEntry(_Whole):
    """Somebody by name, the instance that vouches for them, and for what they are relied on."""

    subject: str = Field(min_length=1, max_length=2_048, description="The email address or URI in the certificate.")
    issuer: str = Field(min_length=1, max_length=2_048, description="The OpenID provider whose token proved it.")
    trusted_root: FileName
    builders: tuple[str, ...] | None = Field(
        default=None, min_length=1, max_length=64, strict=False, description="Builders they sign for; any where absent."
    )


class SignersEntry(_Whole):
    """Who is relied on for one link; each of them counts."""

    keyrings: tuple[FileName, ...] = Field(
        default=(), max_length=MAX_SIGNERS, strict=False, description="Keyrings, or public keys (PEM)."
    )
    identities: tuple[IdentityEntry, ...] = Field(default=(), max_length=MAX_SIGNERS, strict=False)


class TrustFile(_Whole):
    """Who is relied on, as it is written down."""

    schema_version: Literal[1] = 1
    kind: Literal["Trust"] = "Trust"
    runs: SignersEntry
    images: SignersEntry | None = Field(default=None, description="Those of runs where absent.")
    snapshots: SignersEntry | None = Field(default=None, description="Those of runs where absent.")


def read_trust_file(path: Path) -> ChainSigners:
    """Return who is relied on by a file. Raises InvalidKey, naming the file and the field."""
    what = f"the trust {path}"
    try:
        file = parsed(TrustFile, strict_json.parse(_read(path, what, MAX_TRUST_BYTES), what, MAX_TRUST_BYTES), what)
    except Malformed as error:
        raise InvalidKey(f"{error}; docs/evidence/trust.md has an example") from error
    runs = _signers(file.runs, path.parent, f"{what}: runs")
    return ChainSigners(
        runs,
        runs if file.images is None else _signers(file.images, path.parent, f"{what}: images"),
        runs if file.snapshots is None else _signers(file.snapshots, path.parent, f"{what}: snapshots"),
    )


def joined(keyrings: Iterable[Keyring]) -> Keyring:
    """Return the keyring that has the keys and authorities of several, each once."""
    keys: list[TrustedKey] = []
    authorities: list[TimestampAuthority] = []
    for ring in keyrings:
        keys += [one for one in ring.keys if one not in keys]
        authorities += [one for one in ring.authorities if one not in authorities]
    return Keyring(tuple(keys), tuple(authorities))


def _signers(entry: SignersEntry, folder: Path, what: str) -> Signers:
    keyring = joined(read_keyring_file(folder / name, f"{what}: the keyring") for name in entry.keyrings)
    identities = tuple(_identity(one, folder, f"{what}.identities.{at}") for at, one in enumerate(entry.identities))
    if not keyring.keys and not identities:
        raise InvalidKey(f"{what} names no key and no identity, so that nobody could have signed")
    seen: set[tuple[Identity, object]] = set()
    for at, one in enumerate(identities):
        named = (one.identity, one.root.file)
        if named in seen:
            raise InvalidKey(f"{what}.identities.{at} is there before; name all builders that it signs for in one")
        seen.add(named)
    return AnySigner(keyring, identities) if identities else keyring


def _identity(entry: IdentityEntry, folder: Path, what: str) -> TrustedIdentity:
    path = folder / entry.trusted_root
    root = read_trusted_root(_read(path, f"{what}: the trusted root {path}", MAX_ROOT_BYTES), f"{what}: {path}")
    builders = None if entry.builders is None else frozenset(entry.builders)
    return TrustedIdentity(Identity(entry.subject, entry.issuer), root, builders)


def _read(path: Path, what: str, limit: int) -> bytes:
    """Return what is in a file, and a byte beyond the limit where there is more, which who parses it refuses."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise InvalidKey(f"{what} cannot be read: {error.strerror}") from error
