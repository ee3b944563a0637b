"""An API server that tells its audit events to a recorder, by the policy and the options that are documented."""

from __future__ import annotations

import datetime
import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from tradeplane_stacks.local import kubeconfig
from tradeplane_stacks.local.certificates import CLUSTER, Certificates, Leaf
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.control_plane import Ports
from tradeplane_stacks.local.kubectl import Kubectl
from tradeplane_stacks.local.settings import Settings

from tests.integration.conftest import DEFINITIONS, await_kinds
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = Path(__file__).parents[3] / "operator" / "deploy" / "audit" / "policy.yaml"
SERVER, CLIENT = "recorder", "kube-apiserver"
KILLED_BEFORE_IT_ANSWERS = """
import os, signal, sys
from tradeplane_operator.recording import __main__ as program
from tradeplane_operator.recording.recorder import Recorder

entering = Recorder.enter

async def enter(self, deeds):
    entered = await entering(self, deeds)
    if entered.events:
        os.kill(os.getpid(), signal.SIGKILL)
    return entered

Recorder.enter = enter
sys.exit(program.main(sys.argv[1:]))
"""
"""A recorder that is killed as soon as something stands in the ledger."""


@dataclass(frozen=True)
class Audited:
    """The API server, and what a recorder needs to be told by it."""

    cluster: EmbeddedCluster
    folder: Path
    port: int

    @property
    def kubeconfig(self) -> Path:
        """Of an administrator."""
        return self.cluster.kubeconfig

    @property
    def servers(self) -> Certificates:
        """Who signed the recorder's certificate."""
        return Certificates(self.folder / "servers")

    @property
    def clients(self) -> Certificates:
        """Who signed the API server's, as a client."""
        return Certificates(self.folder / "clients")

    def user(self, name: str, *groups: str) -> Kubectl:
        """Give a kubectl of a user who has a certificate."""
        leaf = Leaf(f"user-{name}", CLUSTER, name, groups, client=True)
        certificates = self.cluster.certificates
        certificates.ensure([leaf], datetime.datetime.now(datetime.UTC))
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(kubeconfig.render(self.cluster.control_plane.server, name, certificates, leaf.name))
        return Kubectl(self.cluster.kubectl, path)

    def options(self, grace: float) -> list[str]:
        """Return the options of a recorder that is told."""
        return [
            f"--audit-port={self.port}",
            f"--audit-certificate={self.servers.certificate(SERVER)}",
            f"--audit-key={self.servers.key(SERVER)}",
            f"--audit-client-ca={self.clients.certificate(CLUSTER)}",
            f"--audit-grace={grace:g}",
        ]

    def context(self, client: Certificates | None) -> ssl.SSLContext:
        """Return TLS that trusts the recorder's certificate, and shows one of these."""
        context = ssl.create_default_context(cafile=str(self.servers.certificate(CLUSTER)))
        if client is not None:
            context.load_cert_chain(client.certificate(CLIENT), client.key(CLIENT))
        return context


@contextmanager
def audited(folder: Path) -> Iterator[Audited]:
    """Run an API server that tells a recorder at a port, whether one listens there or not."""
    port, now = free_port(), datetime.datetime.now(datetime.UTC)
    loopback = (IPv4Address("127.0.0.1"),)
    Certificates(folder / "servers").ensure([Leaf(SERVER, CLUSTER, SERVER, addresses=loopback, server=True)], now)
    Certificates(folder / "clients").ensure([Leaf(CLIENT, CLUSTER, CLIENT, client=True)], now)
    webhook = folder / "webhook"
    webhook.write_text(yaml.safe_dump(_webhook(folder, port)))
    settings = Settings.from_environment(os.environ)
    settings = replace(settings, state=folder / "state", control_plane_only=True, controllers=False)
    cluster = EmbeddedCluster(replace(settings, audit_webhook=webhook, audit_policy=POLICY))
    cluster.layout.state.mkdir()
    cluster.layout.ports.write_text(json.dumps(asdict(Ports(**{part.name: free_port() for part in fields(Ports)}))))
    try:
        cluster.up()
        cluster.client.run("apply", "--server-side", "--force-conflicts", "-k", str(DEFINITIONS))
        await_kinds(cluster)
        yield Audited(cluster, folder, port)
    finally:
        cluster.down(purge=True)


def _webhook(folder: Path, port: int) -> dict[str, Any]:
    """Return the webhook's kubeconfig, as the example has it."""
    document: dict[str, Any] = yaml.safe_load((POLICY.parent / "webhook.kubeconfig.example.yaml").read_text())
    place, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    place["server"] = f"https://127.0.0.1:{port}/audit"
    place.pop("tls-server-name")
    place["certificate-authority"] = str(Certificates(folder / "servers").certificate(CLUSTER))
    user["client-certificate"] = str(Certificates(folder / "clients").certificate(CLIENT))
    user["client-key"] = str(Certificates(folder / "clients").key(CLIENT))
    return document


class AuditedRecorder:
    """A recorder of one namespace that is told the audit log."""

    def __init__(
        self, server: Audited, url: str, namespace: str, log: Path, *, grace: float, program: str = ""
    ) -> None:
        self.health = free_port()
        self._log = log
        self._start = log.stat().st_size if log.exists() else 0
        environment = os.environ | {"KUBECONFIG": str(server.kubeconfig), "TRADEPLANE_LEDGER_DATABASE": url}
        what = ["-c", program] if program else ["-m", "tradeplane_operator.recording"]
        command = [sys.executable, *what, f"--namespace={namespace}", f"--health-port={self.health}"]
        with log.open("ab") as file:
            self.process = subprocess.Popen([*command, *server.options(grace)], env=environment, stderr=file)

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()[self._start :]

    def get(self, path: str) -> str:
        """Ask its health port. Raises OSError while it does not answer well."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def told(self, said: str) -> int:
        """Return how many events said something to the ledger, or stood there, or could not be read."""
        name = f'tradeplane_recorder_audit_events_total{{said="{said}"}} '
        line = next((line for line in self.get("/metrics").splitlines() if line.startswith(name)), "0")
        return int(float(line.split()[-1]))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)
