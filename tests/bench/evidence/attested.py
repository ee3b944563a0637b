"""``evidence.attested_*`` and ``evidence.api_writes_*per_run``: how soon a run that ended is attested, and its cost.

The operator is the real one, and so are the API server, the registry and the signatures; the pods are kwok's, as in
``control.*``. A Strategy is Ready once its run is attested (``required``), which a watch of ours sees.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.control.api_writes import requests_in, writes_of
from tests.bench.control.contenders import arena, operating
from tests.bench.control.documents import STRATEGIES, strategies
from tests.bench.control.load import create, create_at, percentile, removed, say, seeing
from tests.bench.control.noise import Noise
from tests.bench.control.operator_process import USER
from tests.bench.control.results_writer import EQUITY_BYTES
from tests.bench.records import Record
from tests.integration.evidence.conftest import listing_referrers
from tests.integration.evidence.timestamp_authority import timestamp_authority, timestamps_at
from tests.ports import free_port
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from tests.bench.control.contenders import Arena

PER_SECOND = 10.0
RUNS = 600
_WARMING = 20
_PATIENCE = 180.0


async def measure() -> list[Record]:
    """Have runs end at a steady rate, and watch for their attestations: by a key, and with timestamps, which differ."""
    plain = await _writes_per_run()
    alike = await _attested(plain)
    with tempfile.TemporaryDirectory(prefix="tradeplane-bench-") as folder, timestamp_authority(Path(folder)) as there:
        claimed = await _attested(plain, timestampAuthority=timestamps_at(there))
    return [*_delays(alike), _writes(alike), _claimed_writes(claimed)]


@dataclass(frozen=True)
class _Measured:
    """What was measured of one signer: delays in seconds, and writes a run, of one that is not attested as well."""

    p50: float
    p99: float
    writes: float
    plain: float


async def _attested(plain: float, **evidence: str) -> _Measured:
    async with arena(audit=True, vouched=True) as place:
        log = place.fleet.scratch / "registry.log"
        with listing_referrers(f"127.0.0.1:{free_port()}", log, "--store-type", "mem") as host:
            key = sample_runs.key_file(place.fleet.scratch)
            place.operator.settings["evidence"] = {
                "registry": f"{host}/runs",
                "plainHttp": True,
                "signer": f"file:{key}",
                "required": True,
                **evidence,
            }
            async with operating(place.operator), seeing(place.client, "strategies", "jobs") as seen:
                await create(place.client, STRATEGIES, strategies("warming", _WARMING))
                await seen.until("ready", _WARMING, _PATIENCE)
                await removed(place.client)
                begins = _log(place).stat().st_size
                noise = Noise()
                asked = await create_at(place.client, strategies("paced", RUNS), PER_SECOND)
                await seen.until("ready", _WARMING + RUNS, _PATIENCE)
                others = noise.share()
                await removed(place.client)
        writes = _written(place, begins) / RUNS
    delays = [seen.ready[name] - seen.ended[name] for name in asked]
    p50, p99 = percentile(delays, 50), percentile(delays, 99)
    say(f"end to attested: median {p50:.3f} s, 99th percentile {p99:.3f} s; others used {others:.0%} of the machine")
    return _Measured(p50, p99, writes, plain)


def _delays(measured: _Measured) -> list[Record]:
    timed = (
        "from a Job being complete to its Strategy being Ready, attested, both as a watch sees them; "
        f"of {RUNS} runs at {PER_SECOND:g} a second with {EQUITY_BYTES:,} bytes of results each, ECDSA P-256 from a "
        "file, olareg on loopback: "
    )
    return [
        Record("evidence.attested_p50_s", measured.p50, "s", None, None, None, timed + "median"),
        Record("evidence.attested_p99_s", measured.p99, "s", None, None, None, timed + "99th percentile"),
    ]


_COUNTED = (
    "requests of the operator's account that write, in the API server's audit log, of a run that is attested, less "
    "those of one that is not, each over some hundreds from create to the Job's removal"
)


def _writes(measured: _Measured) -> Record:
    more = measured.writes - measured.plain
    return Record(
        "evidence.api_writes_per_run", more, "writes/run", "all of one attested", measured.writes, None, _COUNTED
    )


def _claimed_writes(measured: _Measured) -> Record:
    more = measured.writes - measured.plain
    timed = f"{_COUNTED}; signed with a timestamp, so that each bundle differs and is claimed before it is pushed"
    return Record(
        "evidence.api_writes_claimed_per_run", more, "writes/run", "all of one attested", measured.writes, None, timed
    )


async def _writes_per_run() -> float:
    """Count the writes of a run that is not attested."""
    async with arena(audit=True) as place, operating(place.operator), seeing(place.client, "strategies") as seen:
        await create(place.client, STRATEGIES, strategies("warming", 1))
        await seen.until("ready", 1, _PATIENCE)
        await removed(place.client)
        begins = _log(place).stat().st_size
        await create_at(place.client, strategies("plain", RUNS // 2), PER_SECOND * 2)
        await seen.until("ready", 1 + RUNS // 2, _PATIENCE)
        await removed(place.client)
        return _written(place, begins) / (RUNS // 2)


def _log(place: Arena) -> Path:
    return place.fleet.cluster.layout.logs / "audit.log"


def _written(place: Arena, begins: int) -> int:
    return writes_of(requests_in(_log(place), begins), USER)
