"""The demo, stage by stage: cluster, images, engine, platform, data, strategy, replay, a session, its replay, result.

A stage that finds its work done only says so; all state is in the cluster, the registry and the store.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.demo import objects
from tradeplane_stacks.demo.ahead import built_ahead, to_build
from tradeplane_stacks.demo.clusters import DEPLOY, STORE_GROUP
from tradeplane_stacks.demo.configuration import Trust, configured
from tradeplane_stacks.demo.cosign import checked_by, provide_cosign
from tradeplane_stacks.demo.data_evidence import attest_data, data_trust
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.evidence import Evidence, provide_key
from tradeplane_stacks.demo.image_evidence import attest_images, image_trust
from tradeplane_stacks.demo.installation import Installation, provide_engine
from tradeplane_stacks.demo.ledger import RECORDER, Ledger, provide_ledger
from tradeplane_stacks.demo.objects import Objects, example, shown
from tradeplane_stacks.demo.programs import beside_python, run
from tradeplane_stacks.demo.rust_core import provide_core
from tradeplane_stacks.demo.session import Session
from tradeplane_stacks.demo.waiting import Verdict, counted, rollout, wait
from tradeplane_stacks.deployment import DeployedImages
from tradeplane_stacks.images.assembly import Assembly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_stacks.demo.clusters import DemoCluster
    from tradeplane_stacks.demo.progress import Progress

NAMESPACE = "research"
"""The namespace that operator/deploy/namespace enrols."""
SYSTEM = "tradeplane-system"
OPERATOR = "tradeplane-operator"
EXAMPLES = objects.EXAMPLES
GENERATED = objects.GENERATED
_DATA = {
    "snapshot-sp500.yaml": ("arch:sp500",),
    "snapshot-synthetic-book.yaml": ("--format", "synthetic", "order-book"),
}
"""Snapshots of the examples, and what `tradeplane snapshot import` makes them of."""
_STRATEGY = "macd-momentum.yaml"
_REPLAY = "replay.yaml"
_NEXT = "market-maker.yaml"
_SHOWN = ("strategies", "snapshotcaptures", "snapshots", "replays")
"""Kinds whose tables the demo ends with."""
SYSTEM_NAMESPACE = DEPLOY / "base" / "namespace.yaml"
_ROLLOUT_LIMIT_S = 240
_COUNTED_LIMIT_S = 360
INSTALLATION_STAGES = 4
STAGES = INSTALLATION_STAGES + 6


@dataclass(frozen=True)
class Demo:
    """One demo on one cluster."""

    cluster: DemoCluster
    progress: Progress
    attested_images: bool = True
    """Whether the operator starts nothing by an image that is not attested."""

    @property
    def _objects(self) -> Objects:
        return Objects(self.cluster.kubectl, self.progress, NAMESPACE)

    def install(self) -> None:
        """Do the stages before the example: a cluster with the platform on it.

        Raises:
            DemoError: a stage failed; ``progress.current`` names it.

        """
        self._start_cluster()
        self._install()

    def up(self) -> str:
        """Do every stage; return what to show at the end.

        Raises:
            DemoError: a stage failed; ``progress.current`` names it.

        """
        self._start_cluster()
        with built_ahead(to_build(evidence=self.cluster.evidence is not None), self.progress.say):
            images, key = self._install()
            return self._example(images, key)

    def _start_cluster(self) -> None:
        with self.progress.stage("cluster"):
            self.cluster.start(self.progress.say)

    def _install(self) -> tuple[DeployedImages, bytes | None]:
        """Install the platform; return its images, and the key that evidence is signed by, where there is any."""
        with self.progress.stage("images"):
            images = self._images()
        with self.progress.stage("engine: Pulumi and its provider of Kubernetes"):
            provide_engine(self.progress.say)
        with self.progress.stage("platform: kinds, operator and the namespace that runs work"):
            key = self._platform(images)
        return images, key

    def _example(self, images: DeployedImages, key: bytes | None) -> str:
        """Run the example on the platform; return what to show at the end."""
        with self.progress.stage("market data: S&P 500, daily bars 1999-2018, and an order book"):
            for snapshot, source in _DATA.items():
                self._data(snapshot, source, key)
        with self.progress.stage("strategy: MACD momentum"):
            name, run = self._strategy()
        with self.progress.stage("replay: the same run again on each processor, compared record by record"):
            replay = self._replay(run["image"], images.workloads)
        session = Session(self._objects)
        with self.progress.stage("session: a market maker on a simulated exchange, suspended after a while"):
            session.trade()
        with self.progress.stage("replay of the session: every decision and every fill, on each processor"):
            session.replay()
        told = ""
        if self.cluster.evidence is not None:
            with self.progress.stage("evidence: the run, verified from the registry with the public key alone"):
                cosign = partial(checked_by, provide_cosign(self.progress.say))
                told = Evidence(self._objects, tradeplane, cosign, self.cluster.plain_http).of(name, replay)
                told += self._ledger(name)
        return self._result(name, run["name"], told)

    def _images(self) -> DeployedImages:
        assembly = Assembly.of_checkout(self.progress.say, records=GENERATED)
        references = assembly.publish(self.cluster.registry, plain_http=self.cluster.plain_http)
        provide_core(assembly.preparation)
        return DeployedImages(operator=references["operator"], workloads=references["workloads"])

    def _platform(self, images: DeployedImages) -> bytes | None:
        """Install the platform and wait for it; return the key that evidence is signed by, where there is any."""
        kubectl, ledger = self.cluster.kubectl, self.cluster.ledger
        # What pods of the platform mount has to be there when they start: the stack waits until they are ready.
        kubectl("apply", "--server-side", "--force-conflicts", "-f", SYSTEM_NAMESPACE)
        key = None if self.cluster.evidence is None else provide_key(kubectl, SYSTEM, self.progress.say)
        trust = None if key is None else Trust(self._attest(images, key), data_trust(key))
        if ledger is not None:
            provide_ledger(kubectl, SYSTEM, ledger, tradeplane, self.progress.say)
        self.cluster.provide_store(SYSTEM, of_all=True)
        settings = configured(self.cluster.configuration, images, NAMESPACE, trust)
        Installation(self.cluster.stack, kubectl, self.progress).up(settings)
        self.cluster.provide_store(NAMESPACE)
        self._await_rollout("operator", OPERATOR)
        if ledger is not None:
            self._await_rollout("recorder", RECORDER)
        wait(
            f"the quotas of {NAMESPACE}",
            lambda: counted(kubectl.get("resourcequotas", "-n", NAMESPACE)["items"]),
            self.progress.waiting,
            _COUNTED_LIMIT_S,
            f"See what they count: kubectl -n {NAMESPACE} describe resourcequotas",
        )
        return key

    def _attest(self, images: DeployedImages, key: bytes) -> dict[str, Any] | None:
        """Attest the images; return how the platform is to trust them, where it is to start nothing else."""
        plain_http = self.cluster.plain_http
        attested = attest_images(
            {"operator": images.operator, "workloads": images.workloads},
            GENERATED,
            key,
            tradeplane,
            self.progress.say,
            plain_http=plain_http,
        )
        return image_trust(key, plain_http=plain_http) if self.attested_images and attested else None

    def _await_rollout(self, what: str, name: str) -> None:
        verdict = wait(
            f"the {what}'s rollout",
            lambda: self._look_at_rollout(name),
            self.progress.waiting,
            _ROLLOUT_LIMIT_S,
            f"See why: kubectl -n {SYSTEM} describe pods; kubectl -n {SYSTEM} logs deployment/{name}",
        )
        self.progress.say(f"{what}: {verdict.text}")

    def _look_at_rollout(self, name: str) -> Verdict:
        deployment = self.cluster.kubectl.get("deployment", name, "-n", SYSTEM)
        pods = self.cluster.kubectl.get("pods", "-n", SYSTEM, "-l", f"app.kubernetes.io/name={name}")
        return rollout(deployment, pods["items"])

    def _ledger(self, strategy: str) -> str:
        """Return what the audit ledger has of a Strategy, to show at the end; nothing where there is no ledger."""
        access = self.cluster.ledger
        if access is None:
            return ""
        progress = self.progress
        return Ledger(self.cluster.kubectl, access, tradeplane, progress.say, progress.waiting).of(
            NAMESPACE, SYSTEM, strategy
        )

    def _data(self, snapshot: str, source: tuple[str, ...], key: bytes | None) -> None:
        """Import what an example names, and attest it where there is a key; return once it is verified."""
        named = example(snapshot)
        name, digest = named["metadata"]["name"], named["spec"]["digest"]
        store = self.cluster.store_url(NAMESPACE)
        self.progress.say(f"tradeplane snapshot import {' '.join(source)} --store {store}")
        arguments = ["snapshot", "import", *source, "--name", name, "--store", store, "-o", "json"]
        imported = json.loads(tradeplane(*arguments))["spec"]["digest"]
        if imported != digest:
            raise DemoError(
                f"The data have the digest {imported}, and docs/examples/{snapshot} names {digest}.",
                "The data have changed: take the packages that uv.lock names, and build the core anew (`make sync`).",
            )
        if self.cluster.evidence is not None and key is not None:
            attest_data(
                digest,
                f"{self.cluster.evidence['registry']}/{NAMESPACE}/snapshots",
                store,
                key,
                tradeplane,
                self.progress.say,
                plain_http=self.cluster.plain_http,
            )
        self._objects.apply(snapshot)
        self._objects.until("snapshot", name)

    def _strategy(self) -> tuple[str, dict[str, Any]]:
        name = example(_STRATEGY)["metadata"]["name"]
        self._objects.apply(_STRATEGY)
        found = self._objects.until("strategy", name)
        return name, found["status"]["latest"]

    def _replay(self, ran: str, now: str) -> str:
        """Replay the run as the example does, on the processors there are; return the Replay's name.

        A run of an earlier image is replayed by that of now.
        """
        there = example(_REPLAY)
        asked = self._objects.on_these_nodes(there)
        if ran != now:
            self.progress.say("the run is of an image of before; it is replayed by that of now")
            asked["spec"]["image"] = now
        if asked == there:
            self._objects.apply(_REPLAY)
        else:
            self._objects.apply_changed(_REPLAY, asked)
        name: str = asked["metadata"]["name"]
        self._objects.until("replay", name)
        return name

    def _result(self, name: str, run_name: str, evidence: str) -> str:
        tables = {kind: self._objects.table(kind) for kind in _SHOWN}
        store = self.cluster.store_url(NAMESPACE)
        summary = tradeplane("results", "show", run_name, "--store", store)
        return final_words(tables, summary, name, run_name, store, self.cluster.environment, evidence)


def final_words(
    tables: Mapping[str, str],
    summary: str,
    name: str,
    run_name: str,
    store: str,
    environment: str,
    evidence: str = "",
) -> str:
    """Write what the demo ends with: tables by their kinds, the result, the evidence, three commands to try next."""
    shown_tables = [f"$ kubectl get {kind} -n {NAMESPACE}\n{table.rstrip()}\n\n" for kind, table in tables.items()]
    reach = f"To reach the cluster from this shell:  {environment}\n\n" if environment else ""
    return (
        f"\n{''.join(shown_tables[:1])}{summary.rstrip()}\n\n{''.join(shown_tables[1:])}{evidence}{reach}"
        "Try next:\n"
        f"  kubectl -n {NAMESPACE} describe strategy {name}\n"
        f"  kubectl -n {NAMESPACE} apply -f {shown(EXAMPLES / _NEXT)}\n"
        f"  {shown(beside_python('tradeplane'))} results report {run_name} --store {store}\n"
    )


def tradeplane(*arguments: str) -> str:
    """Run the command line that belongs to this Python, as one of the store's group: pods read what it writes."""
    remedy = "The message above says what to do; `tradeplane --help` explains the command."
    return run([beside_python("tradeplane"), *arguments], remedy, group=STORE_GROUP)
