"""Who an export was verified by, written so that it is verified again without asking for them.

Keys alone, the same for all of a chain, are a keyring. Whoever else is relied on stands in a file of trust
(docs/evidence/trust.md), beside it the keyrings and the trusted roots that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import canonical_json, sha256_digest

from tradeplane_evidence.export import commands
from tradeplane_evidence.export.published_keys import key_path, keyring_bytes
from tradeplane_evidence.export.signatory import root_bytes, root_path
from tradeplane_evidence.signing.keyring import Keyring
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.verification.signers import ChainSigners, identities_of, keyring_of
from tradeplane_evidence.verification.trust_file import IdentityEntry, SignersEntry, TrustFile, joined

if TYPE_CHECKING:
    from tradeplane_evidence.export.folder import Folder
    from tradeplane_evidence.verification.signers import Signers

LINKS = ("runs", "images", "snapshots")


@dataclass(frozen=True, slots=True)
class PublishedIdentity:
    """Somebody who is relied on by name. ``links``: for what. ``builders`` is None where they sign for any."""

    subject: str
    issuer: str
    root: str
    builders: tuple[str, ...] | None
    links: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "trustedRoot": self.root,
            "builders": None if self.builders is None else list(self.builders),
            "links": list(self.links),
        }


def by_keyring(signers: ChainSigners) -> bool:
    """Say whether a keyring says all of it: keys alone are relied on, for each link the same."""
    return isinstance(signers.runs, Keyring) and not signers.differ


def all_keys(signers: ChainSigners) -> Keyring:
    """Return the keys and timestamp authorities of all links."""
    return joined(keyring_of(one) for one in _links(signers).values())


def published_identities(signers: ChainSigners) -> tuple[PublishedIdentity, ...]:
    """Return those who are relied on by name, each once with what for, in order."""
    found: dict[tuple[str, str, str, tuple[str, ...] | None], list[str]] = {}
    for link, those in _links(signers).items():
        for one in identities_of(those):
            builders = None if one.builders is None else tuple(sorted(one.builders))
            named = (one.identity.subject, one.identity.issuer, root_path(one.root), builders)
            found.setdefault(named, []).append(link)
    identities = [PublishedIdentity(*named, tuple(links)) for named, links in found.items()]
    return tuple(sorted(identities, key=lambda one: (one.subject, one.issuer, one.root, str(one.builders))))


def write_trust(signers: ChainSigners, folder: Folder) -> None:
    """Write who is relied on: keys, and where these are not all, the file of trust. Raises TooLarge, and OSError."""
    keys = all_keys(signers)
    files = {key_path(one.key.fingerprint): one.key.pem().encode() for one in keys.keys}
    if keys.keys:
        files[commands.KEYRING] = keyring_bytes(keys)
    if not by_keyring(signers):
        files |= _trust_files(signers)
    for path, data in sorted(files.items()):
        folder.add(path, data)


def _trust_files(signers: ChainSigners) -> dict[str, bytes]:
    links, files = _links(signers), dict[str, bytes]()
    for those in links.values():
        files |= {root_path(one.root): root_bytes(one.root) for one in identities_of(those)}
        if keyring_of(those).keys:
            files[_keyring_path(keyring_of(those))] = keyring_bytes(keyring_of(those))
    runs, images, snapshots = map(_entry, links.values())
    document = TrustFile(runs=runs, images=images, snapshots=snapshots)
    return {**files, commands.TRUST: canonical_json(document.plain())}


def _entry(signers: Signers) -> SignersEntry:
    keyring = keyring_of(signers)
    identities = [
        IdentityEntry(
            subject=one.identity.subject,
            issuer=one.identity.issuer,
            trusted_root=root_path(one.root),
            builders=None if one.builders is None else tuple(sorted(one.builders)),
        )
        for one in identities_of(signers)
    ]
    return SignersEntry(
        keyrings=(_keyring_path(keyring),) if keyring.keys else (),
        identities=tuple(sorted(identities, key=lambda one: one.model_dump_json())),
    )


def _keyring_path(keyring: Keyring) -> str:
    return f"keyrings/{hexadecimal(sha256_digest(keyring_bytes(keyring)))[:16]}.json"


def _links(signers: ChainSigners) -> dict[str, Signers]:
    return dict(zip(LINKS, (signers.runs, signers.images, signers.snapshots), strict=True))
