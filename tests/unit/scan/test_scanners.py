"""What scanners print is read whole: their findings, and that they looked at all."""

import json
from pathlib import Path

import pytest

from tests.scan.__main__ import FAULTS, blind_scanners
from tests.scan.findings import Finding
from tests.scan.rendering import DEPLOY, NAMESPACE, OPERATORS, POLICIES
from tests.scan.scanners import Rendering, ScannerFailed, read_checkov, read_kube_score, read_kubeconform


def scored(*checks: dict[str, object]) -> str:
    meta = {"type_meta": {"kind": "Deployment"}, "object_meta": {"name": "a", "namespace": "n"}}
    return json.dumps([meta | {"checks": list(checks)}])


def check(grade: int, *, skipped: bool = False, comments: list[dict[str, str]] | None = None) -> dict[str, object]:
    return {"check": {"id": "c"}, "grade": grade, "skipped": skipped, "comments": comments}


@pytest.mark.parametrize(("grade", "found"), [(1, 1), (5, 1), (7, 1), (10, 0)])
def test_whatever_is_below_the_best_grade_is_a_finding(grade: int, found: int) -> None:
    assert len(read_kube_score(scored(check(grade)), "r")) == found


def test_a_check_that_was_skipped_is_none_and_a_comment_is_told() -> None:
    comment = {"path": "main", "summary": "no limit"}
    (only,) = read_kube_score(scored(check(1, skipped=True), check(1, comments=[comment])), "r")
    assert str(only) == "r: Deployment.n.a: kube-score c: main no limit"


def conform(valid: int, invalid: int, skipped: int = 0, errors: int = 0) -> str:
    bad = {"kind": "Pod", "name": "a", "status": "statusInvalid", "msg": "m"}
    summary = {"valid": valid, "invalid": invalid, "errors": errors, "skipped": skipped}
    return json.dumps({"resources": [bad] * (invalid + errors), "summary": summary})


def test_an_object_of_another_form_is_a_finding() -> None:
    assert read_kubeconform(conform(2, 0), "r", 2) == []
    assert [one.object for one in read_kubeconform(conform(1, 1), "r", 2)] == ["Pod.default.a"]
    assert len(read_kubeconform(conform(1, 0, errors=1), "r", 2)) == 1


@pytest.mark.parametrize(("valid", "skipped"), [(1, 0), (1, 1), (0, 0), (3, 0)])
def test_objects_that_kubeconform_did_not_judge_are_no_pass(valid: int, skipped: int) -> None:
    with pytest.raises(ScannerFailed, match="of the 2 objects of r"):
        read_kubeconform(conform(valid, 0, skipped), "r", 2)


def report(*, unread: list[str] | None = None) -> str:
    failed = {"check_id": "CKV_1", "resource": "Pod.n.a", "check_name": "it should"}
    return json.dumps({"passed": 3, "failed": [failed], "unread": unread or []})


def test_what_checkov_says_failed_is_a_finding() -> None:
    assert read_checkov(report(), "r") == [Finding("checkov", "CKV_1", "Pod.n.a", "it should", "r")]
    assert read_checkov(json.dumps({"passed": 3, "failed": [], "unread": []}), "r") == []


def test_a_file_that_checkov_cannot_read_is_no_pass() -> None:
    with pytest.raises(ScannerFailed, match=r"cannot read /a\.yaml"):
        read_checkov(report(unread=["/a.yaml"]), "r")


def test_a_scanner_that_finds_nothing_wrong_with_the_faulty_object_is_told() -> None:
    def seeing(name: str) -> list[Finding]:
        return [finding for finding in [Finding("checkov", FAULTS["checkov"], "Pod.a.b", "", "")] if name == "checkov"]

    assert blind_scanners({"checkov": lambda _: seeing("checkov"), "kube-score": lambda _: seeing("kube-score")}) == [
        "kube-score"
    ]


def test_a_rendering_counts_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("a: 1\n---\n---\nb: 2\n")
    assert len(Rendering("r", file).objects) == 2


def test_every_kustomization_is_in_a_rendering() -> None:
    """A component that nobody renders would be judged by nobody."""
    named = {component for components in OPERATORS.values() for component in components} | set(NAMESPACE)
    # Laid over others by overlays, or by components, that are rendered.
    for file in DEPLOY.glob("*/*/kustomization.yaml"):
        if file.parent.name in OPERATORS or file.parent.name in named:
            named |= {Path(line[2:].strip()).name for line in file.read_text().splitlines() if line.startswith("- ../")}
    ledger = (DEPLOY / "overlays" / "embedded" / "ledger" / "kustomization.yaml").read_text()
    named |= {Path(line[2:].strip()).name for line in ledger.splitlines() if line.startswith("- ../")}
    assert {file.parent.name for file in DEPLOY.glob("components/*/kustomization.yaml")} - named == set()
    assert {file.parent.name for file in DEPLOY.glob("overlays/*/kustomization.yaml")} == set(OPERATORS)
    assert list(POLICIES.glob("*/*/kustomization.yaml"))
