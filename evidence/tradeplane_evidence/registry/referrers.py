"""What refers to an artifact: by the registry's own list, and by the fallback tag where it keeps none.

Source: OCI Distribution Specification 1.1, "Listing Referrers", "Pushing Manifests with Subject" and "Referrers Tag
Schema". The fallback is a tag that every client rewrites; there is no lock on it, so that what was written is read
again and written again where another client's list has replaced it.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence.errors import Malformed, RegistryRefused, RegistryUnavailable
from tradeplane_evidence.registry.manifests import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    MAX_REFERRERS,
    described,
    index_bytes,
    parse_index,
    parse_manifest,
)
from tradeplane_evidence.registry.references import Reference

if TYPE_CHECKING:
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor

MAX_PAGES = 64
FALLBACK_TRIES = 16
FALLBACK_PAUSE_S = 0.05
"""Longest pause before the second look at the list, doubled a few times; drawn, so that two do not go on in step."""


async def list_referrers(registry: Registry, repository: str, digest: str) -> tuple[Descriptor, ...]:
    """Return what refers to a digest, in the registry's order. Raises Malformed where its list is none, or too long."""
    page = await registry.referrers(repository, digest)
    if page is None:
        return await _fallback(registry, repository, digest)
    found: list[Descriptor] = []
    for _ in range(MAX_PAGES):
        body, following = page
        found.extend(parse_index(body, f"the list of what refers to {digest}").manifests)
        if len(found) > MAX_REFERRERS:
            raise Malformed(f"{registry.host} lists more than {MAX_REFERRERS:,} referrers of {digest}")
        if following is None:
            return tuple(found)
        page = await registry.referrers(repository, digest, following)
        if page is None:
            raise RegistryUnavailable(f"{registry.host} does not go on with its list of what refers to {digest}")
    raise Malformed(f"{registry.host} lists what refers to {digest} on more than {MAX_PAGES} pages")


async def push_referrer(registry: Registry, repository: str, manifest: bytes) -> str:
    """Put a manifest that has a subject, so that who asks for what refers to that finds it; return its digest."""
    digest = sha256_digest(manifest)
    listed = await registry.push_manifest(repository, digest, manifest, MANIFEST_TYPE)
    if not listed:
        await _enter(registry, repository, manifest)
    return digest


def fallback_tag(digest: str) -> str:
    """Return the tag under which the list of what refers to a digest lies."""
    return digest.replace(":", "-", 1)


async def _enter(registry: Registry, repository: str, data: bytes) -> None:
    """Enter a manifest into the list under the fallback tag, until it is seen there."""
    manifest = parse_manifest(data, "the manifest to be pushed")
    if manifest.subject is None:
        raise Malformed("the manifest to be pushed refers to nothing")
    subject = manifest.subject.digest
    kind = manifest.artifact_type or manifest.config.media_type
    entry = described(data, MANIFEST_TYPE).model_copy(
        update={"annotations": manifest.annotations, "artifact_type": kind}
    )
    for tried in range(FALLBACK_TRIES):
        listed = await _fallback(registry, repository, subject)
        if any(one.digest == entry.digest for one in listed):
            return
        if len(listed) >= MAX_REFERRERS:
            raise Malformed(
                f"{registry.host}: {subject} has {len(listed):,} referrers; remove some before another comes"
            )
        index = index_bytes((*listed, entry))
        await registry.push_manifest(repository, fallback_tag(subject), index, INDEX_TYPE)
        await asyncio.sleep(random.uniform(0, FALLBACK_PAUSE_S * 2 ** min(tried, 4)))  # noqa: S311 - decides no result
    raise RegistryUnavailable(
        f"{registry.host}/{repository}: the list under {fallback_tag(subject)} is replaced by another client each time "
        f"({FALLBACK_TRIES} times); push again when it has ended"
    )


async def _fallback(registry: Registry, repository: str, digest: str) -> tuple[Descriptor, ...]:
    reference = Reference(registry.host, repository, tag=fallback_tag(digest))
    try:
        body, _ = await registry.manifest(reference)
    except RegistryRefused as error:
        if error.status == 404:
            return ()
        raise
    return parse_index(body, f"the list under {reference}").manifests
