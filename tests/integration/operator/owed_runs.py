"""Runs that have all ended, in a store of files, and the operator's part that attests asked for all of them at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradeplane_api.run import Outcome
from tradeplane_api.strategy import Architecture, RunStatus, Trigger
from tradeplane_evidence.results_artifact import digest_over
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.stores import Stores
from tradeplane_operator.running.attestations import Attestations
from tradeplane_operator.settings import Evidence, Store
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.objects import open_store

from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tradeplane_operator.planning.attesting import AttestationFacts

NAMESPACE = "research"
_LIMIT_S = 300.0


@dataclass
class _Ended:
    """Counts the attempts that have ended, until all have."""

    left: int
    all: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, _key: Key) -> None:
        self.left -= 1
        if self.left == 0:
            self.all.set()


@dataclass(frozen=True)
class OwedRuns:
    """Runs of several Strategies, each named ``run-<number>``."""

    folder: Path
    asked: tuple[tuple[Key, RunStatus], ...]

    @classmethod
    def written(cls, folder: Path, runs: int, strategies: int, equity_bytes: int) -> OwedRuns:
        """Write the results of runs into a new store, with so many bytes of equity each."""
        root = folder / "store"
        (root / NAMESPACE).mkdir(parents=True)
        store = open_store(root.as_uri()).within(NAMESPACE)
        asked = []
        for number in range(runs):
            name = f"run-{number}"
            run = sample_runs.with_equity(sample_runs.stored(name), sample_runs.equity_of(number, equity_bytes))
            sample_runs.store_run(store, run)
            asked.append((Key(Kind.STRATEGY, NAMESPACE, f"strategy-{number % strategies}"), _status(name, run.files)))
        return cls(folder, tuple(asked))

    async def attest(self, host: str, per_second: float, signer: str = "") -> list[AttestationFacts]:
        """Have all attested within a quota of signatures, by a key of the test unless a signer is named.

        Returns how the attempt at each ended.
        """
        evidence = Evidence(
            registry=f"{host}/runs",
            plain_http=True,
            signer=signer or f"file:{sample_runs.key_file(self.folder)}",
            signatures_per_second=per_second,
        )
        ended = _Ended(len(self.asked))
        stores = Stores({"default": Store(url=(self.folder / "store").as_uri(), claim="tradeplane-store")})
        attestations = Attestations(evidence, stores, lambda: datetime.now(UTC), ended, lambda: None)
        working = asyncio.create_task(attestations.run())
        for key, run in self.asked:
            attestations.ask(key, "default", run)
        async with asyncio.timeout(_LIMIT_S):
            await ended.all.wait()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return [attestations.facts(key)[run.name] for key, run in self.asked]


def _status(run: str, files: Mapping[str, bytes]) -> RunStatus:
    """Return what the status says of a run that ended well and is still to be attested."""
    return RunStatus(
        name=run,
        generation=1,
        trigger=Trigger.GENERATION,
        architecture=Architecture.ANY,
        outcome=Outcome.SUCCEEDED,
        manifest_digest=sha256_digest(files["manifest.json"]),
        files_digest=digest_over(files),
        start_time=sample_runs.EXECUTION.started,
        completion_time=sample_runs.EXECUTION.finished,
    )
