"""An operator as a process of its own, which a test can stop, continue and kill."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "registry.example/tradeplane/workloads@sha256:" + "0" * 64
LEASE: dict[str, Any] = {"namespace": "default", "durationSeconds": 100, "renewSeconds": 80, "retrySeconds": 0.3}
"""Of an operator from which nobody takes over: a machine that stands still for a while does not end it."""
SOON_OVER: dict[str, Any] = {
    "lease": {"durationSeconds": 11, "renewSeconds": 6, "retrySeconds": 0.5},
    "client": {"requestSeconds": 4.0},
}
"""Settings of an operator that will be killed or stopped: another may take over soon."""


@dataclass
class OperatorProcess:
    """One operator, and the file its logs go to."""

    folder: Path
    kubeconfig: Path
    settings: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    stopped: bool = False

    @property
    def metrics_port(self) -> int:
        """The port it was given, which it logs before it works. Raises ConnectionError before that."""
        said = next((line for line in self.log.splitlines() if '"listening"' in line), None)
        if said is None:
            raise ConnectionError("the operator does not listen yet")
        return int(json.loads(said)["metrics"])

    def metrics(self) -> dict[str, float]:
        """Return its metrics by name and labels, as Prometheus would read them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "log.jsonl").read_text()

    def start(self) -> OperatorProcess:
        """Start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = {"address": "127.0.0.1", "metrics": 0, "health": 0}
        path = self.folder / "settings.yaml"
        path.write_text(yaml.safe_dump(self.settings | {"ports": ports}))
        environment = os.environ | {"KUBECONFIG": str(self.kubeconfig), "TRADEPLANE_SETTINGS": str(path)}
        with (self.folder / "log.jsonl").open("ab") as log:
            command = [sys.executable, "-m", "tradeplane_operator"]
            self.process = subprocess.Popen(command, env=environment, stderr=log)
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)
        self.stopped = {signal.SIGSTOP: True, signal.SIGCONT: False}.get(number, self.stopped)

    def end(self) -> int:
        """End it as a kubelet does, and return its exit code."""
        assert self.process is not None
        if self.stopped:
            self.signal(signal.SIGCONT)
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Kill it, with no chance to say goodbye."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = 120.0) -> int:
        """Wait for its end, and return its exit code."""
        assert self.process is not None
        return self.process.wait(timeout=seconds)

    async def says(self, words: str, seconds: float = 120.0) -> None:
        """Wait until it has logged some words."""
        deadline = time.monotonic() + seconds
        while words not in self.log:
            assert self.process is not None
            assert self.process.poll() is None, f"the operator ended:\n{self.log}"
            assert time.monotonic() < deadline, f"waited {seconds:g} s for {words!r} in:\n{self.log}"
            await asyncio.sleep(0.05)

    async def working(self) -> OperatorProcess:
        """Wait until it leads and works."""
        await self.says('"working"')
        return self
