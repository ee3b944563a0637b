"""Who did it, from a real API server's audit log into a real ledger: once, whatever is away, and by nobody else."""

from __future__ import annotations

import asyncio
import datetime
import http.client
import json
import signal
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.configurations.documents import configuration_of
from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.ledger.database import connect, migrate
from tradeplane_evidence.ledger.events import Authenticated, Claimed
from tradeplane_evidence.ledger.reading import entries_of, verify
from tradeplane_operator.recording.audit_server import MAX_BODY_BYTES
from tradeplane_stacks.local.certificates import CLUSTER, Certificates, Leaf

from tests.integration.operator.audited import (
    CLIENT,
    KILLED_BEFORE_IT_ANSWERS,
    SERVER,
    Audited,
    AuditedRecorder,
    audited,
)
from tests.integration.operator.cluster import eventually
from tests.integration.operator.test_recording import run_status, write_status
from tests.postgres import Postgres, postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine
    from tradeplane_evidence.ledger.events import Event

    from tests.integration.operator.cluster import Bench

LONG = 600.0
"""A grace that does not pass within a test."""
ALICE, BOB, CAROL = "alice", "bob", "carol"
ROOT = "system:masters"


@pytest.fixture(scope="module")
def told_by(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    with audited(tmp_path_factory.mktemp("audited")) as found:
        yield found


@pytest.fixture(scope="module")
def cluster(told_by: Audited) -> Path:
    """Give the tests' namespaces on the API server that tells."""
    return told_by.kubeconfig


@pytest.fixture
def server() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


@pytest.fixture
def ledger(server: Postgres) -> Iterator[Engine]:
    """Give a ledger of the test's own."""
    engine = connect(server.create("ledger"))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def recorder(
    told_by: Audited, bench: Bench, server: Postgres, ledger: Engine, tmp_path: Path
) -> Iterator[Callable[..., AuditedRecorder]]:
    """Give a way to start recorders; all are ended with the test."""
    started: list[AuditedRecorder] = []
    log = tmp_path / "recorder.log"

    def start(grace: float = LONG, program: str = "") -> AuditedRecorder:
        url = server.url("ledger")
        started.append(AuditedRecorder(told_by, url, bench.namespace, log, grace=grace, program=program))
        return started[-1]

    yield start
    for one in started:
        one.end()
    print(log.read_text()[-8_000:] if log.exists() else "")  # shown where the test failed


def strategy(bench: Bench, name: str, capital: str = "100000", **metadata: Any) -> str:
    spec = {"algorithm": {"name": "buy-and-hold"}, "capital": capital, "snapshotRef": {"name": "prices"}}
    meta = {"name": name, "namespace": bench.namespace, **metadata}
    return json.dumps({"apiVersion": "tradeplane.dev/v1alpha1", "kind": "Strategy", "metadata": meta, "spec": spec})


def by(event: Event) -> tuple[str, int | None, str]:
    actor = event.actor
    who = f"claimed {actor.by}" if isinstance(actor, Claimed) else actor.user
    return event.action.value, event.generation, who


async def entered(ledger: Engine, bench: Bench, name: str, count: int) -> list[Event]:
    """Wait until so many entries of a strategy are there, and return all."""

    async def enough() -> list[Event] | None:
        found = await asyncio.to_thread(entries_of, ledger, "Strategy", bench.namespace, name)
        return [entry.event for entry in found] if len(found) >= count else None

    return await eventually(enough, f"{count} entries of {name}")


async def seen_until_now(ledger: Engine, bench: Bench, name: str, of: list[Event]) -> list[Event]:
    """Return the entries once the watch has told all that was done so far: it tells a run after what was before it."""
    await write_status(bench, name, latest=run_status(1, "Running"))
    found = await entered(ledger, bench, name, len(of) + 1)
    assert [event.action.value for event in found if event not in of] == ["started"]
    return found[:-1]


async def says(recorder: AuditedRecorder, words: str) -> None:
    async def said() -> bool:
        assert recorder.process.poll() is None, recorder.log
        return words in recorder.log

    await eventually(said, f"the recorder to say {words!r}")


async def test_who_applied_and_who_deleted_is_authenticated_and_claimed_by_nobody(
    told_by: Audited, bench: Bench, ledger: Engine, recorder: Callable[..., AuditedRecorder]
) -> None:
    started = recorder()
    await says(started, "takes the audit log")
    alice, bob = told_by.user(ALICE, ROOT, "quants"), told_by.user(BOB, ROOT)
    apply = ("apply", "--server-side", "--field-manager=mallory", "-f", "-")
    await asyncio.to_thread(alice.run, *apply, content=strategy(bench, "macd"))
    (first,) = await entered(ledger, bench, "macd", 1)
    assert isinstance(first.actor, Authenticated)
    assert first.actor.user == ALICE
    assert set(first.actor.groups) == {ROOT, "quants", "system:authenticated"}
    assert len(first.actor.audit_id) == 36
    assert first.configuration is not None
    stored = (await bench.strategy("macd"))["spec"]
    assert configuration_of(Payloads(ledger).get(first.configuration), "it").spec == stored

    # The same again by somebody else, labels, and a dry run: all of them answered well, none of them an application.
    await asyncio.to_thread(bob.run, *apply, "--force-conflicts", content=strategy(bench, "macd"))
    await asyncio.to_thread(bob.run, "label", "strategy", "macd", "x=y", "-n", bench.namespace)
    patch = ("patch", "strategy", "macd", "-n", bench.namespace, "--type=merge")
    await asyncio.to_thread(bob.run, *patch, '--patch={"spec": {"capital": "3"}}', "--dry-run=server")
    await seen_until_now(ledger, bench, "macd", [first])

    await asyncio.to_thread(bob.run, *patch, '--patch={"spec": {"capital": "5"}}')
    admin = told_by.user("admin", ROOT)
    await asyncio.to_thread(
        admin.run, *patch, '--patch={"spec": {"capital": "100000"}}', f"--as={CAROL}", f"--as-group={ROOT}"
    )
    found = await entered(ledger, bench, "macd", 4)
    assert [by(event) for event in found[2:]] == [("applied", 2, BOB), ("rolled-back", 3, CAROL)]
    assert found[3].note == "impersonated by admin"
    assert found[3].configuration == first.configuration
    await asyncio.to_thread(alice.run, "delete", "strategy", "macd", "-n", bench.namespace)
    found = await entered(ledger, bench, "macd", 5)
    assert by(found[4]) == ("deleted", None, ALICE)
    # What the watch tells next comes after what it told of that deletion.
    await asyncio.to_thread(alice.run, "create", "-f", "-", content=strategy(bench, "next"))
    await seen_until_now(ledger, bench, "next", await entered(ledger, bench, "next", 1))
    assert len(await entered(ledger, bench, "macd", 5)) == 5
    assert started.get("/healthz") == "ok"
    assert started.told("refused") == 0
    assert started.end() == 0
    verify(ledger)


async def test_who_asked_for_a_deletion_is_who_deleted_it(
    told_by: Audited, bench: Bench, ledger: Engine, recorder: Callable[..., AuditedRecorder]
) -> None:
    await says(recorder(), "takes the audit log")
    alice, bob = told_by.user(ALICE, ROOT), told_by.user(BOB, ROOT)
    names: dict[str, Any] = {"held": {"finalizers": ["example.com/held"]}, "first": {}, "second": {}}
    for name, metadata in names.items():
        await asyncio.to_thread(alice.run, "create", "-f", "-", content=strategy(bench, name, **metadata))
        await entered(ledger, bench, name, 1)
    await asyncio.to_thread(bob.run, "delete", "strategy", "held", "-n", bench.namespace, "--wait=false")
    await entered(ledger, bench, "held", 2)
    collection = f"/apis/tradeplane.dev/v1alpha1/namespaces/{bench.namespace}/strategies"
    await asyncio.to_thread(alice.run, "delete", "--raw", collection)
    for name in ("first", "second"):
        found = await entered(ledger, bench, name, 2)
        assert [by(event) for event in found] == [("applied", 1, ALICE), ("deleted", None, ALICE)]
        assert len(found) == 2
    patch = '--patch=[{"op": "remove", "path": "/metadata/finalizers"}]'
    await asyncio.to_thread(alice.run, "patch", "strategy", "held", "-n", bench.namespace, "--type=json", patch)
    await asyncio.to_thread(alice.run, "create", "-f", "-", content=strategy(bench, "next"))
    await seen_until_now(ledger, bench, "next", await entered(ledger, bench, "next", 1))
    found = await entered(ledger, bench, "held", 2)
    assert [by(event) for event in found] == [("applied", 1, ALICE), ("deleted", None, BOB)]
    assert found[1].note == "it is gone once its finalizers are"


async def test_what_the_audit_log_does_not_say_is_claimed_and_keeps_nobody_else_out(
    told_by: Audited, bench: Bench, ledger: Engine, recorder: Callable[..., AuditedRecorder]
) -> None:
    """An API server does not tell of an apply patch that is YAML, which is no JSON and cannot stand in a list."""
    alice = told_by.user(ALICE, ROOT)
    yaml = f"""
apiVersion: tradeplane.dev/v1alpha1
kind: Strategy
metadata: {{name: NAME, namespace: {bench.namespace}}}
spec: {{algorithm: {{name: buy-and-hold}}, capital: "100000", snapshotRef: {{name: prices}}}}
"""

    async def apply_yaml(name: str) -> None:
        connection = await bench.client.access.connection()
        url = f"{connection.server}{bench._path('strategies', name)}?fieldManager=mallory"
        headers = {**connection.headers(), "Content-Type": "application/apply-patch+yaml"}
        body = yaml.replace("NAME", name).encode()
        async with connection.session.patch(url, data=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()

    await apply_yaml("before")
    await says(recorder(grace=5), "takes the audit log")
    await apply_yaml("meanwhile")
    await asyncio.to_thread(alice.run, "create", "-f", "-", content=strategy(bench, "told"))
    assert by((await entered(ledger, bench, "told", 1))[0]) == ("applied", 1, ALICE)
    for name in ("before", "meanwhile"):
        assert by((await entered(ledger, bench, name, 1))[0]) == ("applied", 1, "claimed mallory")


async def test_an_answer_that_hides_the_specification_hides_nobody(
    told_by: Audited, bench: Bench, ledger: Engine, recorder: Callable[..., AuditedRecorder]
) -> None:
    await says(recorder(), "takes the audit log")
    await asyncio.to_thread(told_by.user(ALICE, ROOT).run, "create", "-f", "-", content=strategy(bench, "macd"))
    await entered(ledger, bench, "macd", 1)
    connection = await bench.client.access.connection()
    for number, form in enumerate(("PartialObjectMetadata", "Table")):
        headers = {
            **connection.headers(),
            "Content-Type": "application/merge-patch+json",
            "Accept": f"application/json;as={form};g=meta.k8s.io;v=v1",
            "Impersonate-User": BOB,
            "Impersonate-Group": ROOT,
        }
        # Names that stand twice and what is nested without end are the client's own words, and go into the audit log.
        deep = "[" * 5_000 + "]" * 5_000
        body = f'{{"spec": {{"capital": "{number + 1}"}}, "junk": {deep}, "a": 1, "a": 2}}'
        url = f"{connection.server}{bench._path('strategies', 'macd')}"
        async with connection.session.patch(url, data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
        before = 2 + number
        found = [event for event in await entered(ledger, bench, "macd", before) if event.generation == before]
        assert by(found[0]) == ("applied", before, BOB)
        if found[0].configuration is None:  # it was told before it was seen, and the watch says what it was
            found = await entered(ledger, bench, "macd", before + 1)
        assert (
            configuration_of(Payloads(ledger).get(str(found[-1].configuration)), "it").spec["capital"]
            == f"{number + 1}"
        )


async def test_while_the_ledger_is_away_nothing_is_lost_and_nothing_is_claimed(
    told_by: Audited, bench: Bench, server: Postgres, ledger: Engine, recorder: Callable[..., AuditedRecorder]
) -> None:
    started = recorder(grace=60)
    await says(started, "takes the audit log")
    alice = told_by.user(ALICE, ROOT)
    await asyncio.to_thread(alice.run, "create", "-f", "-", content=strategy(bench, "first"))
    await entered(ledger, bench, "first", 1)
    server.kill()
    await asyncio.to_thread(alice.run, "create", "-f", "-", content=strategy(bench, "second"))
    patch = ("patch", "strategy", "first", "-n", bench.namespace, "--type=merge", '--patch={"spec": {"capital": "5"}}')
    await asyncio.to_thread(alice.run, *patch)
    await says(started, "the audit log is asked to come again")
    server.start()
    found = await entered(ledger, bench, "first", 2)
    assert [by(event) for event in found] == [("applied", 1, ALICE), ("applied", 2, ALICE)]
    found = await entered(ledger, bench, "second", 1)
    assert by(found[0]) == ("applied", 1, ALICE)
    await seen_until_now(ledger, bench, "second", found)
    verify(ledger)


async def test_a_recorder_that_is_killed_before_it_answers_is_told_again_and_enters_it_once(
    told_by: Audited, bench: Bench, ledger: Engine, recorder: Callable[..., AuditedRecorder]
) -> None:
    first = recorder(program=KILLED_BEFORE_IT_ANSWERS)
    await says(first, "takes the audit log")
    alice = told_by.user(ALICE, ROOT)
    await asyncio.to_thread(alice.run, "create", "-f", "-", content=strategy(bench, "macd"))
    assert await asyncio.to_thread(first.process.wait, 120) == -signal.SIGKILL
    found = await entered(ledger, bench, "macd", 1)
    again = recorder()
    await says(again, "takes the audit log")

    async def told_again() -> bool:
        return await asyncio.to_thread(again.told, "known") >= 1

    await eventually(told_again, "the API server to tell it again")
    assert await seen_until_now(ledger, bench, "macd", found) == found
    assert [by(event) for event in found] == [("applied", 1, ALICE)]


def post(told_by: Audited, context: ssl.SSLContext, body: bytes, length: int | None = None) -> tuple[int, str]:
    connection = http.client.HTTPSConnection("127.0.0.1", told_by.port, context=context, timeout=60)
    try:
        connection.putrequest("POST", "/audit")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body) if length is None else length))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


async def test_nobody_is_let_in_but_the_api_server(
    told_by: Audited, bench: Bench, ledger: Engine, recorder: Callable[..., AuditedRecorder], tmp_path: Path
) -> None:
    started = recorder()
    await says(started, "takes the audit log")
    stranger = Certificates(tmp_path / "stranger")
    stranger.ensure([Leaf(CLIENT, CLUSTER, CLIENT, client=True)], datetime.datetime.now(datetime.UTC))
    forged = json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": []}).encode()
    for client in (None, stranger):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            await asyncio.to_thread(post, told_by, told_by.context(client), forged)
    # A certificate that is for servers, of the right authority, is no client's.
    now = datetime.datetime.now(datetime.UTC)
    told_by.clients.ensure([Leaf("for-servers", CLUSTER, SERVER, server=True)], now)
    context = told_by.context(None)
    context.load_cert_chain(told_by.clients.certificate("for-servers"), told_by.clients.key("for-servers"))
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        await asyncio.to_thread(post, told_by, context, forged)
    plain = http.client.HTTPConnection("127.0.0.1", told_by.port, timeout=60)
    await asyncio.to_thread(plain.request, "GET", "/audit")
    with pytest.raises((http.client.BadStatusLine, ConnectionError)):
        await asyncio.to_thread(plain.getresponse)
    plain.close()
    assert await asyncio.to_thread(post, told_by, told_by.context(told_by.clients), forged) == (200, "")


async def test_what_is_no_list_is_refused_and_the_server_lives_on(
    told_by: Audited, bench: Bench, ledger: Engine, recorder: Callable[..., AuditedRecorder]
) -> None:
    started = recorder()
    await says(started, "takes the audit log")
    context = told_by.context(told_by.clients)
    for body, status, words in (
        (b"no list", 400, "is not JSON"),
        (b"[" * 2_000_000, 400, "do not match"),
        (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, 400, "no EventList"),
        (b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [0]}', 400, "no list of events"),
    ):
        found, said = await asyncio.to_thread(post, told_by, context, body)
        assert (found, words in said) == (status, True), said
    assert (await asyncio.to_thread(post, told_by, context, b"{", MAX_BODY_BYTES + 1))[0] == 413
    largest = b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": ['
    event = b'{"group": "tradeplane.dev", "verb": "get", "x": [[]], "y": "\\"{"}'
    largest += b",".join([event] * 9_999) + b"]}"
    largest += b" " * (MAX_BODY_BYTES - len(largest))
    assert await asyncio.to_thread(post, told_by, context, largest) == (200, "")
    await asyncio.to_thread(told_by.user(ALICE, ROOT).run, "create", "-f", "-", content=strategy(bench, "macd"))
    assert by((await entered(ledger, bench, "macd", 1))[0]) == ("applied", 1, ALICE)
    assert started.process.poll() is None


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("--audit-key", "go together"),
        ("--audit-port", "go together"),
        ("", "the key has a password|cannot be used"),
    ],
)
def test_a_recorder_without_all_it_needs_says_so_and_ends(told_by: Audited, missing: str, words: str) -> None:
    options = [option for option in told_by.options(1.0) if not missing or not option.startswith(missing)]
    if not missing:
        options = [option.replace("--audit-key=", "--audit-key=/dev/null") for option in options]
    ended = subprocess.run(
        [sys.executable, "-m", "tradeplane_operator.recording", *options],
        env={"TRADEPLANE_LEDGER_DATABASE": "postgresql://nowhere/x"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 2
    assert any(word in ended.stderr for word in words.split("|")), ended.stderr
