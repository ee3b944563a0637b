"""Digests of what is planned anew at each pass, and is mostly what it was at the last.

Canonical JSON is written in Python, and takes most of the time of a plan that has a manifest to compare. So the digest
of a text is remembered; a text of another order or spacing costs another look, and has the same digest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from tradeplane_store.canonical import canonical_json, sha256_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

_REMEMBERED = 1_024
"""Texts of a few kilobytes each."""


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the digest of the canonical JSON of a document, given as plain JSON values."""
    return _of_text(orjson.dumps(document))


@lru_cache(maxsize=_REMEMBERED)
def _of_text(text: bytes) -> str:
    return sha256_digest(canonical_json(orjson.loads(text)))
