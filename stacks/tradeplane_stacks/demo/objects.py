"""The examples and the demo's namespace: what is applied there, waited for and read, said as a person would type it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.folder import generated_folder
from tradeplane_stacks.demo.waiting import Verdict, readiness, wait
from tradeplane_stacks.images.settings import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tradeplane_stacks.demo.programs import Kubectl
    from tradeplane_stacks.demo.progress import Progress

EXAMPLES = CHECKOUT / "docs/examples"
GENERATED = generated_folder(os.environ)
"""Folder of what this demo writes into the checkout: keys, records, changed examples."""
RUN_LIMIT_S = 300


def example(name: str) -> dict[str, Any]:
    """Return an example of one document.

    Raises:
        DemoError: it is not there.

    """
    path = EXAMPLES / name
    if not path.exists():
        raise DemoError(f"{path} is not there.", "Restore it from the repository.")
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def shown(path: Path) -> str:
    """Return a path as a person in the checkout would type it."""
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)


@dataclass(frozen=True)
class Objects:
    """The objects of one namespace."""

    kubectl: Kubectl
    progress: Progress
    namespace: str

    def apply(self, name: str) -> None:
        """Apply an example as it is."""
        self._apply_file(EXAMPLES / name)

    def apply_changed(self, name: str, content: Mapping[str, Any]) -> None:
        """Apply an example that was changed, from a file of its own."""
        path = GENERATED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
        self._apply_file(path)

    def _apply_file(self, path: Path) -> None:
        self.progress.say(f"kubectl apply -n {self.namespace} -f {shown(path)}")
        self.kubectl("apply", "-n", self.namespace, "-f", path, remedy="See the field it names.")

    def patch(self, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        """Change the spec of an object."""
        change = json.dumps({"spec": spec}, separators=(",", ":"))
        self.progress.say(f"kubectl patch -n {self.namespace} {kind} {name} --type=merge -p '{change}'")
        remedy = "See the field it names."
        self.kubectl("patch", "-n", self.namespace, kind, name, "--type=merge", "-p", change, remedy=remedy)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object."""
        return self.kubectl.get(kind, name, "-n", self.namespace)

    def table(self, kinds: str) -> str:
        """Return what ``kubectl get`` shows of the objects of a kind."""
        return self.kubectl("get", kinds, "-n", self.namespace)

    def until(self, kind: str, name: str, judge: Callable[[Mapping[str, Any]], Verdict] = readiness) -> dict[str, Any]:
        """Wait until an object is judged to be done, Ready where nothing else is said; return it.

        Raises:
            DemoError: it failed for good, or took too long.

        """
        latest: dict[str, Any] = {}

        def look() -> Verdict:
            latest.clear()
            latest.update(self.get(kind, name))
            return judge(latest)

        remedy = (
            f"See why: kubectl -n {self.namespace} describe {kind} {name}; kubectl -n {self.namespace} get jobs,pods"
        )
        verdict = wait(f"{kind} {name}", look, self.progress.waiting, RUN_LIMIT_S, remedy)
        self.progress.say(verdict.text)
        return latest

    def on_these_nodes(self, replay: Mapping[str, Any]) -> dict[str, Any]:
        """Return a Replay without the processors that no node has; that is said."""
        spec = replay["spec"]
        nodes = self.kubectl.get("nodes")["items"]
        there = {node["metadata"]["labels"].get("kubernetes.io/arch", "") for node in nodes}
        missing = [one for one in spec["architectures"] if one not in there]
        if missing:
            self.progress.say(f"no node of {' and '.join(missing)} here: left out of the replay")
        return {**replay, "spec": {**spec, "architectures": [one for one in spec["architectures"] if one in there]}}
