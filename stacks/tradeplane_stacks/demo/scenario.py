"""The demo, stage by stage: cluster, images, operator, data, strategy, replay, result.

A stage that finds its work done only says so; all state is in the cluster, the registry and the store.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.demo.clusters import STORE_GROUP
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.programs import run
from tradeplane_stacks.demo.waiting import Verdict, readiness, rollout, wait
from tradeplane_stacks.deployment import DeployedImages, write_overlay
from tradeplane_stacks.images.assembly import Assembly
from tradeplane_stacks.images.settings import CHECKOUT

if TYPE_CHECKING:
    from tradeplane_stacks.demo.clusters import DemoCluster
    from tradeplane_stacks.demo.progress import Progress

NAMESPACE = "research"
"""The namespace that operator/deploy/namespace enrols."""
SYSTEM = "tradeplane-system"
OPERATOR = "tradeplane-operator"
EXAMPLES = CHECKOUT / "docs/examples"
GENERATED = CHECKOUT / "build/demo"
_DATA = {
    "snapshot-sp500.yaml": ("arch:sp500",),
    "snapshot-synthetic-book.yaml": ("--format", "synthetic", "order-book"),
}
"""Snapshots of the examples, and what `tradeplane snapshot import` makes them of."""
_STRATEGY = "macd-momentum.yaml"
_REPLAY = "replay.yaml"
_NEXT = "market-maker.yaml"
_ROLLOUT_LIMIT_S = 240
_RUN_LIMIT_S = 300
STAGES = 6


@dataclass(frozen=True)
class Demo:
    """One demo on one cluster."""

    cluster: DemoCluster
    progress: Progress

    def up(self) -> str:
        """Do every stage; return what to show at the end.

        Raises:
            DemoError: a stage failed; ``progress.current`` names it.

        """
        with self.progress.stage("cluster"):
            self.cluster.start(self.progress.say)
        with self.progress.stage("images"):
            images = self._images()
        with self.progress.stage("operator"):
            self._operator(images)
        with self.progress.stage("market data: S&P 500, daily bars 1999-2018, and an order book"):
            for snapshot, source in _DATA.items():
                self._data(snapshot, source)
        with self.progress.stage("strategy: MACD momentum"):
            name, run = self._strategy()
        with self.progress.stage("replay: the same run again on each processor, compared record by record"):
            self._replay(run["image"], images.workloads)
        return self._result(name, run["name"])

    def _images(self) -> DeployedImages:
        assembly = Assembly.of_checkout(self.progress.say, records=GENERATED)
        references = assembly.publish(self.cluster.registry, plain_http=self.cluster.plain_http)
        return DeployedImages(operator=references["operator"], workloads=references["workloads"])

    def _operator(self, images: DeployedImages) -> None:
        kubectl = self.cluster.kubectl
        directory = write_overlay(GENERATED / "operator", self.cluster.overlay, images)
        self.progress.say(f"namespace {NAMESPACE}: enrolled to run work")
        kubectl.apply_directory(self.cluster.enrolment)
        self.cluster.provide_store(NAMESPACE)
        self.progress.say(f"kubectl apply --server-side -k {_shown(directory)}")
        kubectl.apply_directory(directory)
        self.cluster.provide_store(SYSTEM, of_all=True)
        verdict = wait(
            "the operator's rollout",
            self._look_at_rollout,
            self.progress.waiting,
            _ROLLOUT_LIMIT_S,
            f"See why: kubectl -n {SYSTEM} describe pods; kubectl -n {SYSTEM} logs deployment/{OPERATOR}",
        )
        self.progress.say(verdict.text)

    def _look_at_rollout(self) -> Verdict:
        deployment = self.cluster.kubectl.get("deployment", OPERATOR, "-n", SYSTEM)
        pods = self.cluster.kubectl.get("pods", "-n", SYSTEM, "-l", f"app.kubernetes.io/name={OPERATOR}")
        return rollout(deployment, pods["items"])

    def _data(self, snapshot: str, source: tuple[str, ...]) -> None:
        example = _example(snapshot)
        name, digest = example["metadata"]["name"], example["spec"]["digest"]
        store = self.cluster.store_url(NAMESPACE)
        self.progress.say(f"tradeplane snapshot import {' '.join(source)} --store {store}")
        arguments = ["snapshot", "import", *source, "--name", name, "--store", store, "-o", "json"]
        imported = json.loads(tradeplane(*arguments))["spec"]["digest"]
        if imported != digest:
            raise DemoError(
                f"The data have the digest {imported}, and docs/examples/{snapshot} names {digest}.",
                "The data have changed: take the packages that uv.lock names, and build the core anew (`make sync`).",
            )
        self._apply(snapshot)
        self._await("snapshot", name)

    def _strategy(self) -> tuple[str, dict[str, Any]]:
        name = _example(_STRATEGY)["metadata"]["name"]
        self._apply(_STRATEGY)
        found = self._await("strategy", name)
        return name, found["status"]["latest"]

    def _replay(self, ran: str, now: str) -> None:
        """Replay the run as the example does, on the processors there are; one of an earlier image by that of now."""
        example = _example(_REPLAY)
        spec, there = example["spec"], self._architectures()
        missing = [one for one in spec["architectures"] if one not in there]
        if missing:
            self.progress.say(f"no node of {' and '.join(missing)} here: left out of the replay")
            spec["architectures"] = [one for one in spec["architectures"] if one in there]
        if ran != now:
            self.progress.say("the run is of an image of before; it is replayed by that of now")
            spec["image"] = now
        if missing or ran != now:
            path = GENERATED / _REPLAY
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(example, sort_keys=False), encoding="utf-8")
            self._apply_file(path)
        else:
            self._apply(_REPLAY)
        self._await("replay", example["metadata"]["name"])

    def _architectures(self) -> set[str]:
        """Return the processors of the cluster's nodes."""
        nodes = self.cluster.kubectl.get("nodes")["items"]
        return {node["metadata"]["labels"].get("kubernetes.io/arch", "") for node in nodes}

    def _apply(self, example: str) -> None:
        self._apply_file(EXAMPLES / example)

    def _apply_file(self, path: Path) -> None:
        self.progress.say(f"kubectl apply -n {NAMESPACE} -f {_shown(path)}")
        self.cluster.kubectl("apply", "-n", NAMESPACE, "-f", path, remedy="See the field it names.")

    def _await(self, kind: str, name: str) -> dict[str, Any]:
        latest: dict[str, Any] = {}

        def look() -> Verdict:
            latest.update(self.cluster.kubectl.get(kind, name, "-n", NAMESPACE))
            return readiness(latest)

        remedy = f"See why: kubectl -n {NAMESPACE} describe {kind} {name}; kubectl -n {NAMESPACE} get jobs,pods"
        verdict = wait(f"{kind} {name}", look, self.progress.waiting, _RUN_LIMIT_S, remedy)
        self.progress.say(verdict.text)
        return latest

    def _result(self, name: str, run_name: str) -> str:
        strategies = self.cluster.kubectl("get", "strategies", "-n", NAMESPACE)
        replays = self.cluster.kubectl("get", "replays", "-n", NAMESPACE)
        store = self.cluster.store_url(NAMESPACE)
        summary = tradeplane("results", "show", run_name, "--store", store)
        return final_words((strategies, replays), summary, name, run_name, store, self.cluster.environment)


def final_words(tables: tuple[str, str], summary: str, name: str, run_name: str, store: str, environment: str) -> str:
    """Write what the demo ends with: the tables, the result, and three commands to try next."""
    strategies, replays = (table.rstrip() for table in tables)
    reach = f"To reach the cluster from this shell:  {environment}\n\n" if environment else ""
    return (
        f"\n$ kubectl get strategies -n {NAMESPACE}\n{strategies}\n\n{summary.rstrip()}\n\n"
        f"$ kubectl get replays -n {NAMESPACE}\n{replays}\n\n{reach}"
        "Try next:\n"
        f"  kubectl -n {NAMESPACE} describe strategy {name}\n"
        f"  kubectl -n {NAMESPACE} apply -f {_shown(EXAMPLES / _NEXT)}\n"
        f"  uv run tradeplane results report {run_name} --store {store}\n"
    )


def tradeplane(*arguments: str) -> str:
    """Run the command line that belongs to this Python, as one of the store's group: pods read what it writes."""
    program = Path(sys.executable).with_name("tradeplane")
    remedy = "The message above says what to do; `tradeplane --help` explains the command."
    return run([program, *arguments], remedy, group=STORE_GROUP)


def _example(name: str) -> dict[str, Any]:
    path = EXAMPLES / name
    if not path.exists():
        raise DemoError(f"{path} is not there.", "Restore it from the repository.")
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _shown(path: Path) -> str:
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)
