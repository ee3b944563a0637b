"""Specifications are kept once, by their digest, whoever told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_evidence.configurations.documents import Configuration, payload_of
from tradeplane_evidence.errors import Malformed
from tradeplane_store.canonical import sha256_digest

from tradeplane_operator.recording.sightings import MAX_NOTE

if TYPE_CHECKING:
    from tradeplane_evidence.configurations.payloads import Payloads


def kept(payloads: Payloads, configuration: Configuration) -> tuple[str | None, str | None]:
    """Keep a specification; return its digest, or why there is none. Raises what ``put`` raises but Malformed."""
    try:
        return payloads.put(payload_of(configuration)), None
    except Malformed as error:
        return None, f"the specification was not kept: {error}"[:MAX_NOTE]


def digest_of(configuration: Configuration) -> str | None:
    """Return the digest that a specification is kept by; None for one that has no canonical JSON, or is too large."""
    try:
        return sha256_digest(payload_of(configuration))
    except Malformed:
        return None
