"""A run whose files are not those that its manifest names is signed, and no verification believes it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.results_artifact import digest_over
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import Verification, verify_run
from tradeplane_store.canonical import canonical_json

from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.statements.run import Execution
    from tradeplane_evidence.stored_runs import StoredRun

    from tests.unit.cli.conftest import Ended

__all__ = ["tradeplane"]

NOW = datetime(2026, 1, 6, tzinfo=UTC)
BETTER = sample_runs.results().summary.model_copy(update={"total_return": "9.99"})


async def _verified(
    host: str, signer: FileSigner, run: StoredRun, execution: Execution = sample_runs.EXECUTION
) -> Verification:
    """Attest a run as it is, and return what is found of it."""
    keyring, repository = sample_runs.keyring(signer), Reference(host, "runs/replaced")
    async with Registry(host, plain_http=True) as registry:
        attested = await attest_run(run, registry, repository, Alone(signer), execution)
        return await verify_run(registry, attested.reference, keyring, Policy(), NOW)


def _changed(name: str, data: bytes) -> StoredRun:
    """Return a run of which a file was replaced before it was signed."""
    run = sample_runs.stored()
    return replace(run, files={**run.files, name: data})


@pytest.mark.parametrize(
    ("run", "error", "words"),
    [
        (
            _changed("equity.arrow", sample_runs.another_equity()),
            "ResultsChanged",
            "file equity.arrow holds records of",
        ),
        (_changed("trades.arrow", b"no table"), "Malformed", "file trades.arrow is no table as a run writes it"),
        (_changed("summary.json", canonical_json(BETTER)), "ResultsChanged", "file summary.json of run"),
        (_changed("summary.json", b"{"), "ResultsChanged", "file summary.json of run"),
    ],
)
async def test_files_that_were_replaced_before_they_were_signed_are_refused(
    olareg: str, signer: FileSigner, run: StoredRun, error: str, words: str
) -> None:
    """As by a runner that says nothing of its files, under an operator that reads no tables."""
    last = (await _verified(olareg, signer, run)).checks[-1]
    assert (last.name, last.error) == ("files", error)
    assert words in last.words


def test_a_run_of_which_a_table_was_replaced_is_refused_by_an_export_and_run_again_by_none(
    tradeplane: Callable[..., Ended], olareg: str, signer: FileSigner, tmp_path: Path
) -> None:
    replaced = _changed("equity.arrow", sample_runs.another_equity())
    reference = str(asyncio.run(_verified(olareg, signer, replaced)).reference)
    key = tmp_path / "key.pub"
    key.write_text(signer.public_key.pem())
    out, days = tmp_path / "export", ("--from", "2026-01-01", "--to", "2026-03-31")
    exported = tradeplane("evidence", "export", reference, "--key", str(key), *days, "--out", str(out))
    assert exported.code == 3
    (run,) = json.loads((out / "runs.json").read_text())["runs"]
    assert (run["verified"], run["checks"][-1]["error"]) == (False, "ResultsChanged")
    again = tradeplane("verify", reference, "--key", str(key), "--replay", "-o", "json")
    assert again.code == 3
    last = json.loads(again.out)["checks"][-1]
    assert (last["name"], last["error"]) == ("files", "ResultsChanged")


async def test_files_that_the_pod_is_stated_to_have_left_are_those_there(olareg: str, signer: FileSigner) -> None:
    run = sample_runs.stored()
    left = replace(sample_runs.EXECUTION, files=digest_over(run.files))
    other = replace(sample_runs.EXECUTION, files="sha256:" + "f1" * 32)
    assert (await _verified(olareg, signer, run, left)).passed
    last = (await _verified(olareg, signer, _changed("manifest.json", _elsewhere()), other)).checks[-1]
    assert (last.name, last.error) == ("files", "PolicyRefused")
    assert "are not those that the statement has the run's pod leave" in last.words


def _elsewhere() -> bytes:
    """Return a manifest of the run, made on another machine, so that it is another artifact."""
    return canonical_json(sample_runs.results(machine="aarch64"))


@pytest.mark.parametrize("whole", [True, False])
async def test_an_artifact_of_other_files_than_its_manifest_names_is_refused(
    olareg: str, signer: FileSigner, *, whole: bool
) -> None:
    run = sample_runs.stored()
    parts = run.results.parts if whole else run.results.parts[:-1]
    extra = {} if not whole else {"more.arrow": sample_runs.another_equity()}
    named = run.results.model_copy(
        update={"parts": (*parts, *(parts[0].model_copy(update={"name": "more"}) for _ in extra))}
    )
    other = replace(run, results=named, files={**run.files, **extra})
    last = (await _verified(olareg, signer, other)).checks[-1]
    assert (last.name, last.error) == ("files", "Malformed")
    assert ("has more.arrow" if whole else "has no positions.arrow") in last.words
