"""What is stated of a run: complete, the same each time, and in the forms of those who will read it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tradeplane_evidence.errors import DigestMismatch, Malformed
from tradeplane_evidence.results_artifact import digest_over, parse_results, results_artifact
from tradeplane_evidence.statements import run
from tradeplane_evidence.statements.provenance import provenance_of
from tradeplane_evidence.statements.run import Execution, RunEvidence, image_dependency, run_provenance, run_statement
from tradeplane_evidence.statements.statement import decoded, serialise
from tradeplane_store.canonical import canonical_json, document_digest, sha256_digest

from tests.unit.evidence import sample_runs


def _stated() -> dict[str, Any]:
    run, found = sample_runs.stored(), sample_runs.artifact()
    logs = {"log-1.txt": sha256_digest(b"a log")}
    execution = replace(sample_runs.ATTESTED_IMAGE, files=digest_over(run.files))
    provenance = run_provenance(RunEvidence(run.results, run.snapshots, execution, logs))
    files = {name: layer.digest for name, layer in found.layers.items()}
    statement = run_statement(provenance, sample_runs.RUN, found.digest, files)
    plain: dict[str, Any] = json.loads(serialise(statement))
    return plain


def _digests(entries: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    return {one["name"]: one["digest"] for one in entries}


def test_it_is_about_the_artifact_and_each_file() -> None:
    subjects = _digests(_stated()["subject"])
    assert subjects.pop(sample_runs.RUN) == {"sha256": sample_runs.artifact().digest.removeprefix("sha256:")}
    expected = {
        name: {"sha256": sha256_digest(data).removeprefix("sha256:")} for name, data in sample_runs.files().items()
    }
    assert subjects == expected


def test_its_parameters_are_the_whole_specification() -> None:
    definition = _stated()["predicate"]["buildDefinition"]
    specification = json.loads(sample_runs.files()["manifest.json"])["specification"]
    assert definition["externalParameters"] == {
        "specification": specification,
        "strategy": {
            "namespace": "research",
            "name": "sp500-macd",
            "uid": "0b7c1d2e-0000-4000-8000-000000000003",
            "generation": 1,
            "configuration": "sha256:" + "c4" * 32,
        },
    }
    assert definition["internalParameters"] == sample_runs.results().environment


def test_a_run_that_no_strategy_asked_for_states_its_specification_alone() -> None:
    provenance = provenance_of(sample_runs.statement())
    assert set(provenance.build_definition.external_parameters) == {"specification"}
    assert run.asking_strategy(provenance) is None
    attested = provenance_of(sample_runs.statement(sample_runs.ATTESTED_IMAGE))
    assert run.asking_strategy(attested) == sample_runs.STRATEGY


@pytest.mark.parametrize(
    "change",
    [
        {"namespace": ""},
        {"name": None},
        {"generation": "1"},
        {"generation": -1},
        {"configuration": "c4"},
        {"uid": 7},
    ],
)
def test_a_strategy_that_is_none_is_refused(change: dict[str, Any]) -> None:
    provenance = provenance_of(sample_runs.statement(sample_runs.ATTESTED_IMAGE))
    definition = provenance.build_definition
    changed = {**definition.external_parameters, "strategy": sample_runs.STRATEGY.plain() | change}
    definition = definition.model_copy(update={"external_parameters": changed})
    with pytest.raises(Malformed, match=f"strategy: {next(iter(change))}"):
        run.asking_strategy(provenance.model_copy(update={"build_definition": definition}))


def test_it_names_all_that_the_run_was_made_from() -> None:
    dependencies = _digests(_stated()["predicate"]["buildDefinition"]["resolvedDependencies"])
    identity = document_digest(sample_runs.snapshot()).removeprefix("sha256:")
    assert dependencies == {
        "image": {"sha256": "ab" * 32},
        "image/linux/amd64": {"sha256": "cd" * 32},
        f"snapshots/{identity}/manifest.json": {"sha256": identity},
        f"snapshots/{identity}/bars-0.arrow": {
            "tradeplane.records.v1": sample_runs.snapshot().parts[0].digest.removeprefix("sha256:")
        },
        "source/sp500.csv.gz": {"sha256": sha256_digest(b"prices").removeprefix("sha256:")},
    }


def test_an_image_is_a_package_url() -> None:
    assert image_dependency(sample_runs.IMAGE).uri == (
        f"pkg:oci/workloads@sha256%3A{'ab' * 32}?repository_url=registry.example.com%3A5000/tradeplane/workloads"
    )


def _images(execution: Execution, machine: str = "x86_64") -> list[dict[str, Any]]:
    """Return what is stated of the image of a run whose results were made on a processor."""
    found = sample_runs.results(machine=machine)
    snapshots = sample_runs.stored().snapshots
    provenance = run_provenance(RunEvidence(found, snapshots, execution))
    dependencies = provenance.build_definition.resolved_dependencies
    return [one.plain() for one in dependencies if (one.name or "").startswith("image")]


@pytest.mark.parametrize(("machine", "arch", "place"), [("x86_64", "amd64", 0), ("aarch64", "arm64", 1)])
def test_the_image_is_its_index_and_its_manifest_for_the_processor_of_the_results(
    machine: str, arch: str, place: int
) -> None:
    index, manifest = _images(sample_runs.ATTESTED_IMAGE, machine)
    expected = sample_runs.ATTESTED_IMAGE.image_manifests[place]
    assert index["annotations"] == {"attestation": sample_runs.ATTESTED_IMAGE.image_attestation}
    assert manifest == {
        "name": f"image/linux/{arch}",
        "uri": f"pkg:oci/workloads@{expected.digest.replace(':', '%3A')}?arch={arch}"
        "&repository_url=registry.example.com%3A5000/tradeplane/workloads",
        "digest": {"sha256": expected.digest.removeprefix("sha256:")},
        "annotations": {"attestation": expected.attestation},
    }


@pytest.mark.parametrize("machine", ["riscv64", "amd64", ""])
def test_of_a_processor_that_the_image_is_not_for_no_manifest_is_stated(machine: str) -> None:
    assert [one["name"] for one in _images(sample_runs.ATTESTED_IMAGE, machine)] == ["image"]


def test_what_nobody_found_out_of_an_image_is_not_stated() -> None:
    (index,) = _images(sample_runs.EXECUTION)
    assert "annotations" not in index
    unattested = sample_runs.ATTESTED_IMAGE.image_manifests[0].model_copy(update={"attestation": None})
    _, manifest = _images(replace(sample_runs.ATTESTED_IMAGE, image_manifests=(unattested,)))
    assert "annotations" not in manifest


def test_it_says_which_execution_it_was_and_what_came_beside() -> None:
    details = _stated()["predicate"]["runDetails"]
    assert details["builder"] == {"id": sample_runs.EXECUTION.builder}
    assert details["metadata"] == {
        "invocationId": sample_runs.EXECUTION.invocation,
        "startedOn": "2026-01-05T09:00:00Z",
        "finishedOn": "2026-01-05T09:00:07Z",
    }
    beside = _digests(details["byproducts"])
    assert beside["result"] == {"tradeplane.result.v1": sample_runs.results().result_digest.removeprefix("sha256:")}
    assert beside["log-1.txt"] == {"sha256": sha256_digest(b"a log").removeprefix("sha256:")}
    assert {f"results/{sample_runs.RUN}/{name}.arrow" for name in ("equity", "trades", "positions")} < set(beside)


def test_the_artifact_is_the_same_bytes_for_the_same_files() -> None:
    results, files = sample_runs.results(), sample_runs.files()
    turned = dict(reversed(list(files.items())))
    assert (
        results_artifact(results, turned).manifest
        == results_artifact(results, files).manifest
        == sample_runs.artifact().manifest
    )
    other = files | {"equity.arrow": b"another"}
    assert results_artifact(results, other).digest != sample_runs.artifact().digest


def test_the_artifact_is_a_manifest_of_files_by_name() -> None:
    manifest = json.loads(sample_runs.artifact().manifest)
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert manifest["artifactType"] == "application/vnd.tradeplane.results.v1+json"
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    titles = [layer["annotations"]["org.opencontainers.image.title"] for layer in manifest["layers"]]
    assert titles == ["manifest.json", "summary.json", "equity.arrow", "trades.arrow", "positions.arrow"]
    assert "created" not in sample_runs.artifact().manifest.decode()


def test_the_documented_example_is_a_statement_of_this_version() -> None:
    page = Path(__file__).parents[3] / "docs" / "evidence" / "run-v1.md"
    (example,) = re.findall(r"^```json\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert json.loads(example) == _stated()
    assert run.RUN_BUILD_TYPE in page.read_text(encoding="utf-8")


def test_files_are_stated_as_left_by_the_pod_only_where_it_said_so() -> None:
    stored = sample_runs.stored()
    said = run_provenance(RunEvidence(stored.results, stored.snapshots, Execution(files="sha256:" + "f1" * 32)))
    unsaid = run_provenance(RunEvidence(stored.results, stored.snapshots, Execution()))
    byproducts = {one.name: one.digest for one in said.run_details.byproducts}
    assert byproducts["files"] == {"tradeplane.files.v1": "f1" * 32}
    assert [one for one in said.run_details.byproducts if one.name != "files"] == list(unsaid.run_details.byproducts)


def test_the_approvals_by_which_it_was_started_are_stated() -> None:
    given = (("alice@example.com", "sha256:" + "11" * 32), ("bob@example.com", "sha256:" + "22" * 32))
    stored = sample_runs.stored()
    execution = replace(sample_runs.EXECUTION, approvals=given)
    provenance = run_provenance(RunEvidence(stored.results, stored.snapshots, execution))
    found = [
        one for one in provenance.build_definition.resolved_dependencies if (one.name or "").startswith("approval")
    ]
    assert [one.plain() for one in found] == [
        {
            "name": f"approval/{user}",
            "digest": {"sha256": digest.removeprefix("sha256:")},
            "annotations": {"user": user},
        }
        for user, digest in given
    ]


@pytest.mark.parametrize("field", ["resultDigest", "runDigest"])
def test_results_that_do_not_have_the_digest_they_state_are_not_attested(field: str) -> None:
    manifest = json.loads(sample_runs.files()["manifest.json"])
    with pytest.raises(DigestMismatch, match="that it states"):
        parse_results(canonical_json(manifest | {field: "sha256:" + "00" * 32}))


@pytest.mark.parametrize("data", [b"", b"{}", b'{"kind": "Results", "kind": "Results"}'])
def test_a_manifest_of_results_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_results(data)


@pytest.mark.parametrize("text", ["YQ", "YQ==\n", "YQ=a", "YR==", "Y Q=", "-_==", "====", "YQ==YQ=="])
def test_base64_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="base64"):
        decoded(text, "it")
