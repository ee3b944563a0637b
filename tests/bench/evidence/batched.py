"""``evidence.batch_rate``: how many runs a second are attested where the signer gives far fewer signatures than that.

What attests is the operator's own (``Attestations``), on a real registry and a store of files; there is no cluster, as
what asks is not what is timed. The runs are of many Strategies, so that each has a repository of its own.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tradeplane_operator.planning.attesting import AttestationEnd

from tests.bench.control.results_writer import EQUITY_BYTES
from tests.bench.evidence import BATCH_RATE
from tests.bench.records import Record
from tests.integration.evidence.conftest import listing_referrers
from tests.integration.operator.owed_runs import OwedRuns
from tests.ports import free_port

SIGNATURES_PER_SECOND = 1.0
RUNS = 1_000
STRATEGIES = 20


async def measure() -> Record:
    """Ask for all runs at once, and wait until each is attested."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        owed = OwedRuns.written(scratch, RUNS, STRATEGIES, EQUITY_BYTES)
        log = scratch / "registry.log"
        with listing_referrers(f"127.0.0.1:{free_port()}", log, "--store-type", "mem") as host:
            begun = time.perf_counter()
            found = await owed.attest(host, SIGNATURES_PER_SECOND)
            seconds = time.perf_counter() - begun
    missed = [one.message for one in found if one.end is not AttestationEnd.DONE]
    if missed:
        raise RuntimeError(f"{len(missed)} of {RUNS:,} runs were not attested: {missed[0]}")
    timed = (
        f"{RUNS:,} runs of {STRATEGIES} Strategies that have ended at once, {EQUITY_BYTES:,} bytes of results each, "
        "from asking the operator's part that attests until the last is, at a signer that gives "
        f"{SIGNATURES_PER_SECOND:g} signature a second (ECDSA P-256 from a file), olareg on loopback"
    )
    rate = RUNS / seconds
    return Record(BATCH_RATE, rate, "runs/s", "the signer's quota", SIGNATURES_PER_SECOND, rate, timed)
