"""The rule for Kyverno is of Kyverno's form, as its own CustomResourceDefinition has it. Nothing here runs it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tradeplane_stacks.local.binaries import KUBECONFORM

from tests.integration.evidence.conftest import program
from tests.scan.scanners import Rendering, kubeconform

Json = dict[str, Any]
IMAGES = Path(__file__).parents[4] / "policies" / "images"
POLICY: Json = yaml.safe_load((IMAGES / "kyverno" / "image-validating-policy.yaml").read_text(encoding="utf-8"))
SIGSTORE: Json = yaml.safe_load((IMAGES / "sigstore" / "cluster-image-policy.yaml").read_text(encoding="utf-8"))


Faults = Callable[[Json], list[str]]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """Give what kubeconform says of a policy by the strict schema that is made of Kyverno's CRD."""
    folder = tmp_path_factory.mktemp("kyverno")
    scan = kubeconform(program(KUBECONFORM), folder / "schemas")

    def judged(policy: Json) -> list[str]:
        file = folder / "policy.yaml"
        file.write_text(yaml.safe_dump(policy), encoding="utf-8")
        return [finding.message for finding in scan(Rendering("kyverno", file))]

    return judged


def test_it_is_of_kyvernos_form(faults: Faults) -> None:
    assert faults(POLICY) == []


def _misspelt(policy: Json) -> None:
    policy["spec"]["validationAction"] = policy["spec"].pop("validationActions")


def _without_attestors(policy: Json) -> None:
    del policy["spec"]["attestors"]


def _without_validations(policy: Json) -> None:
    del policy["spec"]["validations"]


def _key_elsewhere(policy: Json) -> None:
    cosign = policy["spec"]["attestors"][0]["cosign"]
    cosign["secretRef"] = cosign.pop("key")


def _unknown_failure_policy(policy: Json) -> None:
    policy["spec"]["failurePolicy"] = "Refuse"


def _text_for_number(policy: Json) -> None:
    policy["spec"]["webhookConfiguration"]["timeoutSeconds"] = "15s"


@pytest.mark.parametrize(
    "change",
    [_misspelt, _without_attestors, _without_validations, _key_elsewhere, _unknown_failure_policy, _text_for_number],
)
def test_another_form_is_noticed(change: Callable[[Json], None], faults: Faults) -> None:
    policy = copy.deepcopy(POLICY)
    change(policy)
    assert "jsonschema validation failed" in " ".join(faults(policy))


def test_it_asks_for_what_the_rule_for_policy_controller_asks_for() -> None:
    (authority,) = SIGSTORE["spec"]["authorities"]
    (attestation,) = authority["attestations"]
    told = " ".join(one["expression"] for one in POLICY["spec"]["validations"])
    assert POLICY["spec"]["attestations"][0]["intoto"]["type"] == attestation["predicateType"]
    for line in attestation["policy"]["data"].strip().splitlines()[1:]:
        wanted = line.split('"')[1]
        assert f"== '{wanted}'" in told
    assert POLICY["spec"]["attestors"][0]["cosign"]["key"]["kms"].endswith(authority["key"]["secretRef"]["name"])


def test_it_fails_closed() -> None:
    assert POLICY["spec"]["failurePolicy"] == "Fail"
    assert POLICY["spec"]["validationActions"] == ["Deny"]
    assert POLICY["spec"]["validationConfigurations"] == {"required": True, "verifyDigest": True, "mutateDigest": False}
