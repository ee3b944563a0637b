"""What a claim looks like in its object: a signed bundle, compressed, and the artifacts that it is to be hung on.

A bundle of many runs stands there once. Nothing in it is believed: it is pushed only where our own signer signed it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import InvalidReference, Malformed
from tradeplane_evidence.registry.references import Reference, parse_reference
from tradeplane_evidence.signing.bundle import MAX_BUNDLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_evidence.publishing import Unpublished

MOST_BYTES = 900_000
"""Of all claims in their object: etcd takes 1.5 MiB a request, and the API server 1 MiB of a ConfigMap's data."""
_KEYS = {"bundle", "subjects"}


@dataclass(frozen=True, slots=True)
class ClaimedSubject:
    """An artifact, by digest, that a bundle is to be hung on; ``tag``: its name, given with the bundle."""

    subject: str
    tag: str | None
    predicate_type: str

    @property
    def place(self) -> Reference:
        """Where it lies. Raises InvalidReference."""
        return parse_reference(self.subject)

    def of(self, place: Reference) -> bool:
        """Return whether it is what an attempt at a place is about: by digest, or by the name that it gets."""
        own = self.place
        same = (own.host, own.repository) == (place.host, place.repository)
        return same and (place.digest == own.digest if place.tag is None else place.tag == self.tag)


def subject_of(unpublished: Unpublished) -> ClaimedSubject:
    """Return what a bundle is to be hung on."""
    tag = None if unpublished.there else unpublished.place.tag
    return ClaimedSubject(str(unpublished.subject), tag, unpublished.predicate_type)


@lru_cache(maxsize=4)
def key_of(bundle: bytes) -> str:
    """Return the key of a bundle in the object."""
    return hashlib.sha256(bundle).hexdigest()


@lru_cache(maxsize=4)
def packed(bundle: bytes) -> str:
    """Return a bundle as it stands in the object; of a thousand runs that are in one it is asked for each."""
    return base64.b64encode(zlib.compress(bundle, 6)).decode()


def written(bundle: str, subjects: Iterable[ClaimedSubject]) -> str:
    """Return the value of a claim; ``bundle`` as ``packed`` has it."""
    listed = [[one.subject, one.tag, one.predicate_type] for one in subjects]
    return json.dumps({"bundle": bundle, "subjects": listed}, separators=(",", ":"))


def read(key: str, value: str) -> tuple[bytes, list[ClaimedSubject]]:
    """Return bundle and subjects of a claim. Raises Malformed for what was not written by ``written``."""
    what = f"the claim {key}"
    document: Any = strict_json.parse(value.encode(), what, 2 * MOST_BYTES)
    if not isinstance(document, dict) or set(document) != _KEYS:
        raise Malformed(f"{what} is none: it has other keys than {', '.join(sorted(_KEYS))}")
    try:
        opened = zlib.decompressobj()
        bundle = opened.decompress(base64.b64decode(document["bundle"], validate=True), MAX_BUNDLE_BYTES)
        subjects = [ClaimedSubject(str(subject), tag, str(kind)) for subject, tag, kind in document["subjects"]]
        digests = [one.place.digest for one in subjects]
    except (binascii.Error, InvalidReference, TypeError, ValueError, zlib.error) as error:
        raise Malformed(f"{what} cannot be read: {error}") from error
    if key_of(bundle) != key or None in digests:
        raise Malformed(f"{what} is not of the bundle that it names, or names no digest")
    return bundle, subjects
