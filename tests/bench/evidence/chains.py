"""``evidence.verify_1000_chains_s``: a thousand runs in a registry, each verified whole, as an auditor of a year would.

Each is asked for by its reference: manifest, referrers, bundle, every file, result and inputs, and on to the image's
attestation and its sources, which they share. The registry is on this machine, so that what is timed is ours.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.image_attestation import attest_image
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.images import Images, image_policy
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run

from tests.bench.control.results_writer import EQUITY_BYTES
from tests.bench.evidence import CHAINS
from tests.bench.records import Record
from tests.integration.evidence.conftest import listing_referrers
from tests.ports import free_port
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_evidence.signing.file_signer import FileSigner

RUNS = 1_000
AT_ONCE = 8
NOW = datetime(2026, 1, 6, tzinfo=UTC)


async def measure() -> Record:
    """Attest the runs and the image, then verify each run with its chain."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        signer = sample_runs.signer_in(scratch)
        host = f"127.0.0.1:{free_port()}"
        with listing_referrers(host, scratch / "registry.log", "--store-type", "mem"):
            async with Registry(host, plain_http=True) as registry:
                references = await _attested(registry, host, signer)
                begun = time.perf_counter()
                await _verified(registry, references, signer)
                seconds = time.perf_counter() - begun
    timed = (
        f"{RUNS:,} runs of a registry on loopback (olareg), {AT_ONCE} at a time, each with {EQUITY_BYTES:,} bytes of "
        "equity and two small tables, each held to the run's manifest, from its reference to the commit of its image, "
        "which they share; without attestations of the data; one process"
    )
    return Record(CHAINS, seconds, "s", None, None, None, timed)


async def _attested(registry: Registry, host: str, signer: FileSigner) -> list[Reference]:
    image = Reference(host, "images/workloads", digest=sample_images.image().digest)
    await sample_images.image().push(registry, image.repository)
    bills = sample_images.sboms().values()
    attested = await attest_image(registry, image, sample_images.build(), bills, signer, sample_images.EXECUTION)
    execution = replace(
        sample_runs.EXECUTION, image_attestation=attested.provenance.attestations[sample_images.image().digest]
    )
    references = []
    for number in range(RUNS):
        run = sample_runs.stored(f"run-{number}", str(image))
        run = sample_runs.with_equity(run, sample_runs.equity_of(number, EQUITY_BYTES))
        repository = Reference(host, f"runs/strategy-{number % 20}")
        references.append((await attest_run(run, registry, repository, Alone(signer), execution)).reference)
    return references


async def _verified(registry: Registry, references: Sequence[Reference], signer: FileSigner) -> None:
    keyring, policy, room = sample_runs.keyring(signer), Policy(), asyncio.Semaphore(AT_ONCE)

    async def registry_of(_: Reference) -> Registry:
        return registry

    images = Images(registry_of, Trust(keyring, image_policy(), NOW))

    async def verify(reference: Reference) -> None:
        async with room:
            found = await verify_run(registry, reference, keyring, policy, NOW, images)
        if not found.passed or found.image is None or found.image.commit != sample_images.COMMIT:
            raise RuntimeError(f"{reference} was not verified: {found.checks}")

    await asyncio.gather(*(verify(one) for one in references))
