"""A run on the cluster is attested by the operator: an auditor verifies it, with our command and with cosign's."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.evidence import PREDICATE, public_key_file
from tradeplane_stacks.demo.scenario import EXAMPLES, OPERATOR, SYSTEM, tradeplane
from tradeplane_stacks.local.binaries import COSIGN

from tests.e2e.platform import Object, until
from tests.integration.evidence.conftest import Cosign, program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.platform import Tenant

BUILDER = "https://tradeplane.dev/evidence/builders/operator-v1/backtest/file"


@pytest.fixture(scope="module")
def attested(tenant: Tenant) -> Object:
    """Run the example, and wait until it is attested."""
    tenant.kubectl("apply", "-f", EXAMPLES / "macd-momentum.yaml")

    def looked() -> Object:
        return tenant.get("strategy", "macd-momentum")

    def conditions(found: Object) -> dict[str, str]:
        return {one["type"]: one["status"] for one in (found.get("status") or {}).get("conditions", [])}

    return until("the run to be attested", looked, lambda found: conditions(found).get("Attested") == "True")


def _reference(strategy: Object) -> str:
    reference: str = strategy["status"]["latest"]["attestation"]["reference"]
    return reference


def _public_key(strategy: Object) -> Path:
    return public_key_file(strategy["status"]["latest"]["attestation"]["key"])


def test_its_reference_is_in_the_status_and_it_is_ready(tenant: Tenant, attested: Object) -> None:
    registry = tenant.platform.cluster.registry
    assert _reference(attested).startswith(f"{registry}/runs/{tenant.name}/macd-momentum@sha256:")
    conditions = {one["type"]: one["status"] for one in attested["status"]["conditions"]}
    assert (conditions["Ready"], conditions["Completed"], conditions["Attested"]) == ("True",) * 3


def test_an_auditor_verifies_it_with_the_public_key_alone(tenant: Tenant, attested: Object) -> None:
    asked = ("--key", str(_public_key(attested)), "--plain-http", "--builder", BUILDER, "-o", "json")
    told = json.loads(tradeplane("verify", _reference(attested), *asked))
    assert told["verified"] is True
    predicate = told["statement"]["predicate"]
    latest = attested["status"]["latest"]
    assert predicate["runDetails"]["metadata"]["invocationId"] == latest["jobUid"]
    dependencies = {one["name"]: one["digest"] for one in predicate["buildDefinition"]["resolvedDependencies"]}
    assert dependencies["image"]["sha256"] == tenant.platform.images().workloads.rpartition("sha256:")[2]
    assert predicate["buildDefinition"]["internalParameters"]["architecture"] in {"x86_64", "aarch64"}


def test_cosign_verifies_it(attested: Object, tmp_path_factory: pytest.TempPathFactory) -> None:
    cosign = Cosign(program(COSIGN), tmp_path_factory.mktemp("cosign"))
    reference = _reference(attested)
    done = cosign(
        *(
            "verify-attestation",
            "--key",
            _public_key(attested),
            "--insecure-ignore-tlog",
            "--type",
            PREDICATE,
            reference,
        )
    )
    assert done.returncode == 0, done.stderr
    statement = json.loads(base64.b64decode(json.loads(done.stdout)["payload"]))
    specification = statement["predicate"]["buildDefinition"]["externalParameters"]["specification"]
    assert specification["run"] == attested["status"]["latest"]["name"]


def test_the_operator_may_read_no_secret_and_pods_hold_none(tenant: Tenant, attested: Object) -> None:
    """The kubelet gives the operator its key; neither it nor a run's account can ask the API server for one."""
    for account in (f"{SYSTEM}:{OPERATOR}", f"{tenant.name}:tradeplane-runner"):
        identity = f"--as=system:serviceaccount:{account}"
        for namespace in (SYSTEM, tenant.name):
            with pytest.raises(DemoError, match="no"):
                tenant.platform.kubectl("auth", "can-i", "get", "secrets", "-n", namespace, identity)
    job = tenant.get("jobs", attested["status"]["latest"]["name"])
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert [volume["name"] for volume in pod["volumes"] if "secret" in volume] == []
