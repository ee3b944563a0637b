"""Render what is deployed, by kustomize and by Helm, and plan what the stacks make of AWS; have scanners judge it.

What nobody accepted is printed. Plans are checkov's alone: the other scanners read objects of Kubernetes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import yaml
from tradeplane_stacks.local.binaries import KUBE_SCORE, KUBECONFORM, KUBECTL, Binaries

from tests.scan.charts import render_charts
from tests.scan.findings import Finding, Scanner, judge, read_accepted
from tests.scan.plans import Json, faulty, stacks
from tests.scan.rendering import CHECKOUT, render
from tests.scan.scanners import Rendering, Scan, checkov, kube_score, kubeconform

HERE = Path(__file__).parent

FAULTS: dict[Scanner, str] = {
    "checkov": "CKV_K8S_16",
    "kube-score": "container-security-context-privileged",
    "kubeconform": "statusInvalid",
}
"""The check of each scanner that ``faulty.yaml`` does not pass."""
PLAN_FAULT = "CKV_AWS_17"
"""The check of checkov that the faulty plan does not pass: a database is open to the internet."""


def main() -> int:
    """Print what remains; 1 where anything does."""
    started = time.monotonic()
    programs = Binaries.of_user().build((KUBECTL, KUBECONFORM, KUBE_SCORE), print)
    with tempfile.TemporaryDirectory(prefix="scan-") as place:
        folder = Path(place)
        scanners: dict[Scanner, Scan] = {
            "checkov": checkov(),
            "kube-score": kube_score(programs[KUBE_SCORE]),
            "kubeconform": kubeconform(programs[KUBECONFORM], folder / "schemas"),
        }
        if blind := blind_scanners(scanners):
            print(f"finds nothing wrong with {HERE / 'faulty.yaml'}, so that it judges nothing: {', '.join(blind)}")
            return 1
        if PLAN_FAULT not in {one.check for one in scanners["checkov"](_planned(folder, "faulty", faulty()))}:
            print("checkov finds nothing wrong with an open database in a plan, so that it judges nothing")
            return 1
        texts = render(programs[KUBECTL], folder) | render_charts(folder)
        made = stacks(CHECKOUT)
        texts |= {name: yaml.safe_dump_all(objects) for name, objects in made.objects.items()}
        renderings = [_written(folder, name, text) for name, text in texts.items()]
        found = [finding for one in renderings for scan in scanners.values() for finding in scan(one)]
        planned = [_planned(folder, name, plan) for name, plan in made.plans.items()]
        found += [finding for one in planned for finding in scanners["checkov"](one)]
    return _told(found, len(renderings) + len(planned), time.monotonic() - started)


def blind_scanners(scanners: dict[Scanner, Scan]) -> list[str]:
    """Return the scanners that do not find the fault which each is known for."""
    faulty = Rendering("faulty", HERE / "faulty.yaml")
    return [name for name, scan in scanners.items() if FAULTS[name] not in {one.check for one in scan(faulty)}]


def _written(folder: Path, name: str, text: str) -> Rendering:
    file = folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    return Rendering(name, file)


def _planned(folder: Path, name: str, plan: Json) -> Rendering:
    file = folder / f"{name}.json"
    file.write_text(json.dumps(plan), encoding="utf-8")
    return Rendering(name, file)


def _told(found: list[Finding], renderings: int, seconds: float) -> int:
    verdict = judge(found, read_accepted(HERE / "accepted.yaml"))
    for finding in verdict.unexplained:
        print(finding)
    for one, pattern in verdict.unused:
        print(f"accepted, and found no more (take it out of accepted.yaml): {one.scanner} {one.check} {pattern}")
    print(
        f"{renderings} renderings by {len(FAULTS)} scanners in {seconds:.0f} s: {len(verdict.unexplained)} findings "
        f"unexplained, {verdict.explained} accepted with a reason, {len(verdict.unused)} accepted in vain"
    )
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main())
