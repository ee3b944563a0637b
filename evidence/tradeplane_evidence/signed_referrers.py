"""Statements signed, and hung on what they are about: bundles in a registry that refer to their subjects.

What was signed and pushed once is not signed again: a signer that gives another signature each time, or a timestamp,
would make a new referrer of every attempt. So where the bytes do not follow from statement and key, what an earlier
attempt left on any of the subjects is looked for first, and hung where it is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import (
    CertificateRefused,
    DigestMismatch,
    LogEntryRefused,
    Malformed,
    PolicyRefused,
    SignatureRefused,
    TimestampRefused,
)
from tradeplane_evidence.registry.bundles import PREDICATE, list_attestations, pull_bundle
from tradeplane_evidence.registry.manifests import artifact, described
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.signing.bundle import BUNDLE_TYPE
from tradeplane_evidence.signing.signer import payload_signed_by, sign_and_stamp
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.statements.statement import serialise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.signer import BundleSigner, Signer
    from tradeplane_evidence.statements.statement import Statement

CONTENT = "dev.sigstore.bundle.content"
"""Annotation that says which content of a bundle there is."""
NOT_OURS = (
    CertificateRefused,
    DigestMismatch,
    LogEntryRefused,
    Malformed,
    PolicyRefused,
    SignatureRefused,
    TimestampRefused,
)
"""What a bundle is that somebody else made, or that was changed."""


@dataclass(frozen=True, slots=True)
class Hung:
    """A bundle, and the digest of the manifest that holds it and refers to a subject, by the subject's digest."""

    bundle: bytes
    attestations: Mapping[str, str]


async def hang(
    registry: Registry,
    repository: Reference,
    statement: Statement,
    subjects: Sequence[Descriptor],
    signer: Signer | BundleSigner,
    timestamp_authority: str | None = None,
) -> Hung:
    """Sign a statement and push its bundle as a referrer of each subject, in their order.

    ``subjects``: manifests of the repository that the statement is about; the empty configuration of artifacts lies
    there already. ``timestamp_authority``: URL of who says when it was signed (RFC 3161). Raises what registry and
    signer raise.
    """
    bundle, hung = None, {}
    if not signer.deterministic or timestamp_authority is not None:
        payload = serialise(statement)

        def is_it(signed: bytes) -> bool:
            return signed == payload

        stamped = timestamp_authority is not None
        for subject in subjects:
            place = repository.at(subject.digest)
            earlier = await signed_before(
                registry, place, signer, is_it, stamped=stamped, predicate_type=statement.predicate_type
            )
            if earlier is not None:
                bundle, hung[subject.digest] = earlier
    if bundle is None:
        bundle = await sign_and_stamp(statement, signer, timestamp_authority)
    missing = [subject for subject in subjects if subject.digest not in hung]
    if missing:
        await registry.push_blob(repository.repository, bundle)
    for subject in missing:
        manifest = bundle_artifact(bundle, subject, statement.predicate_type)
        hung[subject.digest] = await push_referrer(registry, repository.repository, manifest)
    return Hung(bundle, hung)


async def signed_before(
    registry: Registry,
    reference: Reference,
    signer: Signer | BundleSigner,
    is_it: Callable[[bytes], bool],
    *,
    stamped: bool,
    predicate_type: str = PREDICATE_TYPE,
) -> tuple[bytes, str] | None:
    """Find what an earlier attempt hung on a manifest; return the bundle, and the digest of what holds it.

    ``is_it``: whether what the signer signed states what is to be stated; it may raise Malformed or PolicyRefused.
    ``stamped``: whether it must have a timestamp.
    """
    for one in await list_attestations(registry, reference, predicate_type):
        try:
            data = await pull_bundle(registry, reference, one.digest)
            if is_it(payload_signed_by(signer, data, stamped=stamped)):
                return data, one.digest
        except NOT_OURS:
            continue
    return None


def bundle_artifact(bundle: bytes, subject: Descriptor, predicate_type: str = PREDICATE_TYPE) -> bytes:
    """Return the manifest of what refers to a subject and holds a bundle about it, as cosign writes and finds it."""
    return artifact(
        BUNDLE_TYPE,
        (described(bundle, BUNDLE_TYPE),),
        subject=subject,
        annotations={CONTENT: "dsse-envelope", PREDICATE: predicate_type},
    )
