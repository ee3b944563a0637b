"""How soon a run is attested, how long a verifier takes for one bundle, and how fast a ledger is written and verified.

Of the verifier there is no peer in the same process: sigstore-python reads no bundle of a bare key, and cosign is a
program of its own that starts anew for each. What is timed is what an auditor's script calls a thousand times.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from tradeplane_evidence.attestation import statement_of
from tradeplane_evidence.results_artifact import results_artifact
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.verification.bundles import verify_bundle
from tradeplane_evidence.verification.policy import Policy

from tests.bench.records import Record
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Collection

VERIFY = "evidence.verify_s"
ATTESTED = ("evidence.attested_p50_s", "evidence.attested_p99_s", "evidence.api_writes_per_run")
BATCH_RATE = "evidence.batch_rate"
CHAINS = "evidence.verify_1000_chains_s"
BUNDLES = 500
LEDGER = ("evidence.ledger_append_rate", "evidence.ledger_verify_rate")
ROUNDS = 5
NOW = datetime(2026, 1, 6, tzinfo=UTC)


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the records whose names begin with one of those asked for, or all where none is."""
    asked = tuple(names) or ("evidence",)
    measured = [_verify()] if VERIFY.startswith(asked) else []
    if any(name.startswith(asked) for name in LEDGER):
        from tests.bench.evidence import ledger

        measured += ledger.measure()
    if any(name.startswith(asked) for name in ATTESTED):
        from tests.bench.evidence.attested import measure

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            measured += runner.run(measure())
    if BATCH_RATE.startswith(asked):
        from tests.bench.evidence import batched

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            measured.append(runner.run(batched.measure()))
    if CHAINS.startswith(asked):
        from tests.bench.evidence import chains

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            measured.append(runner.run(chains.measure()))
    return measured


def _verify() -> Record:
    with tempfile.TemporaryDirectory() as folder:
        signer = sample_runs.signer_in(Path(folder))
    keyring, policy = sample_runs.keyring(signer), Policy()
    bundles = []
    for number in range(BUNDLES):
        run = sample_runs.stored(f"run-{number}")
        found = results_artifact(run.results, run.files)
        bundles.append((found.digest, sign_statement(statement_of(run, found, sample_runs.EXECUTION), signer)))
    times = []
    for _ in range(ROUNDS):
        for digest, bundle in bundles:
            begun = time.perf_counter()
            verify_bundle(bundle, digest, keyring, policy, NOW)
            times.append(time.perf_counter() - begun)
    times.sort()
    size = sum(len(bundle) for _, bundle in bundles) // BUNDLES
    timed = (
        f"median of {BUNDLES} bundles of different runs ({size:,} bytes each, ECDSA P-256), {ROUNDS} times each, from "
        f"their bytes to the claim, in process; 99th percentile {times[len(times) * 99 // 100] * 1e3:.2f} ms"
    )
    return Record(VERIFY, times[len(times) // 2], "s", None, None, None, timed)
