"""Attesting runs, what replays of them and of sessions found, and what captures sealed, beside the loop.

A registry that is slow holds up no pass, and one that is down loses nothing.

What is to be done stands in the statuses, not here: after a restart, or under another leader, the passes ask for it
again. Here is only what goes on now, and how the newest attempt at each ended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tradeplane_api.attestation import AttestationStatus
from tradeplane_api.strategy import RunStatus
from tradeplane_evidence.attestation import Pushed, attest_pushed, push_files
from tradeplane_evidence.errors import (
    EvidenceError,
    InvalidKey,
    Malformed,
    NotAttested,
    PolicyRefused,
    RegistryRefused,
    RegistryUnavailable,
    ResultsChanged,
    SignerUnavailable,
)
from tradeplane_evidence.publishing import ClaimsUnavailable
from tradeplane_evidence.registry.client import Limits, Registry
from tradeplane_evidence.registry.credentials import credentials_for
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.replay_attestation import (
    Replayed,
    ReplayedSession,
    attest_replays,
    attest_session_replays,
    push_session,
)
from tradeplane_evidence.signing.batches import Alone, Quota, WithinQuota
from tradeplane_evidence.signing.opening import open_statement_signer
from tradeplane_evidence.signing.signer import BundleSigner
from tradeplane_evidence.snapshot_attestation import attest_snapshot
from tradeplane_evidence.snapshot_records import RecordLimits, push_records
from tradeplane_evidence.statements.run import Execution
from tradeplane_evidence.statements.snapshot import Captured
from tradeplane_evidence.statements.statement import MAX_SUBJECTS
from tradeplane_evidence.stored_runs import read_run
from tradeplane_evidence.stored_sessions import read_session
from tradeplane_evidence.stored_snapshots import read_snapshot
from tradeplane_store.errors import StoreError, StoreUnavailable

from tradeplane_operator.acting.errors import NotLeading
from tradeplane_operator.failures import alone
from tradeplane_operator.metrics import ATTESTATIONS
from tradeplane_operator.planning.attesting import RESULTS_CHANGED, AttestationEnd, AttestationFacts
from tradeplane_operator.planning.conditions import shorten
from tradeplane_operator.planning.snapshot_attesting import SealedSnapshot
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.running.image_manifests import ImageManifests
from tradeplane_operator.running.leadership import boot_clock
from tradeplane_operator.running.remembered import RememberedOf
from tradeplane_operator.running.snapshot_attestations import SnapshotAttestations, SnapshotKeysUnreadable
from tradeplane_operator.running.unheld_attestations import Asked, UnheldAttestations, What
from tradeplane_operator.settings import BuilderMode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from tradeplane_evidence.publishing import Attested, Claims
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.batches import Signing
    from tradeplane_evidence.signing.signer import Signer
    from tradeplane_evidence.statements.run import AskingStrategy
    from tradeplane_evidence.stored_snapshots import StoredSnapshot
    from tradeplane_store.objects import ObjectStore

    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.observing.stores import Stores
    from tradeplane_operator.planning.replay_attesting import JudgedReplays
    from tradeplane_operator.settings import Evidence

log = logging.getLogger(__name__)
_SIGNER_SECONDS = 300.0
"""How long an opened signer is used: a key that was rotated in its place is found after that at the latest."""
_MESSAGE = 1_024
_SLOW_SECONDS = 10.0
"""After how long it is said of what was asked for that no attempt has ended: what it is of is kept from then on."""
SESSIONS = "sessions"
"""Repository of a namespace's sessions, beside those of its Strategies; one of this name has its runs there as well."""


def execution_of(run: RunStatus, builder: str, strategy: AskingStrategy | None = None) -> Execution:
    """Return which execution a run was, as its record has it, by whom it is attested, and who asked for it."""
    return Execution(
        builder=builder,
        invocation=run.job_uid,
        started=run.start_time,
        finished=run.completion_time,
        image_attestation=run.image_attestation,
        image_manifests=run.image_manifests or (),
        approvals=tuple((one.user, one.attestation) for one in run.approvals or ()),
        files=run.files_digest,
        strategy=strategy,
    )


class SnapshotNotAttested(EvidenceError):
    """A run's data are about to be attested, and the run waits for that."""


@dataclass(slots=True)
class Attestations:
    """Attests runs: the files of ``evidence.at_once`` of them are held at a time.

    Within a quota of signatures others wait beside for their turn at the signer, as many as one statement can be about.
    ``require`` raises NotLeading where another replica leads.
    """

    evidence: Evidence
    stores: Stores
    clock: Callable[[], datetime]
    wake: Callable[[Key], None]
    require: Callable[[], None]
    limits: Limits = field(default_factory=Limits)
    """On requests to the registry."""
    steady: Callable[[], float] = boot_clock
    """By which pauses are measured."""
    registries: tuple[str, ...] = ()
    """What images begin with whose indexes may be read (``images.registries``); none where there is none."""
    awaited: Callable[[str, str], bool] = lambda _namespace, _snapshot: False
    """Whether a snapshot of a namespace, by its id, is one that a capture sealed and that is still to be attested."""
    there: Callable[[Key, str], bool] = lambda _key, _uid: True
    """Whether an object is there still, by its key and UID."""
    claims: Claims | None = None
    """Where what is signed is claimed before it is pushed, of a signer whose bundles differ each time."""
    _found: RememberedOf[Key, AttestationFacts] = field(init=False)
    _going: set[What] = field(default_factory=set)
    _slow: dict[What, asyncio.TimerHandle] = field(default_factory=dict)
    _unheld: UnheldAttestations = field(init=False)
    _queue: asyncio.Queue[Asked] = field(default_factory=asyncio.Queue)
    _signer: tuple[float, Signer | BundleSigner] | None = None
    _quota: Quota | None = field(init=False)
    _snapshots: SnapshotAttestations = field(init=False)
    _images: ImageManifests = field(init=False)
    _reading: asyncio.Semaphore = field(init=False)
    _room: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._found = RememberedOf(self.clock, self.steady)
        self._unheld = UnheldAttestations(self.evidence, self.steady, self._queue.put_nowait)
        self._snapshots = SnapshotAttestations(self.evidence, self.clock, self.steady)
        self._images = ImageManifests(self.evidence, self.registries, self.clock, self.steady)
        per_second, at_once = self.evidence.signatures_per_second, self.evidence.at_once
        self._quota = None if per_second is None else Quota(per_second)
        self._reading = asyncio.Semaphore(at_once)
        self._room = asyncio.Semaphore(at_once if per_second is None else at_once + MAX_SUBJECTS)

    def facts(self, key: Key) -> Mapping[str, AttestationFacts]:
        """Return how the newest attempts at the runs of a Strategy, the replays of a Replay, or a Snapshot, ended."""
        return self._found.of(key)

    def ask(
        self,
        key: Key,
        store: str,
        run: RunStatus | JudgedReplays | SealedSnapshot,
        uid: str = "",
        *,
        held: bool = False,
    ) -> None:
        """Have something attested; the object it is of is woken when the attempt has ended.

        ``held``: whether that object is kept from going before; one that is not is attested though it goes.
        """
        asked = Asked(key, store, run, uid)
        if asked.what in self._going:
            return
        self._going.add(asked.what)
        if not held:
            self._unheld.add(asked)
        if run.name not in self.facts(key):
            self._slow[asked.what] = asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._say_slow, asked)
        self._queue.put_nowait(asked)

    def keep(self, key: Key, owed: Collection[str], *, held: bool = False) -> None:
        """Forget the attempts at all runs of a Strategy but those that are still owed.

        ``held``: whether it is kept from going. Of one that has gone and was not, those are made again.
        """
        if held:
            self._unheld.held(key)
        facts = self.facts(key)
        for asked in self._unheld.of(key):
            if asked.what not in self._going and asked.run.name in facts:
                self._keep_unheld(asked, facts[asked.run.name], owed)
        self._found.keep(key, owed)

    def _keep_unheld(self, asked: Asked, found: AttestationFacts, owed: Collection[str]) -> None:
        if not self.there(asked.key, asked.uid) and self._unheld.try_again(asked, found):
            self._going.add(asked.what)
        elif asked.run.name not in owed:
            self._unheld.forget(asked)

    async def run(self) -> None:
        """Work until cancelled. Raises NotLeading."""
        host = parse_reference(f"{self.evidence.registry}/runs").host
        limits = replace(self.limits, upload_bytes_per_s=self.evidence.upload_bytes_per_second)
        async with Registry(host, self.evidence.plain_http, credentials_for, limits) as registry:
            with alone(NotLeading):
                async with asyncio.TaskGroup() as group:
                    while True:
                        asked = await self._queue.get()
                        await self._room.acquire()
                        group.create_task(self._work(asked, registry))

    async def _work(self, asked: Asked, registry: Registry) -> None:
        try:
            self.require()
            found = await self._attempt(asked, registry, self._tries(asked))
        finally:
            self._room.release()
            slow = self._slow.pop(asked.what, None)
            if slow is not None:
                slow.cancel()
        ATTESTATIONS.labels(found.end.value).inc()
        there, done = self.there(asked.key, asked.uid), found.end is AttestationEnd.DONE
        if there:
            self._found.put(asked.key, asked.run.name, found)
        elif not done and self._unheld.try_again(asked, found):
            return
        if done or not there:
            self._unheld.forget(asked)
        self._going.discard(asked.what)
        self.wake(asked.key)

    def _tries(self, asked: Asked) -> int:
        """Return which attempt in a row this is; that of an object which is gone is known nowhere else."""
        if asked.orphan is not None:
            return asked.orphan.tries + 1
        before = self.facts(asked.key).get(asked.run.name)
        return 1 if before is None else before.tries + 1

    def _say_slow(self, asked: Asked) -> None:
        """Have it known that it takes long until a first attempt ends, so that its object is kept meanwhile."""
        message = f"registry or signer has taken more than {_SLOW_SECONDS:g} s, for this or for what was to come before"
        slow = AttestationFacts(AttestationEnd.GOING, self.clock(), 0, "AttestationSlow", message)
        self._found.put(asked.key, asked.run.name, slow)
        self.wake(asked.key)

    async def _attempt(self, asked: Asked, registry: Registry, tries: int) -> AttestationFacts:
        told, changed = {"key": str(asked.key), "run": asked.run.name}, False
        try:
            attestation = await self._attest(asked, registry)
        except (RegistryUnavailable, SignerUnavailable, StoreUnavailable) as error:
            end, reason, message = AttestationEnd.UNAVAILABLE, type(error).__name__, str(error)
        except InvalidKey as error:
            end, reason, message = AttestationEnd.UNAVAILABLE, "SignerRefused", str(error)
        except (ClaimsUnavailable, SnapshotKeysUnreadable, SnapshotNotAttested) as error:
            end, reason, message = AttestationEnd.UNAVAILABLE, type(error).__name__, str(error)
        except ResultsChanged as error:
            end, reason, message, changed = AttestationEnd.REFUSED, RESULTS_CHANGED, str(error), True
        except (EvidenceError, StoreError) as error:
            end, reason, message = AttestationEnd.REFUSED, "AttestationRefused", str(error)
        except NotLeading:
            raise
        except Exception as error:  # one run that cannot be attested must not end those of all others
            log.exception("attesting failed", extra=told)
            end, reason, message = AttestationEnd.REFUSED, "AttestationFailed", f"{type(error).__name__}: {error}"
        else:
            log.info("attested", extra=told | {"reference": attestation.reference})
            return AttestationFacts(AttestationEnd.DONE, self.clock(), attestation=attestation)
        log.warning("not attested: %s", message, extra=told | {"reason": reason})
        return AttestationFacts(end, self.clock(), tries, reason, shorten(message, _MESSAGE), changed=changed)

    async def _attest(self, asked: Asked, registry: Registry) -> AttestationStatus:
        signer = await self._open_signer()
        signing = self._signing(signer)
        signed_by = await asyncio.to_thread(_signed_by, signer)
        attested = await self._attested(asked, registry, signing)
        return AttestationStatus(
            reference=str(attested.reference),
            attestation=attested.attestation,
            time=rfc3339(self.clock()),
            **signed_by,
        )

    async def _attested(self, asked: Asked, registry: Registry, signing: Signing) -> Attested:
        if isinstance(asked.run, SealedSnapshot):
            return await self._attest_snapshot(asked, asked.run, registry, signing)
        if not isinstance(asked.run, RunStatus):
            return await self._attest_replays(asked, asked.run, registry, signing)
        async with self._reading:
            pushed = await self._push_files(asked, asked.run, registry, signing)
        return await attest_pushed(pushed, registry, signing)

    async def _attest_replays(
        self, asked: Asked, judged: JudgedReplays, registry: Registry, signing: Signing
    ) -> Attested:
        """Attest replays on what they are of, which is where this operator attests what the namespace has."""
        pinned, builder = judged.pinned, self.evidence.builder_of(BuilderMode.REPLAY)
        ours = parse_reference(f"{self.evidence.registry}/{asked.key.namespace}")
        if pinned.session is not None:
            store = self.stores.of(asked.store, asked.key.namespace)
            place = parse_reference(f"{ours}/{SESSIONS}")
            async with self._reading:
                stored = await asyncio.to_thread(read_session, store, pinned.session, self.evidence.most_bytes)
                session = await push_session(stored, registry, place)
                del stored
            replayed = ReplayedSession(session, pinned.image, judged.replays)
            return await attest_session_replays(replayed, registry, signing, builder)
        if pinned.baseline is None or pinned.reference is None:
            raise NotAttested("there are no results in a registry that these replays are of")
        results = parse_reference(pinned.reference)
        if results.host != ours.host or not results.repository.startswith(f"{ours.repository}/"):
            raise PolicyRefused(f"the results of the run are at {results}, and what is attested here goes to {ours}")
        of_run = Replayed(pinned.baseline, pinned.image, judged.replays)
        return await attest_replays(of_run, registry, results, signing, builder)

    async def _attest_snapshot(
        self, asked: Asked, sealed: SealedSnapshot, registry: Registry, signing: Signing
    ) -> Attested:
        """Attest what a capture sealed, where runs on it look for that."""
        namespace, origin = asked.key.namespace, sealed.origin
        captured = Captured(namespace, origin.capture, sealed.specification(), origin.bundle)
        execution = Execution(
            builder=self.evidence.builder_of(BuilderMode.CAPTURE), invocation=sealed.uid, finished=sealed.created
        )
        store, place = self.stores.of(asked.store, namespace), self._snapshots.place(namespace)
        async with self._reading:
            stored = await asyncio.to_thread(read_snapshot, store, sealed.name, self.evidence.most_bytes)
            attested = await attest_snapshot(stored, captured, registry, place, signing, execution)
            await self._push_records(stored, store, registry, place)
        self._snapshots.forget(namespace, sealed.name)
        return attested

    async def _push_records(
        self, stored: StoredSnapshot, store: ObjectStore, registry: Registry, place: Reference
    ) -> None:
        """Push the records of a snapshot where the settings say so; what is not taken of them holds nothing up."""
        most = self.evidence.snapshot_records_bytes
        if most is None:
            return
        try:
            await push_records(stored, store, registry, place, RecordLimits(most, self.evidence.most_bytes))
        except (Malformed, NotAttested, RegistryRefused) as error:
            log.warning("records not pushed: %s", error, extra={"snapshot": stored.snapshot})

    def _wait_for_data(self, namespace: str, run: RunStatus, snapshots: Collection[str]) -> None:
        """Raise SnapshotNotAttested where a run is to wait for an attestation of its data that is to come."""
        ended = self.clock() if run.completion_time is None else parse_rfc3339(run.completion_time)
        until = ended + timedelta(seconds=self.evidence.snapshot_wait_seconds)
        waiting = [one for one in snapshots if self.clock() < until and self.awaited(namespace, one)]
        if waiting:
            raise SnapshotNotAttested(
                f"snapshot {waiting[0]} is being attested, and waited for until {rfc3339(until)} to be named with it"
            )

    async def _push_files(self, asked: Asked, run: RunStatus, registry: Registry, signing: Signing) -> Pushed:
        evidence = self.evidence
        repository = parse_reference(f"{evidence.registry}/{asked.key.namespace}/{asked.key.name}:{run.name}")
        store = self.stores.of(asked.store, asked.key.namespace)
        stored = await asyncio.to_thread(
            read_run,
            store,
            run.name,
            manifest_digest=run.manifest_digest,
            files_digest=run.files_digest,
            most_bytes=evidence.most_bytes,
        )
        self._wait_for_data(asked.key.namespace, run, stored.artifacts)
        found = await self._snapshots.of(registry, asked.key.namespace, stored.artifacts, signing.signer)
        execution = execution_of(run, evidence.builder_of(BuilderMode.BACKTEST), asked.strategy(run))
        execution = replace(execution, snapshots=found)
        if run.image_manifests is None:
            execution = replace(execution, image_manifests=await self._images.of(run.image))
        return await push_files(stored, registry, repository, signing, execution, retried=bool(stored.artifacts))

    def _signing(self, signer: Signer | BundleSigner) -> Signing:
        authority, claims = self.evidence.timestamp_authority, self.claims
        if self._quota is None:
            return Alone(signer, authority, claims)
        return WithinQuota(signer, self._quota, authority, claims)

    async def _open_signer(self) -> Signer | BundleSigner:
        now = time.monotonic()
        if self._signer is None or now - self._signer[0] > _SIGNER_SECONDS:
            self._signer = now, await asyncio.to_thread(open_statement_signer, self.evidence.signer)
        return self._signer[1]


def _signed_by(signer: Signer | BundleSigner) -> dict[str, str]:
    """Return what the status says of who signs; asked before anything is pushed, for there may be nobody now."""
    if isinstance(signer, BundleSigner):
        return {"identity": signer.name, "issuer": signer.issuer()}
    return {"key": signer.public_key.fingerprint}
