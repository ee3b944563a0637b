"""kubectl as the cluster's own client: what it applies and asks goes through the same program that a person uses."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.local.component import BASE_ENVIRONMENT
from tradeplane_stacks.local.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LIMIT_SECONDS = 60.0
FIELD_MANAGER = "tradeplane-local"
"""Owner of the fields that the embedded cluster applies."""


@dataclass(frozen=True)
class Kubectl:
    """One kubectl program with one kubeconfig."""

    program: Path
    kubeconfig: Path

    def run(self, *arguments: str, content: str | None = None, within_seconds: float = _LIMIT_SECONDS) -> str:
        """Run kubectl and return its output.

        Raises:
            CommandError: when it fails or takes longer than so many seconds; the message is kubectl's own.

        """
        command = [str(self.program), f"--kubeconfig={self.kubeconfig}", *arguments]
        environment = {**BASE_ENVIRONMENT, "HOME": str(self.kubeconfig.parent), "KUBECACHEDIR": "/dev/null"}
        try:
            answer = subprocess.run(
                command,
                input=content,
                capture_output=True,
                text=True,
                check=False,
                timeout=within_seconds,
                env=environment,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"kubectl {' '.join(arguments)} took more than {within_seconds:.0f} s.") from error
        if answer.returncode != 0:
            raise CommandError(f"kubectl {' '.join(arguments)} failed: {answer.stderr.strip()}")
        return answer.stdout

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Apply manifests on the server's side; conflicts are ours to win, for these objects are the cluster's own."""
        text = yaml.safe_dump_all([dict(manifest) for manifest in manifests], sort_keys=False)
        self.run(
            "apply", "--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}", "-f", "-", content=text
        )

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return one object or list, as the API gives it."""
        found: dict[str, Any] = json.loads(self.run("get", *arguments, "--output=json"))
        return found
