"""The scanners: how each is called, and how what it prints is read.

None asks the network. What a scanner cannot read is an error of it, not a pass.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.pinned_environment import python_of
from tests.scan import schemas
from tests.scan.findings import Finding, object_name
from tests.scan.plans import UNJUDGED

HERE = Path(__file__).parent
KUBERNETES = "1.34.4"
_SCANS_WITHIN_S = 300
_ALL_OK = 10
"""kube-score's best grade; below it a check has something to say (its package ``scorecard``)."""

Json = dict[str, Any]
Command = list[str | Path]


class ScannerFailed(Exception):
    """A scanner did not judge what it was given; the message ends with its own words."""


@dataclass(frozen=True)
class Rendering:
    """One rendering: its name, and the file that it lies in."""

    name: str
    file: Path

    @property
    def is_plan(self) -> bool:
        """Whether it is a plan, and not objects of Kubernetes."""
        return self.file.suffix == ".json"

    @property
    def objects(self) -> list[Json]:
        """The objects in it."""
        return [one for one in yaml.safe_load_all(self.file.read_text(encoding="utf-8")) if one]


Scan = Callable[[Rendering], Iterable[Finding]]


def kube_score(program: Path) -> Scan:
    """Return kube-score as it is called with every check that it has."""

    def scan(rendering: Rendering) -> list[Finding]:
        command: Command = [
            program,
            "score",
            "--output-format",
            "json",
            "--kubernetes-version",
            "v1.34",
            rendering.file,
        ]
        return read_kube_score(_answer(command, {0, 1}), rendering.name)

    return scan


def read_kube_score(answer: str, rendering: str) -> list[Finding]:
    """Read what kube-score prints: a list of objects, each with its checks and their grades."""
    found = []
    for scored in json.loads(answer) or ():
        meta = scored["object_meta"]
        named = object_name(scored["type_meta"]["kind"], meta.get("namespace"), meta["name"])
        for check in scored["checks"]:
            if not check["skipped"] and check["grade"] < _ALL_OK:
                said = "; ".join(
                    " ".join(filter(None, (comment["path"], comment["summary"]))) for comment in check["comments"] or ()
                )
                found.append(Finding("kube-score", check["check"]["id"], named, said, rendering))
    return found


def kubeconform(program: Path, folder: Path) -> Scan:
    """Return kubeconform with strict schemas, which are written into a folder."""
    schemas.write(folder)

    def scan(rendering: Rendering) -> list[Finding]:
        command: Command = [program, "-strict", "-output", "json", "-summary", "-kubernetes-version", KUBERNETES]
        command += ["-schema-location", f"{folder}/{schemas.TEMPLATE}", rendering.file]
        return read_kubeconform(_answer(command, {0, 1}), rendering.name, len(rendering.objects))

    return scan


def read_kubeconform(answer: str, rendering: str, objects: int) -> list[Finding]:
    """Read what kubeconform prints: those that are not valid, and how many there were in all.

    Raises:
        ScannerFailed: when it did not look at every object.

    """
    told = json.loads(answer)
    summary = told["summary"]
    judged = summary["valid"] + summary["invalid"] + summary["errors"]
    if judged != objects:
        raise ScannerFailed(f"kubeconform judged {judged} of the {objects} objects of {rendering}: {summary}")
    return [
        Finding("kubeconform", one["status"], object_name(one["kind"], None, one["name"]), one["msg"], rendering)
        for one in told["resources"]
    ]


def checkov() -> Scan:
    """Return checkov with the checks that come with it, in an environment of its own: of Kubernetes, or of a plan."""
    python = python_of(HERE / "checkov.txt", "scanners")

    def scan(rendering: Rendering) -> list[Finding]:
        script = "checkov_plan.py" if rendering.is_plan else "checkov_kubernetes.py"
        command: Command = [python, HERE / script, rendering.file]
        return read_checkov(_answer(command, {0}), rendering.name)

    return scan


def read_checkov(answer: str, rendering: str) -> list[Finding]:
    """Read what ``checkov_kubernetes.py`` and ``checkov_plan.py`` print.

    Raises:
        ScannerFailed: when checkov could not read the file, or judged nothing of a type that it has checks of.

    """
    told = json.loads(answer)
    if unjudged := sorted({*told.get("unjudged", ())} - UNJUDGED):
        raise ScannerFailed(
            f"checkov judged nothing of {', '.join(unjudged)}, of {rendering}: mend its name in tests/scan/plans.py, "
            "or, where checkov has no check of it, state it there (UNJUDGED)"
        )
    if errors := told["unread"]:
        raise ScannerFailed(f"checkov cannot read {', '.join(errors)}, of {rendering}")
    return [
        Finding("checkov", failed["check_id"], failed["resource"], failed["check_name"], rendering)
        for failed in told["failed"]
    ]


def _answer(command: Command, well: set[int]) -> str:
    environment = os.environ | {"LOG_LEVEL": "ERROR"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_SCANS_WITHIN_S, env=environment
    )
    if done.returncode not in well or not done.stdout.strip():
        raise ScannerFailed(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout
