"""Helm as a test calls it, and its charts: packed once, from the manifests of the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from tradeplane_stacks.chart.charts import charts
from tradeplane_stacks.chart.packing import write_charts
from tradeplane_stacks.kustomize import render
from tradeplane_stacks.local.binaries import HELM, KUBECTL, Binaries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tradeplane_stacks.chart.rendering import Render

Json = dict[str, Any]
NAMES = ("tradeplane-crds", "tradeplane-policies", "tradeplane")
"""The charts, in the order they are installed in."""
_WITHIN_S = 180
# What kustomize adds to the name of a ConfigMap: ten characters that make no word.
_DIGEST = re.compile(r"-[bcdfghkmt2456789]{10}$")


@dataclass(frozen=True)
class Helm:
    """The program, with the charts, and a kubeconfig where there is a cluster."""

    program: Path
    charts: Path
    kubeconfig: Path | None = None

    def chart(self, name: str) -> Path:
        """Return the file of a chart."""
        (found,) = self.charts.glob(f"{name}-[0-9]*.tgz")
        return found

    def asked(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Call it, however it ends."""
        with tempfile.TemporaryDirectory(prefix="helm-") as home:
            environment = {"HOME": home, "PATH": os.environ["PATH"]}
            if self.kubeconfig is not None:
                environment["KUBECONFIG"] = str(self.kubeconfig)
            command = [self.program, *arguments]
            return subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=_WITHIN_S
            )

    def done(self, *arguments: str | Path) -> str:
        """Call it, and have it succeed."""
        ended = self.asked(*arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def objects(self, name: str, values: Path) -> list[Json]:
        """Return what a chart comes to with values."""
        text = self.done("template", "release", self.chart(name), "--values", values)
        return [one for one in yaml.load_all(text, Loader=yaml.CSafeLoader) if one]


def programs() -> tuple[Path, Path]:
    """Return Helm and kubectl, built where they are not yet."""
    found = Binaries.of_user().build((HELM, KUBECTL), print)
    return found[HELM], found[KUBECTL]


def packed(target: Path, renderings: Path | None = None) -> Helm:
    """Pack the charts into a directory; ``renderings``: a folder in which what kustomize makes for them is kept.

    It renders more than a hundred times, which is nearly all that packing takes. Of several that pack by the same
    folder one does it, and the others wait for it.
    """
    helm, kubectl = programs()
    if renderings is None:
        write_charts(charts("0.1.0", None, lambda files: render(files, kubectl=kubectl)), helm, target)
    else:
        with (renderings / "turn").open("w", encoding="utf-8") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            write_charts(charts("0.1.0", None, _kept(renderings, kubectl)), helm, target)
    return Helm(helm, target)


def _kept(renderings: Path, kubectl: Path) -> Render:
    """Return what renders, each tree of files once."""

    def rendered(files: Mapping[str, str]) -> list[Json]:
        tree = json.dumps(dict(files), sort_keys=True)
        file = renderings / f"{hashlib.sha256(tree.encode()).hexdigest()}.json"
        if not file.exists():
            file.write_text(json.dumps(render(files, kubectl=kubectl)), encoding="utf-8")
        found: list[Json] = json.loads(file.read_text(encoding="utf-8"))
        return found

    return rendered


def written(values: Json, folder: Path) -> Path:
    """Write values into a file."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return file


def by_identity(objects: list[Json]) -> dict[tuple[str, str, str], Json]:
    """Return objects by kind, namespace and name, without what says how they are rolled and kept, and files read."""
    config_maps = {one["metadata"]["name"] for one in objects if one["kind"] == "ConfigMap"}
    plain = {name: _DIGEST.sub("", name) for name in config_maps}
    found = {}
    for one in objects:
        bare = _read(_named(_told_nothing(one), plain))
        metadata = bare["metadata"]
        identity = (bare["kind"], metadata.get("namespace", ""), metadata["name"])
        assert identity not in found
        found[identity] = bare
    return found


def _told_nothing(one: Json) -> Json:
    """Return an object without what Helm is told of it."""
    if isinstance(one, list):
        return [_told_nothing(item) for item in one]
    if not isinstance(one, dict):
        return one
    found = {}
    for key, value in one.items():
        if key == "annotations":
            value = {name: text for name, text in value.items() if not name.startswith(("helm.sh/", "checksum/"))}
            if not value:
                continue
        bare = _told_nothing(value)
        # Maps by their names to the API server; and no variable here is made of another one.
        found[key] = sorted(bare, key=json.dumps) if key in ("env", "volumes", "volumeMounts") else bare
    return found


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _named(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


def _read(one: Json) -> Json:
    """Return a ConfigMap with its files of YAML as what they hold, which is what who mounts it reads."""
    if one["kind"] != "ConfigMap":
        return one
    data = {
        key: yaml.safe_load(text) if key.endswith((".yaml", ".json")) else text
        for key, text in one.get("data", {}).items()
    }
    return {**one, "data": data}
