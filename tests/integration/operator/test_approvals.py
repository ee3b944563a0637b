"""Nothing starts before those have approved it who must, by the command that people use, on a real API server."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.base import API_VERSION
from tradeplane_cli.approvals import Wanted, approve
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.approval import Approval, ApprovedObject, approval_statement

from tests.integration.operator.cluster import Bench, condition, eventually
from tests.unit.evidence import sample_approvals, sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
ALICE, BOB = "alice@example.com", "bob@example.com"


@dataclass
class People:
    """Two users with a key each, and the keyring that says so."""

    bench: Bench
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    signers: dict[str, FileSigner] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scalars = {ALICE: 0xA11CE, BOB: 0xB0B}
        self.signers = {user: sample_runs.signer_in(self.folder, scalar=one) for user, one in scalars.items()}
        entries = [sample_approvals.entry(signer, user) for user, signer in self.signers.items()]
        keyring = {"schemaVersion": 1, "kind": "Keyring", "keys": entries}
        (self.folder / "approvers.json").write_text(json.dumps(keyring))

    def settings(self, approvers: int) -> Json:
        """Return the settings by which a backtest needs approval."""
        rules = [{"modes": ["Backtest"], "approvers": approvers}]
        keyring = str(self.folder / "approvers.json")
        return {"approvals": {"keyring": keyring, "rules": rules, "againSeconds": 1, "mostSeconds": 2}}

    async def approve(self, name: str, user: str, key: str | None = None) -> Json:
        """Have a user approve a Strategy as the API server has it, by the command, be it with another's key."""
        stored = json.dumps(await self.bench.strategy(name)).encode()
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stored)))
        scalar = {ALICE: 0xA11CE, BOB: 0xB0B}[key or user]
        signer = f"file:{sample_runs.key_file(self.folder, f'{scalar}.pem', scalar=scalar)}"
        signed = await asyncio.to_thread(approve, "-", Wanted(user, None, None), signer, None)
        return await self.apply(signed.manifest)

    async def apply(self, manifest: Json) -> Json:
        """Create an Approval."""
        path = f"/apis/{API_VERSION}/namespaces/{self.bench.namespace}/approvals"
        created: Json = await self.bench.client.create(path, manifest)
        return created

    def sign(self, strategy: Json, user: str, configuration: str, not_after: datetime, name: str) -> Json:
        """Return an Approval of a user that the command would not make."""
        metadata = strategy["metadata"]
        approved = ApprovedObject(
            api_version=API_VERSION,
            kind="Strategy",
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
        )
        approval = Approval(
            object=approved, user=user, time="2026-01-01T00:00:00Z", not_after=f"{not_after:%Y-%m-%dT%H:%M:%SZ}"
        )
        bundle = sign_statement(approval_statement(approval, configuration), self.signers[user]).decode()
        reference = {"name": metadata["name"]}
        spec = {"strategyRef": reference, "configuration": configuration, "user": user, "bundle": bundle}
        return {"apiVersion": API_VERSION, "kind": "Approval", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def people(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> People:
    """Give two users who approve."""
    return People(bench, tmp_path, monkeypatch)


async def _waits(bench: Bench, *words: str) -> Json:
    """Wait until a Strategy says of its approvals what is expected."""

    async def found() -> Json | None:
        strategy = await bench.strategy("hold")
        ready = condition(strategy, "Ready")
        awaits = ready.get("reason") == "AwaitingApproval"
        return strategy if awaits and all(word in ready["message"] for word in words) else None

    async def state() -> object:
        return (await bench.strategy("hold")).get("status")

    return await eventually(found, f"AwaitingApproval with {words}", state=state)


async def test_two_users_approve_what_is_run_and_again_what_is_edited(
    bench: Bench, operators: Callable[..., OperatorProcess], people: People
) -> None:
    operators(**people.settings(approvers=2))
    await bench.create_snapshot("prices", bench.write_snapshot())
    uid = (await bench.create_strategy("hold"))["metadata"]["uid"]
    await _waits(bench, "approved by nobody", "2 are missing", f"-n {bench.namespace} -o json | tradeplane approve")

    first = await people.approve("hold", ALICE)
    await _waits(bench, f"approved by {ALICE}", "1 is missing")
    verified = await bench.said("approvals", first["metadata"]["name"], "Verified")
    assert verified["status"]["key"] == people.signers[ALICE].public_key.fingerprint

    once_more = {**first, "metadata": {"name": "once-more"}}
    await people.apply({name: once_more[name] for name in ("apiVersion", "kind", "metadata", "spec")})
    await bench.said("approvals", "once-more", "Verified")
    await _waits(bench, f"approved by {ALICE}", "1 is missing")
    assert await bench.jobs(uid) == []

    second = await people.approve("hold", BOB)
    job = await bench.a_job(uid)
    strategy = await bench.strategy("hold")
    assert {one["user"] for one in strategy["status"]["latest"]["approvals"]} == {ALICE, BOB}
    await bench.succeed(job)
    await bench.until("hold", "Succeeded")

    await bench.change("hold", capital="200000")
    waiting = await _waits(bench, "approved by nobody", "of another version")
    assert second["spec"]["configuration"] not in condition(waiting, "Ready")["message"]
    known = frozenset(one["metadata"]["name"] for one in await bench.jobs(uid))
    for user in (ALICE, BOB):
        await people.approve("hold", user)
    assert await bench.a_job(uid, besides=known)


async def test_what_is_forged_expired_or_of_what_is_gone_counts_nothing(
    bench: Bench, operators: Callable[..., OperatorProcess], people: People
) -> None:
    operators(**people.settings(approvers=1))
    await bench.create_snapshot("prices", bench.write_snapshot())
    strategy = await bench.create_strategy("hold")
    forged = await people.approve("hold", ALICE, key=BOB)
    await bench.said("approvals", forged["metadata"]["name"], "WrongUser")
    await _waits(bench, "approved by nobody", "(WrongUser)")

    digest, now = forged["spec"]["configuration"], datetime.now(UTC)
    await people.apply(people.sign(strategy, BOB, digest, now - timedelta(seconds=1), "expired"))
    await bench.said("approvals", "expired", "Expired")
    gone = {"metadata": {**strategy["metadata"], "uid": "4d1f8c9e-0000-4000-8000-000000000001"}}
    await people.apply(people.sign(gone, BOB, digest, now + timedelta(days=1), "gone"))
    await bench.said("approvals", "gone", "Verified")
    elsewhere = {"metadata": {**strategy["metadata"], "namespace": "other"}}
    await people.apply(people.sign(elsewhere, BOB, digest, now + timedelta(days=1), "elsewhere"))
    await bench.said("approvals", "elsewhere", "NotOfThisObject")
    await _waits(bench, "approved by nobody", "expired (expired)", "gone (of a Strategy of this name that is gone)")
    assert await bench.jobs(strategy["metadata"]["uid"]) == []

    await people.apply(people.sign(strategy, BOB, digest, now + timedelta(days=1), "good"))
    assert await bench.a_job(strategy["metadata"]["uid"])


async def test_an_approval_that_is_withdrawn_lets_nothing_more_start(
    bench: Bench, operators: Callable[..., OperatorProcess], people: People
) -> None:
    operators(**people.settings(approvers=2))
    await bench.create_snapshot("prices", bench.write_snapshot())
    strategy = await bench.create_strategy("hold")
    first = await people.approve("hold", ALICE)
    await _waits(bench, f"approved by {ALICE}")
    path = f"/apis/{API_VERSION}/namespaces/{bench.namespace}/approvals/{first['metadata']['name']}"
    await bench.client._write("DELETE", path, {})
    await _waits(bench, "approved by nobody", "2 are missing")
    await people.approve("hold", BOB)
    await _waits(bench, f"approved by {BOB}", "1 is missing")
    assert await bench.jobs(strategy["metadata"]["uid"]) == []
