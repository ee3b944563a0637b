"""What replays of a session found, in real registries: pushed and signed once, found by cosign, told when verified."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.errors import PolicyRefused, RegistryUnavailable
from tradeplane_evidence.export.discovery import Found, discover
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import EMPTY, MANIFEST_TYPE, artifact, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import list_referrers, push_referrer
from tradeplane_evidence.replay_attestation import ReplayedSession, attest_session_replays, push_session
from tradeplane_evidence.signed_referrers import bundle_artifact
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.snapshot_artifact import SESSION_TYPE
from tradeplane_evidence.statements.test_result import TEST_RESULT_TYPE, replay_statement
from tradeplane_evidence.stored_sessions import read_session
from tradeplane_evidence.verification.kinds import kind_of
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.rules import all_of
from tradeplane_evidence.verification.sessions import verify_session
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.objects import open_store
from tradeplane_workloads.sessions.bundle import seal_session

from tests.integration.evidence.conftest import push
from tests.unit.cli.conftest import files, tradeplane
from tests.unit.evidence import sample_replays, sample_runs, sample_sessions
from tests.unit.evidence.sample_replays import AMD64, ARM64, DIVERGED, UNJUDGED, WITHIN, replay
from tests.unit.workloads.sessions.trading_floor import Floor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.signer import Signer
    from tradeplane_evidence.statements.statement import Statement
    from tradeplane_evidence.verification.checks import Check
    from tradeplane_evidence.verification.sessions import SessionVerification

    from tests.integration.evidence.conftest import Cosign
    from tests.unit.cli.conftest import Ended
    from tests.unit.evidence.sample_sessions import Judged

    Command = Callable[..., Ended]

__all__ = ["files", "tradeplane"]
NOW = datetime(2026, 1, 6, tzinfo=UTC)
BUILDER = sample_runs.REPLAYER


async def _attest(host: str, repository: str, signer: Signer, judged: Judged | None = None) -> Attested:
    found = judged or sample_sessions.replayed()
    async with Registry(host, plain_http=True) as registry:
        session = await push_session(found.session, registry, Reference(host, repository))
        replayed = ReplayedSession(session, found.image, found.replays)
        return await attest_session_replays(replayed, registry, Alone(signer), BUILDER)


async def _hang(session: Reference, statement: Statement, signer: FileSigner) -> None:
    """Hang a statement on a session, whatever it says."""
    async with Registry(session.host, plain_http=True) as registry:
        data, _ = await registry.manifest(session)
        bundle = sign_statement(statement, signer)
        await registry.push_blob(session.repository, bundle)
        manifest = bundle_artifact(bundle, described(data, MANIFEST_TYPE), TEST_RESULT_TYPE)
        await push_referrer(registry, session.repository, manifest)


async def _bare(host: str, repository: str, files: tuple[bytes, ...] = ()) -> Reference:
    """Push the artifact of a session and no word about it; or one that says it is one, of other files."""
    manifest = sample_sessions.manifest()
    layers = tuple(described(data, "application/json", "manifest.json") for data in files)
    data = artifact(SESSION_TYPE, layers) if files else sample_sessions.session_artifact(manifest)
    async with Registry(host, plain_http=True) as registry:
        for blob in (EMPTY, manifest, *files):
            await registry.push_blob(repository, blob)
        await registry.push_manifest(repository, sha256_digest(data), data, MANIFEST_TYPE)
    return Reference(host, repository, digest=sha256_digest(data))


async def _verify(session: Reference, keyring: Keyring, policy: Policy | None = None) -> SessionVerification:
    async with Registry(session.host, plain_http=True) as registry:
        return await verify_session(registry, session, keyring, policy or Policy(), NOW)


def _failed(found: SessionVerification, name: str, error: str) -> Check:
    """Return the check that failed, which must be this one; each before it passed."""
    assert not found.passed
    assert [one.passed for one in found.checks[:-1]] == [True] * (len(found.checks) - 1)
    assert (found.checks[-1].name, found.checks[-1].error) == (name, error), found.checks
    return found.checks[-1]


async def test_cosign_finds_what_replays_found_by_the_digest_of_the_session(
    registry_host: str, signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    hung = await _attest(registry_host, "sessions/cosign", signer)
    key = tmp_path / "key.pub"
    key.write_text(signer.public_key.pem())
    asked = ("verify-attestation", "--key", key, "--insecure-ignore-tlog", "--type", TEST_RESULT_TYPE)
    done = cosign(*asked, str(hung.reference))
    assert done.returncode == 0, done.stderr
    statement = json.loads(base64.b64decode(json.loads(done.stdout)["payload"]))
    assert statement["predicate"]["result"] == "PASSED"
    key.write_text(sample_runs.signer_in(tmp_path, scalar=99).public_key.pem())
    assert cosign(*asked, str(hung.reference)).returncode != 0


async def test_it_is_told_which_session_it_is_and_what_replays_of_it_found(
    registry_host: str, signer: FileSigner
) -> None:
    hung = await _attest(registry_host, "sessions/told", signer)
    session = sample_sessions.stored()
    found = await _verify(hung.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    words = {one.name: one.words for one in found.checks}
    assert found.snapshot == session.snapshot
    assert words["session"].startswith(f"{session.snapshot}: 7 inputs, 2 orders, 1 fills")
    assert words["replays"].startswith("replayed: PASSED on amd64, arm64 (by ECDSA")
    assert "no trusted timestamp" in words["policy"]
    tag = Reference(registry_host, "sessions/told", tag=session.snapshot.removeprefix("sha256:"))
    by_id = await _verify(tag, sample_runs.keyring(signer))
    assert by_id.passed
    assert by_id.reference.digest == hung.reference.digest


async def test_it_is_pushed_and_signed_once(registry_host: str, tmp_path: Path) -> None:
    """With a signer whose signatures differ, as those of KMS do: after a restart, and by two operators at once."""
    wavering = sample_runs.wavering_signer(tmp_path)
    first = await _attest(registry_host, "sessions/once", wavering)
    assert await _attest(registry_host, "sessions/once", wavering) == first
    assert len(wavering.signed) == 1
    later = await _attest(registry_host, "sessions/once", wavering, sample_sessions.replayed(replay(AMD64, repeat=2)))
    assert later.reference == first.reference
    assert later.attestation != first.attestation


async def test_an_export_that_comes_across_one_says_what_to_do_with_it(
    without_referrers: str, signer: FileSigner
) -> None:
    hung = await _attest(without_referrers, "listed/sessions", signer)
    run = await push(without_referrers, "listed/run", signer)
    found = Found()
    async with Registry(without_referrers, plain_http=True) as registry:
        await registry.push_manifest("listed/run", "a-run", sample_runs.artifact().manifest, MANIFEST_TYPE)
        await discover(registry, "listed", found, 10)
    assert set(found.runs) == {run.reference}
    told = [one for one in found.passed_over if one.why.startswith("it is a session; tradeplane verify tells")]
    tag = sample_sessions.stored().snapshot.removeprefix("sha256:")
    assert f"{without_referrers}/listed/sessions:{tag}" in [one.reference for one in told]
    assert {one.reference for one in told} <= {f"{without_referrers}/listed/sessions:{tag}", str(hung.reference)}


async def test_two_at_once_hang_one(registry_host: str, signer: FileSigner) -> None:
    hung = await asyncio.gather(*(_attest(registry_host, "sessions/two", signer) for _ in range(4)))
    assert len({(one.reference, one.attestation) for one in hung}) == 1
    async with Registry(registry_host, plain_http=True) as registry:
        listed = await list_referrers(registry, "sessions/two", hung[0].reference.digest or "")
    assert [one.digest for one in listed] == [hung[0].attestation]


async def test_what_was_not_judged_is_not_signed(olareg: str, tmp_path: Path) -> None:
    wavering = sample_runs.wavering_signer(tmp_path)
    with pytest.raises(PolicyRefused, match="was not judged"):
        await _attest(olareg, "sessions/unjudged", wavering, sample_sessions.replayed(replay(AMD64, UNJUDGED)))
    assert not wavering.signed


async def test_a_registry_that_is_down_is_unavailable(signer: FileSigner) -> None:
    with pytest.raises(RegistryUnavailable):
        await _attest("127.0.0.1:1", "sessions/x", signer)


async def test_a_session_that_nobody_replayed_is_not_verified(registry_host: str, signer: FileSigner) -> None:
    found = await _verify(await _bare(registry_host, "sessions/none"), sample_runs.keyring(signer))
    assert "no result of a replay" in _failed(found, "replays", "NotAttested").words


@pytest.mark.parametrize("image", [sample_runs.IMAGE, sample_sessions.OTHER_IMAGE])
async def test_one_that_differs_fails_by_whichever_image_and_whatever_others_found(
    registry_host: str, signer: FileSigner, image: str
) -> None:
    place = f"sessions/failed-{image[-2:]}"
    differs = sample_sessions.replayed(replay(AMD64), replay(ARM64, DIVERGED), image=image)
    await _attest(registry_host, place, signer, differs)
    hung = await _attest(registry_host, place, signer)
    found = await _verify(hung.reference, sample_runs.keyring(signer))
    words = _failed(found, "replays", "ReplayDiverged").words
    assert "FAILED on amd64, arm64 (arm64/execution)" in words
    assert "PASSED on amd64, arm64" in words


@pytest.mark.parametrize(
    ("image", "traded_by", "told"),
    [
        (sample_runs.IMAGE, sample_runs.IMAGE, False),
        (sample_sessions.OTHER_IMAGE, sample_runs.IMAGE, True),
        (sample_sessions.OTHER_IMAGE, None, False),
    ],
)
async def test_another_image_than_the_one_recorded_is_told(
    olareg: str, signer: FileSigner, image: str, traded_by: str | None, told: bool
) -> None:
    place = f"sessions/image-{image[-2:]}-{told}".lower()
    replayed = sample_sessions.replayed(image=image, session=sample_sessions.stored(traded_by))
    hung = await _attest(olareg, place, signer, replayed)
    found = await _verify(hung.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    (claim,) = found.replays.claims
    assert claim.own_image is not told
    assert claim.image == image.rpartition("@")[2]
    assert ("with another image than the one recorded" in found.replays.in_words()) is told


async def test_within_a_tolerance_is_warned(olareg: str, signer: FileSigner) -> None:
    hung = await _attest(olareg, "sessions/within", signer, sample_sessions.replayed(replay(AMD64, WITHIN)))
    found = await _verify(hung.reference, sample_runs.keyring(signer))
    assert found.passed
    assert "WARNED on amd64" in found.replays.in_words()


async def test_the_word_of_a_stranger_does_not_count(registry_host: str, signer: FileSigner, tmp_path: Path) -> None:
    stranger = sample_runs.signer_in(tmp_path, scalar=99)
    hung = await _attest(registry_host, "sessions/stranger", stranger)
    _failed(await _verify(hung.reference, sample_runs.keyring(signer)), "replays", "KeyRefused")
    await _attest(registry_host, "sessions/stranger", stranger, sample_sessions.replayed(replay(AMD64, DIVERGED)))
    await _attest(registry_host, "sessions/stranger", signer)
    found = await _verify(hung.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    assert found.replays.passed_over == 2
    both = await _verify(hung.reference, sample_runs.keyring(signer, stranger))
    _failed(both, "replays", "ReplayDiverged")


async def test_the_replays_of_another_session_say_nothing_of_this_one(registry_host: str, signer: FileSigner) -> None:
    """Genuine statements, hung where they do not belong: of another artifact, of another snapshot, and of a run."""
    session = await _bare(registry_host, "sessions/another")
    other = sample_sessions.stored(fills=2)
    about = session.digest or ""
    about_other = sha256_digest(sample_sessions.session_artifact(other.manifest))
    for statement in (
        sample_sessions.statement(snapshot=other.snapshot, artifact=about_other),
        sample_sessions.statement(snapshot=other.snapshot, artifact=about),
        sample_replays.statement(),
        replay_statement(sample_replays.evidence(), about),
    ):
        await _hang(session, statement, signer)
        found = await _verify(session, sample_runs.keyring(signer))
        _failed(found, "replays", "PolicyRefused")
    assert (found.replays.claims, found.replays.passed_over) == ((), 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"result": "PASSED"},
        {"result": "PASSED", "failedTests": []},
        {"failedTests": [], "passedTests": ["amd64/execution"]},
    ],
)
async def test_a_verdict_that_was_changed_is_refused(
    registry_host: str, signer: FileSigner, changes: dict[str, Any]
) -> None:
    """Behind the signature's back it is no longer what was signed."""
    place = f"sessions/changed-{len(json.dumps(changes))}"
    session = await _bare(registry_host, place)
    differs = sample_sessions.statement(replay(AMD64, DIVERGED))
    genuine = json.loads(sign_statement(differs, signer))
    forged = differs.model_copy(update={"predicate": differs.predicate | changes})
    payload = base64.b64encode(json.dumps(forged.plain()).encode()).decode()
    bundle = json.dumps(genuine | {"dsseEnvelope": genuine["dsseEnvelope"] | {"payload": payload}}).encode()
    async with Registry(registry_host, plain_http=True) as registry:
        data, _ = await registry.manifest(session)
        await registry.push_blob(place, bundle)
        manifest = bundle_artifact(bundle, described(data, MANIFEST_TYPE), TEST_RESULT_TYPE)
        await push_referrer(registry, place, manifest)
    found = await _verify(session, sample_runs.keyring(signer))
    _failed(found, "replays", "SignatureRefused")


async def test_a_result_that_is_not_that_of_its_tests_is_refused_whoever_signed(
    olareg: str, signer: FileSigner
) -> None:
    session = await _bare(olareg, "sessions/contradiction")
    differs = sample_sessions.statement(replay(AMD64, DIVERGED))
    await _hang(session, differs.model_copy(update={"predicate": differs.predicate | {"result": "PASSED"}}), signer)
    _failed(await _verify(session, sample_runs.keyring(signer)), "replays", "Malformed")


async def test_a_builder_that_is_not_relied_on_does_not_count(olareg: str, signer: FileSigner) -> None:
    hung = await _attest(olareg, "sessions/builder", signer)
    asked = Policy(builders=frozenset({"https://example.com/builders/elsewhere"}))
    _failed(await _verify(hung.reference, sample_runs.keyring(signer), asked), "replays", "PolicyRefused")
    limited = Keyring((TrustedKey(signer.public_key, builders=asked.builders),))
    _failed(await _verify(hung.reference, limited), "replays", "PolicyRefused")
    assert (await _verify(hung.reference, sample_runs.keyring(signer), Policy(builders=frozenset({BUILDER})))).passed


async def test_rules_cannot_be_asked_of_what_has_no_provenance(olareg: str, signer: FileSigner) -> None:
    hung = await _attest(olareg, "sessions/rules", signer)
    asked = Policy(rules=(all_of(),))
    _failed(await _verify(hung.reference, sample_runs.keyring(signer), asked), "replays", "PolicyRefused")


async def test_age_and_timestamps_are_asked_of_replays_and_hide_none_that_differs(
    olareg: str, signer: FileSigner
) -> None:
    hung = await _attest(olareg, "sessions/age", signer)
    keyring = sample_runs.keyring(signer)
    assert (await _verify(hung.reference, keyring, Policy(max_age=timedelta(days=1)))).passed
    for strict in (Policy(max_age=timedelta(hours=1)), Policy(timestamped=True)):
        _failed(await _verify(hung.reference, keyring, strict), "replays", "PolicyRefused")
    await _attest(olareg, "sessions/age", signer, sample_sessions.replayed(replay(AMD64, DIVERGED)))
    _failed(await _verify(hung.reference, keyring, Policy(timestamped=True)), "replays", "ReplayDiverged")


async def test_a_key_that_was_not_valid_then_does_not_count(olareg: str, signer: FileSigner) -> None:
    hung = await _attest(olareg, "sessions/validity", signer)
    ended = TrustedKey(signer.public_key, not_after=datetime(2026, 1, 5, 9, tzinfo=UTC))
    _failed(await _verify(hung.reference, Keyring((ended,))), "replays", "KeyRefused")


async def test_what_only_says_that_it_is_a_session_is_refused(olareg: str, signer: FileSigner) -> None:
    keyring = sample_runs.keyring(signer)
    two = await _bare(olareg, "sessions/two-files", (b"{}", b"[]"))
    _failed(await _verify(two, keyring), "artifact", "Malformed")
    bars = await _bare(olareg, "sessions/bars", (b'{"kind":"Snapshot"}',))
    _failed(await _verify(bars, keyring), "session", "Malformed")
    run = await push(olareg, "sessions/run", signer)
    _failed(await _verify(run.reference, keyring), "artifact", "PolicyRefused")
    async with Registry(olareg, plain_http=True) as registry:
        assert await kind_of(registry, run.reference) != SESSION_TYPE
        assert await kind_of(registry, bars) == SESSION_TYPE


async def _traded(host: str, repository: str, signer: FileSigner, tmp_path: Path) -> tuple[str, str]:
    """Have a session traded, sealed into the store of commands and attested; return its reference and its id."""
    floor = Floor(tmp_path / "floor")
    floor.trade()
    floor.close()
    store = open_store((tmp_path / "store").as_uri(), create=True)
    sealed = seal_session(store, floor.session_folder, record=floor.record, previous=None, image=sample_runs.IMAGE)
    session = read_session(store, sealed.id)
    assert session.traded_by == sample_runs.IMAGE
    hung = await _attest(host, repository, signer, sample_sessions.replayed(session=session))
    return str(hung.reference), sealed.id


async def test_the_command_verifies_a_session_and_replays_it_here(
    tradeplane: Command, olareg: str, signer: FileSigner, tmp_path: Path
) -> None:
    reference, snapshot = await _traded(olareg, "sessions/command", signer, tmp_path)
    key = tmp_path / "key.pub"
    key.write_text(signer.public_key.pem())

    async def verify(*options: str) -> Ended:
        return await asyncio.to_thread(tradeplane, "verify", reference, "--key", str(key), *options)

    passed = await verify("--replay", "-o", "json")
    assert passed.code == 0, passed.err
    told = json.loads(passed.out)
    assert (told["verified"], told["snapshot"]) == (True, snapshot)
    assert [one["name"] for one in told["checks"]] == ["artifact", "session", "replays", "policy", "replay"]
    assert told["checks"][-1]["message"].startswith("decisions Exact, execution Exact on this machine")
    assert [one["result"] for one in told["replays"]] == ["PASSED"]

    summary = tmp_path / "summary.json"
    sums_up = ("--summary", str(summary), "--signer", f"file:{sample_runs.key_file(tmp_path)}")
    for options, words in ((("--no-replays",), "leave --no-replays out"), (sums_up, "a summary is of a run")):
        refused = await verify(*options)
        assert refused.code == 2, refused.err
        assert words in refused.err
    assert not summary.exists()

    differs = sample_sessions.replayed(
        replay(ARM64, DIVERGED), session=read_session(open_store((tmp_path / "store").as_uri()), snapshot)
    )
    await _attest(olareg, "sessions/command", signer, differs)
    failed = await verify()
    assert failed.code == 3
    assert failed.out.splitlines()[-1].startswith("FAIL replays")


async def test_the_command_says_that_a_session_comes_to_something_else_here(
    tradeplane: Command, olareg: str, signer: FileSigner, tmp_path: Path
) -> None:
    """A session that was told other prices than the exchange has, and that somebody attested all the same."""
    floor = Floor(tmp_path / "floor")
    floor.tell = lambda number, report: [report | {"price": report["price"] + 2} if report["event"] == 7 else report]
    floor.trade()
    floor.close()
    store = open_store((tmp_path / "store").as_uri(), create=True)
    sealed = seal_session(store, floor.session_folder, record=floor.record, previous=None)
    hung = await _attest(
        olareg, "sessions/forged", signer, sample_sessions.replayed(session=read_session(store, sealed.id))
    )
    key = tmp_path / "key.pub"
    key.write_text(signer.public_key.pem())
    ended = await asyncio.to_thread(tradeplane, "verify", str(hung.reference), "--key", str(key), "--replay")
    assert ended.code == 10, ended.err
    assert "FAIL replay " in ended.out
    assert f"tradeplane replay {sealed.id}" in ended.out
