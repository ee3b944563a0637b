"""What attests within a quota of signatures, on a real registry: each run is attested, and few signatures are made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradeplane_evidence.registry.bundles import pull_bundle
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run
from tradeplane_operator.planning.attesting import AttestationEnd
from tradeplane_operator.settings import OPERATOR_BUILDER

from tests.integration.evidence.conftest import listing_referrers
from tests.integration.operator.owed_runs import OwedRuns
from tests.ports import free_port
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 24
PER_SECOND = 1.0
BUILDER = f"{OPERATOR_BUILDER}/backtest/file"


async def test_many_are_attested_by_few_signatures(tmp_path: Path) -> None:
    signer = sample_runs.signer_in(tmp_path)
    host = f"127.0.0.1:{free_port()}"
    owed = OwedRuns.written(tmp_path, RUNS, strategies=3, equity_bytes=1_000)
    bundles = set()
    with listing_referrers(host, tmp_path / "registry.log", "--store-type", "mem"):
        found = await owed.attest(host, PER_SECOND)
        assert [one.end for one in found] == [AttestationEnd.DONE] * RUNS, found
        async with Registry(host, plain_http=True) as registry:
            for number, attestation in enumerate(one.attestation for one in found):
                assert attestation is not None
                reference = parse_reference(attestation.reference)
                policy, now = Policy(builders=frozenset({BUILDER})), datetime.now(UTC)
                verified = await verify_run(registry, reference, sample_runs.keyring(signer), policy, now)
                assert verified.passed, verified.checks
                assert verified.results is not None
                assert verified.results.specification == sample_runs.results(f"run-{number}").specification
                bundles.add(await pull_bundle(registry, reference, attestation.attestation))
    assert len(bundles) < RUNS / 2
