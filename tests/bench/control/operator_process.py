"""The operator as a process of its own, with the identity and the permissions it has in a cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from tests.bench.control.fleet import REPOSITORY
from tests.integration.operator.processes import IMAGE, OperatorProcess


class Place(Protocol):
    """A cluster that an operator is started for."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""

    @property
    def store(self) -> Path:
        """Root of the file store."""

    @property
    def scratch(self) -> Path:
        """Folder for what belongs to the measurement."""

    def kubectl(self, *arguments: str, content: str | None = None) -> str:
        """Run kubectl as the administrator."""


ACCOUNT = "tradeplane-operator"
SYSTEM_NAMESPACE = "tradeplane-system"
USER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{ACCOUNT}"
RETENTION_SECONDS = 5
"""How long a finished Job stays: short, so that its removal falls into the time that is measured."""
_MANIFESTS = (
    "base/namespace.yaml",
    "base/service-account.yaml",
    "base/leadership.yaml",
    "components/cluster-wide/roles.yaml",
    "components/evidence/claims.yaml",
)
_TICKS = os.sysconf("SC_CLK_TCK")
_MEBIBYTE = 2**20


def enrol(fleet: Place) -> Path:
    """Give the operator its account and its permissions as deployed; return a kubeconfig of that account."""
    for manifest in _MANIFESTS:
        fleet.kubectl("apply", f"--filename={REPOSITORY / 'operator' / 'deploy' / manifest}")
    token = fleet.kubectl("create", "token", ACCOUNT, f"--namespace={SYSTEM_NAMESPACE}", "--duration=4h").strip()
    document = yaml.safe_load(fleet.kubeconfig.read_text(encoding="utf-8"))
    document["users"][0]["user"] = {"token": token}
    path = fleet.scratch / "operator.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def settings(fleet: Place) -> dict[str, Any]:
    """Return the operator's settings: its defaults, but for the store, caps beyond reach and a short retention."""
    return {
        "stores": {"default": {"url": f"file://{fleet.store}", "claim": "tradeplane-store"}},
        "images": {"default": IMAGE},
        "limits": {"runs": 100_000, "runsPerNamespace": 100_000},
        "retention": {"succeededSeconds": RETENTION_SECONDS},
    }


def operator_of(fleet: Place) -> MeasuredOperator:
    """Return an operator of a fleet, not started yet."""
    return MeasuredOperator(fleet.scratch / "operator", enrol(fleet), settings(fleet))


@dataclass
class MeasuredOperator(OperatorProcess):
    """An operator whose memory, processor time and metrics are read."""

    async def working(self) -> MeasuredOperator:
        """Wait until it leads and works, for longer than the Lease of one that was killed may last."""
        await self.says('"working"', 60.0)
        return self

    def start(self) -> MeasuredOperator:
        """Start it anew, with a log of its own."""
        (self.folder / "log.jsonl").unlink(missing_ok=True)
        super().start()
        return self

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process is not None
        return self.process.pid

    def resident_mebibytes(self, field: str = "VmRSS") -> float:
        """Return its resident memory now, or with ``VmHWM`` at its highest."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024 / _MEBIBYTE
        raise AssertionError(f"process {self.pid} has no {field}")


def processor_seconds(pid: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
