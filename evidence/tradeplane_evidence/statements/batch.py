"""The statement of many runs at once; docs/evidence/run-batch-v1.md is what its build type resolves to.

A signer that gives so many signatures a second and no more cannot sign each of more runs. One statement can be about
1,024 artifacts, and cosign finds each by its digest. What is said of one run would not fit in there 1,024 times, nor is
it for the tenants of the others to read: it lies in the run's own artifact, whose digest is what is signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_evidence.statements.provenance import (
    PREDICATE_TYPE,
    BuildDefinition,
    Builder,
    BuildMetadata,
    Provenance,
    RunDetails,
)
from tradeplane_evidence.statements.statement import Statement, Subject, hexadecimal

if TYPE_CHECKING:
    from collections.abc import Iterable

BATCH_BUILD_TYPE = "https://tradeplane.dev/evidence/run-batch-v1"


def batch_statement(artifacts: Iterable[str], builder: str, finished: str | None) -> Statement:
    """Return what is stated of the artifacts of many runs: that each one's own provenance is a builder's word.

    ``artifacts``: digests of OCI manifests, in any order. ``finished``: when the last of them was (RFC 3339).
    """
    provenance = Provenance(
        build_definition=BuildDefinition(build_type=BATCH_BUILD_TYPE, external_parameters={}),
        run_details=RunDetails(builder=Builder(id=builder), metadata=BuildMetadata(finished_on=finished)),
    )
    return Statement(
        subject=tuple(Subject(digest={"sha256": hexadecimal(digest)}) for digest in sorted(set(artifacts))),
        predicate_type=PREDICATE_TYPE,
        predicate=provenance.plain(),
    )
