"""The whole operator put together: what starts when, and what ends the process.

Watches start at once, so that a replica that stands by knows what the leader knows; work starts with leadership, once
everything there is has been seen. The process ends when leadership is lost, when kopf ends (a signal), or when any part
fails: another replica, or this one restarted, goes on from what the cluster says.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import uuid
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import kopf

from tradeplane_operator.acting.access import Access
from tradeplane_operator.acting.claimed_bundles import ClaimedBundles
from tradeplane_operator.acting.client import ApiClient
from tradeplane_operator.acting.errors import ApiError, NotLeading
from tradeplane_operator.acting.events import EventWriter
from tradeplane_operator.acting.reaper import Reaper
from tradeplane_operator.acting.verified_images import VerifiedImages
from tradeplane_operator.failures import alone
from tradeplane_operator.handlers import kopf_settings, register
from tradeplane_operator.metrics import CONNECTIONS, OBJECTS, RUNS
from tradeplane_operator.observing.children import CHILDREN, JOBS, SERVICES, STATEFUL_SETS
from tradeplane_operator.observing.feeding import Feed
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import PLURALS, Key, Kind
from tradeplane_operator.observing.pods import PodLookup
from tradeplane_operator.observing.relisting import Relisting, collections
from tradeplane_operator.observing.stores import Stores
from tradeplane_operator.observing.watching import Watch
from tradeplane_operator.planning.admission import Admission
from tradeplane_operator.planning.names import API_VERSION, GROUP
from tradeplane_operator.running.active_region import ActiveHere, RecordReader
from tradeplane_operator.running.approvals import Approvals
from tradeplane_operator.running.broker_connections import BrokerConnections
from tradeplane_operator.running.health import Health, serve
from tradeplane_operator.running.leadership import Leadership, LeadershipLost
from tradeplane_operator.running.loop import Loop, Reconciler, utc_now
from tradeplane_operator.running.queue import WorkQueue
from tradeplane_operator.running.replays import Replays
from tradeplane_operator.running.snapshot_captures import SnapshotCaptures
from tradeplane_operator.running.snapshots import Snapshots
from tradeplane_operator.running.strategies import Strategies

if TYPE_CHECKING:
    from aiohttp import web

    from tradeplane_operator.running.attestations import Attestations
    from tradeplane_operator.running.image_checks import ImageChecks
    from tradeplane_operator.settings import Settings

log = logging.getLogger(__name__)
_CRD_PATIENCE = 120.0
_SYNC_PATIENCE = 120.0
_STOP_PATIENCE = 10.0


class CannotStart(Exception):
    """The operator cannot start; the message says what is missing."""


def own_identity() -> str:
    """Return a name for this process that no other has."""
    return f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}"


async def _absent_kinds(client: ApiClient) -> set[str]:
    """Return which of our kinds are not served, by both of the documents kopf looks at. Raises ApiError."""
    kinds = set(PLURALS.values())
    groups = {group["name"] for group in (await client.get("/apis"))["groups"]}
    if GROUP not in groups:
        return kinds
    served = await client.get(f"/apis/{API_VERSION}")
    return kinds - {found["name"] for found in served["resources"]}


@dataclass(slots=True)
class Operation:
    """One running operator."""

    settings: Settings
    identity: str = field(default_factory=own_identity)
    access: Access = field(default_factory=Access)
    index: Index = field(default_factory=Index)
    leadership: Leadership = field(init=False)
    queue: WorkQueue[Key] = field(init=False)
    feed: Feed = field(init=False)
    watches: tuple[Watch, ...] = field(init=False)
    relisting: Relisting = field(init=False)
    strategies: Strategies = field(init=False)
    replays: Replays = field(init=False)
    connections: BrokerConnections = field(init=False)
    reaper: Reaper = field(init=False)
    attestations: Attestations | None = field(init=False, default=None)
    images: ImageChecks | None = field(init=False, default=None)
    loop: Loop = field(init=False)

    def __post_init__(self) -> None:
        settings, seconds = self.settings, self.settings.client.request_seconds
        unfenced = ApiClient(self.access, seconds)
        here = None
        if settings.region is not None:
            here = ActiveHere(settings.region, RecordReader(settings.region), utc_now, seconds)
        self.leadership = Leadership(unfenced, settings.lease, self.identity, region=here)
        client = ApiClient(self.access, seconds, self.leadership.require)
        pace = settings.pace
        self.queue = WorkQueue(pace.retry_first_seconds, pace.retry_most_seconds, self.index.unanswered)
        self.feed = Feed(self.index, self.queue.add)
        self.relisting = Relisting(settings, unfenced, self.index, self.queue.add)
        told = {
            PLURALS[Kind.STRATEGY]: self.feed.strategy,
            JOBS: self.feed.job,
            STATEFUL_SETS: self.feed.stateful_set,
            SERVICES: self.feed.service,
        }
        self.watches = tuple(
            Watch(unfenced, collection, settings.client, self.relisting, tell)
            for plural, tell in told.items()
            for collection in collections(settings, plural)
        )
        self.reaper = Reaper(client, self.index.jobs.forget)
        stores, events, pods = Stores(settings.stores), EventWriter(client, self.identity), PodLookup(client)
        admission = Admission(settings.limits)
        if settings.evidence is not None:
            # Only now: what signs and what speaks to registries is memory that an operator without it need not have.
            from tradeplane_operator.running.attestations import Attestations
            from tradeplane_operator.running.claims import SharedClaims

            self.attestations = Attestations(
                settings.evidence,
                stores,
                utc_now,
                self.queue.add,
                self.leadership.require,
                registries=settings.images.registries,
                awaited=self.index.awaits_attestation,
                there=self.index.is_there,
                claims=SharedClaims(ClaimedBundles(client, settings.lease.namespace)),
            )
        if settings.images.attested is not None:
            from tradeplane_operator.running.image_checks import ImageChecks

            listing = VerifiedImages(client, settings.lease.namespace) if settings.images.attested.listed else None
            self.images = ImageChecks(settings.images.attested, utc_now, self.queue.add, listing)
            self.images.look_ahead(settings.images.default)
        checks = None
        if settings.approvals is not None:
            from tradeplane_operator.running.approval_checks import ApprovalChecks

            checks = ApprovalChecks(settings.approvals)
        self.strategies = Strategies(
            settings=settings,
            clock=utc_now,
            index=self.index,
            queue=self.queue,
            admission=admission,
            client=client,
            stores=stores,
            pods=pods,
            reaper=self.reaper,
            events=events,
            attestations=self.attestations,
            images=self.images,
            approvals=checks,
        )
        complete = partial(self.relisting.complete, seconds)
        snapshots = Snapshots(
            settings, utc_now, self.index, client, stores, events, self.queue.add, complete, self.attestations
        )
        self.connections = BrokerConnections(
            settings, utc_now, self.index, client, pods, self.reaper, events, self.queue.add
        )
        self.replays = Replays(
            settings=settings,
            clock=utc_now,
            index=self.index,
            admission=admission,
            client=client,
            stores=stores,
            pods=pods,
            reaper=self.reaper,
            events=events,
            wake=self.queue.add,
            attestations=self.attestations,
            images=self.images,
        )
        captures = SnapshotCaptures(settings, utc_now, self.index, client, stores, pods, events, self.queue.add)
        reconcilers: dict[Kind, Reconciler] = {
            Kind.STRATEGY: self.strategies,
            Kind.SNAPSHOT: snapshots,
            Kind.BROKER_CONNECTION: self.connections,
            Kind.REPLAY: self.replays,
            Kind.SNAPSHOT_CAPTURE: captures,
            Kind.APPROVAL: Approvals(settings, utc_now, self.index, client, events, checks),
        }
        self.loop = Loop(self.queue, reconcilers, pace.workers)

    async def run(self) -> None:
        """Run until a signal, or until something fails. Raises CannotStart, LeadershipLost and what kopf raises."""
        listening: tuple[web.AppRunner, ...] = ()
        try:
            listening = await serve(self.settings.ports, Health(self.leadership, self.loop, self.queue, self.watches))
            await self._need_definitions()
            await self._until_the_first_ends()
        finally:
            for runner in listening:
                await runner.cleanup()
            await self.access.close()

    async def _until_the_first_ends(self) -> None:
        """Run watches, Lease and work beside each other until one ends or a signal comes; then end them in order.

        Work ends first and the Lease is given back, so that another replica goes on while kopf closes its watches
        (which would wait for tasks of ours, taking them for its own).
        """
        stop, watching = asyncio.Event(), asyncio.Event()
        watches = asyncio.create_task(self._watch(watching, stop), name="watches")
        parts = [
            *(asyncio.create_task(watch.run(), name=f"watch of {watch.collection.path}") for watch in self.watches),
            asyncio.create_task(self.leadership.run(), name="lease"),
            asyncio.create_task(self._lead(), name="work"),
            asyncio.create_task(self._signalled(watching), name="signals"),
        ]
        done, _ = await asyncio.wait([watches, *parts], return_when=asyncio.FIRST_COMPLETED)
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await self.leadership.release()
        stop.set()
        await asyncio.wait([watches], timeout=_STOP_PATIENCE)
        for task in done:
            task.result()

    async def _signalled(self, watching: asyncio.Event) -> None:
        """Return when the process is asked to end. kopf sets handlers of its own, which these replace."""
        await watching.wait()
        asked = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, asked.set)
        await asked.wait()
        log.info("asked to end")

    async def _watch(self, watching: asyncio.Event, stop: asyncio.Event) -> None:
        registry = kopf.OperatorRegistry()
        register(registry, self.feed, self.relisting)
        namespaces = self.settings.namespaces
        await kopf.operator(
            registry=registry,
            settings=kopf_settings(self.settings),
            clusterwide=not namespaces,
            namespaces=namespaces,
            standalone=True,
            ready_flag=watching,
            stop_flag=stop,
        )

    async def _lead(self) -> None:
        await self.leadership.gained()
        if not await self.relisting.synced(_SYNC_PATIENCE):
            log.warning("not everything there is was seen within %g s; working with what is known", _SYNC_PATIENCE)
        self.strategies.seed()
        self.replays.seed()
        for kind in Kind:
            for key in self.index.of_kind(kind):
                self.queue.add(key)
        log.info("working", extra={"strategies": len(self.index.strategies), "jobs": len(self.index.jobs)})
        try:
            with alone(NotLeading):
                async with asyncio.TaskGroup() as group:
                    for part in (self.loop.run(), self.reaper.run(), self.relisting.run(), self._measure()):
                        group.create_task(part)
                    if self.attestations is not None:
                        group.create_task(self.attestations.run())
                    if self.images is not None:
                        group.create_task(self.images.run())
        except NotLeading as fenced:
            raise LeadershipLost(str(fenced)) from fenced

    async def _measure(self) -> None:
        """Keep the gauges that are counted rather than set where they change."""
        while True:
            for kind in Kind:
                OBJECTS.labels(PLURALS[kind]).set(len(self.index.of_kind(kind)))
            CONNECTIONS.clear()
            for reason, count in self.connections.reasons().items():
                CONNECTIONS.labels(reason).set(count)
            for plural in CHILDREN:
                OBJECTS.labels(plural).set(len(self.index.owned(plural)))
            RUNS.labels("running").set(self.strategies.admission.running)
            RUNS.labels("waiting").set(self.strategies.admission.waiting)
            await asyncio.sleep(5.0)

    async def _need_definitions(self) -> None:
        """Wait until the API server serves our kinds; kopf would watch nothing, and say nothing, without them."""
        client, last = ApiClient(self.access, self.settings.client.request_seconds), ""
        try:
            async with asyncio.timeout(_CRD_PATIENCE):
                while True:
                    try:
                        absent = await _absent_kinds(client)
                        if not absent:
                            return
                        last = f"the API server does not serve {', '.join(sorted(absent))}"
                    except ApiError as error:
                        last = str(error)
                    await asyncio.sleep(1.0)
        except TimeoutError as error:
            raise CannotStart(
                f"{API_VERSION} is not served after {_CRD_PATIENCE:g} s ({last}); install the custom resource "
                "definitions first: kubectl apply -k crds/yaml"
            ) from error
