"""The demo on a cluster of its own, and what its tests ask of it: kubectl, the store, and which runs were started."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import yaml
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings

from tests.e2e.platform import processes_with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
CHECKOUT = Path(__file__).resolve().parents[3]
EXAMPLES = CHECKOUT / "docs/examples"
DEPLOY = CHECKOUT / "operator/deploy"
NAMESPACE = "research"
SYSTEM = "tradeplane-system"
OPERATOR = "tradeplane-operator"
CONNECTION = "simulated-book"
"""The BrokerConnection of the demo's session."""
DEMO_LIMIT_S = 1_200
"""The first demo on a machine builds everything."""
_KUBECTL_LIMIT_S = 400
_UNHURRIED = "100m"
"""Processor of a run whose process is to be found before it has done its work."""
_PAUSE_S = 0.25


@dataclass(frozen=True)
class Held:
    """A run that is in flight for as long as somebody wants it to be: its processes are stopped."""

    processes: tuple[int, ...]

    def let_go(self) -> None:
        """Let it go on."""
        self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send its processes a signal."""
        for process in self.processes:
            os.kill(process, number)


@dataclass(frozen=True)
class DemoCluster:
    """A demo of these tests: its environment, and where its cluster keeps everything."""

    state: Path
    environment: dict[str, str]

    @cached_property
    def embedded(self) -> EmbeddedCluster:
        return EmbeddedCluster(Settings.from_environment(self.environment))

    @property
    def generated(self) -> Path:
        """Folder of what the demo writes into the checkout."""
        return CHECKOUT / f"build/demo-{self.environment['TRADEPLANE_INSTANCE']}"

    @property
    def store(self) -> str:
        return (self.state / "volumes/store" / NAMESPACE).as_uri()

    def demo(self, command: str) -> subprocess.CompletedProcess[str]:
        """Do what ``make demo`` or ``make down`` does."""
        return subprocess.run(
            [sys.executable, "-m", "tradeplane_stacks.demo", command],
            cwd=CHECKOUT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEMO_LIMIT_S,
            check=False,
        )

    def kubectl(self, *arguments: str | Path, content: str | None = None) -> str:
        """Run kubectl as an administrator; return what it printed."""
        done = subprocess.run(
            [self.embedded.kubectl, *arguments],
            env={**os.environ, "KUBECONFIG": str(self.embedded.kubeconfig)},
            input=content,
            capture_output=True,
            text=True,
            timeout=_KUBECTL_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}: {done.stderr}{done.stdout}"
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return an object, or a list of them."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    def named(self, *arguments: str) -> set[str]:
        """Return the names of objects, such as ``crd/strategies.tradeplane.dev``."""
        return set(self.kubectl("get", *arguments, "--ignore-not-found", "-o", "name").split())

    def strategy(self, name: str) -> dict[str, Any]:
        return self.get("strategy", name, "-n", NAMESPACE)

    def strategies(self) -> dict[str, dict[str, Any]]:
        """Return the Strategies that have runs, by name; one that trades has a session in their place."""
        found = self.get("strategies", "-n", NAMESPACE)["items"]
        return {each["metadata"]["name"]: each for each in found if each["spec"]["mode"] == "Backtest"}

    def apply(self, manifest: Mapping[str, Any]) -> None:
        self.kubectl("apply", "-n", NAMESPACE, "-f", "-", content=yaml.safe_dump(dict(manifest)))

    def started(self) -> set[tuple[str, str]]:
        """Return name and UID of every Job that ever got a pod, those that are gone too: the Job controller's words.

        But for the probes of a connection, which are begun again and again.
        """
        chosen = "--field-selector=involvedObject.kind=Job,reason=SuccessfulCreate"
        told = self.get("events", "-n", NAMESPACE, chosen)["items"]
        jobs = {(event["involvedObject"]["name"], event["involvedObject"]["uid"]) for event in told}
        return {(name, uid) for name, uid in jobs if not name.startswith(f"{CONNECTION}-")}

    def attempts(self, run: str) -> list[str]:
        """Return the Job controller's words about each pod it made for a run."""
        chosen = f"--field-selector=involvedObject.name={run},reason=SuccessfulCreate"
        return [event["message"] for event in self.get("events", "-n", NAMESPACE, chosen)["items"]]

    def results(self) -> dict[str, str]:
        """Return the result digest of each run in the store, as a laptop without a cluster reads it."""
        return {
            item["run"]: item["resultDigest"] for item in tradeplane("results", "list", "--store", self.store)["items"]
        }

    def hold(self, name: str, seed: int) -> Held:
        """Start a run and stop its processes as soon as they are there; return once the cluster knows that it runs."""
        self.apply(example(name, seed, _UNHURRIED))

        def look() -> tuple[bool, list[int]]:
            pods = [pod["metadata"]["name"] for pod in self._pods(name)]
            found = [process for pod in pods for process in processes_with("TRADEPLANE_ATTEMPT", pod)]
            return found != [], found

        held = Held(tuple(eventually(f"the process of a run of Strategy {name}", look, 240)))
        held.send(signal.SIGSTOP)
        self._until_runs(name)
        return held

    def _pods(self, name: str) -> list[dict[str, Any]]:
        """Return the pods of the newest run of a Strategy."""
        run = latest(self.strategy(name)).get("name", "")
        if not run:
            return []
        found: list[dict[str, Any]] = self.get("pods", "-n", NAMESPACE, f"-l=batch.kubernetes.io/job-name={run}")[
            "items"
        ]
        return found

    def _until_runs(self, name: str) -> None:
        """Wait until the newest run of a Strategy has a container at work."""

        def look() -> tuple[bool, object]:
            pods = self._pods(name)
            seen = [status["state"] for pod in pods for status in pod["status"].get("containerStatuses", ())]
            return any("running" in state for state in seen), seen or f"its run has {len(pods)} pods"

        eventually(f"a container of Strategy {name} to run", look, 240)

    def until_ready(self, name: str, limit_s: float = 400) -> dict[str, Any]:
        """Wait until a Strategy is Ready at its generation; return it."""

        def look() -> tuple[bool, object]:
            found = self.strategy(name)
            ready = condition(found, "Ready")
            current = ready.get("observedGeneration") == found["metadata"]["generation"]
            return current and ready["status"] == "True", found.get("status")

        eventually(f"Strategy {name} to be Ready", look, limit_s)
        return self.strategy(name)

    def until_rolled_out(self, image: str) -> None:
        """Wait until the operator's pods are those of an image, and one of them leads."""
        self.kubectl("-n", SYSTEM, "rollout", "status", f"deployment/{OPERATOR}", "--timeout=240s")

        def look() -> tuple[bool, object]:
            pods = self.get("pods", "-n", SYSTEM, f"-l=app.kubernetes.io/name={OPERATOR}")["items"]
            images = {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in pods}
            holder = self.get("lease", OPERATOR, "-n", SYSTEM)["spec"].get("holderIdentity") or ""
            leads = any(holder.startswith(name) for name in images)
            return leads and set(images.values()) == {image}, {"leader": holder, "pods": images}

        eventually(f"two operators of {image}, one leading", look, 240)


def eventually(what: str, look: Callable[[], tuple[bool, T]], limit_s: float) -> T:
    """Look again and again until it is so; return what it is then, or fail with what it was last."""
    end = time.monotonic() + limit_s
    while True:
        done, state = look()
        if done:
            return state
        if time.monotonic() >= end:
            pytest.fail(f"waited {limit_s:.0f} s for {what}; its state: {state}")
        time.sleep(_PAUSE_S)


def latest(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest run of a Strategy, empty where there is none."""
    found: dict[str, Any] = (strategy.get("status") or {}).get("latest") or {}
    return found


def condition(strategy: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return a condition of a Strategy, empty where there is none."""
    told = (strategy.get("status") or {}).get("conditions", ())
    return next((each for each in told if each["type"] == kind), {})


def example(name: str, seed: int, cpu: str = "") -> dict[str, Any]:
    """Return the demo's Strategy under another name and seed; ``cpu`` is all the processor it may use."""
    manifest: dict[str, Any] = yaml.safe_load((EXAMPLES / "macd-momentum.yaml").read_text(encoding="utf-8"))
    manifest["metadata"]["name"] = name
    manifest["spec"]["seed"] = seed
    if cpu:
        manifest["spec"]["resources"] = {
            "requests": {"cpu": cpu, "memory": "256Mi"},
            "limits": {"cpu": cpu, "memory": "1Gi"},
        }
    return manifest


def tradeplane(*arguments: str) -> dict[str, Any]:
    """Run the command line and return what it shows as JSON."""
    program = Path(sys.executable).with_name("tradeplane")
    done = subprocess.run([program, *arguments, "-o", "json"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def digest_of(shown: Mapping[str, Any]) -> str:
    """Find the result digest in what a command shows as JSON."""
    (digest,) = set(re.findall(r'"resultDigest": "(sha256:[0-9a-f]{64})"', json.dumps(shown)))
    return str(digest)
