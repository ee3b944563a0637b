"""What a stack says of a platform in its regions is read beside the parts that tell the rest of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_stacks.components import platform as module
from tradeplane_stacks.components import platform_in_regions
from tradeplane_stacks.components.platform_in_regions import Beneath
from tradeplane_stacks.components.platform_in_regions_config import PlatformInRegionsConfig
from tradeplane_stacks.components.platform_secrets import ledger_login
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.pictures.asking import asked
from tradeplane_stacks.programs import platform as program
from tradeplane_stacks.programs.cluster import CLUSTER_OF_REGION
from tradeplane_stacks.programs.platform import PLATFORM
from tradeplane_stacks.programs.program import ConfigurationRefused

from tests.unit.stacks.components.platforms import certificate
from tests.unit.stacks.programs.documented import documented_platform
from tests.unit.stacks.programs.test_program import STACKS, values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pulumi

REGIONS = ("eu-west-1", "us-east-1")


def read(**changes: Any) -> dict[str, Any]:
    return dict(PLATFORM.read("prod", values("prod", platform=documented_platform(), **changes)))


def test_the_documented_example_is_right_with_what_the_others_say() -> None:
    found = read()["platform"]
    assert isinstance(found, PlatformInRegionsConfig)
    assert found.regions == REGIONS
    assert found.operator_role.endswith("role/tradeplane-operator")
    assert found.protected


def test_the_shipped_example_is_the_documented_one_and_one_service() -> None:
    shipped = values("prod")
    assert json.loads(shipped["platform"]) == documented_platform()
    assert json.loads(shipped["failover"])["record"]["witness"] not in REGIONS


def test_it_reads_the_cluster_of_each_of_its_regions() -> None:
    (part,) = (part for part in PLATFORM.parts if part.key == "platform")
    assert part.read_of(StackName("prod"), read()["platform"]) == tuple(
        (CLUSTER_OF_REGION, StackName("prod", region)) for region in REGIONS
    )


@pytest.mark.parametrize("key", ["signing_key", "snapshot_store", "artifact_registry"])
def test_what_it_is_made_by_has_to_be_there(key: str) -> None:
    with pytest.raises(ConfigurationRefused) as refused:
        read(failover=None, **{key: None})
    assert [str(fault) for fault in refused.value.faults] == [
        f"tradeplane-platform:platform: needs {key}, which is not configured"
    ]


def test_a_region_that_the_others_do_not_have_is_named_with_each_of_them() -> None:
    wrong = documented_platform() | {"regions": ["eu-west-1", "eu-central-1"]}
    with pytest.raises(ConfigurationRefused) as refused:
        PLATFORM.read("prod", values("prod", platform=wrong))
    (fault,) = refused.value.faults
    assert fault.field == "tradeplane-platform:platform"
    for field in ("signing_key.replica_regions", "snapshot_store.regions", "artifact_registry.regions"):
        assert f"{field}: eu-central-1 missing" in fault.message


def test_an_image_without_a_digest_is_named_beside_all_else_that_is_wrong() -> None:
    wrong = documented_platform() | {"namespaces": [{"name": "kube-system"}]}
    wrong["images"] = wrong["images"] | {"operator": "tradeplane/operator:latest"}
    given = values("prod", platform=wrong) | {"signing_key": json.dumps({"primary_region": "eu-west-9"})}
    with pytest.raises(ConfigurationRefused) as refused:
        PLATFORM.read("prod", given)
    assert {fault.field for fault in refused.value.faults} >= {
        "tradeplane-platform:platform.images.operator",
        "tradeplane-platform:platform.namespaces.0.name",
        "tradeplane-platform:signing_key.primary_region",
    }


FAILOVER = {
    "record": {"regions": ["eu-west-1", "eu-west-2"], "witness": "eu-west-3"},
    "mover_roles": ["arn:aws:iam::111122223333:role/tradeplane-administrator"],
}


def rendered(folder: Path, monkeypatch: pytest.MonkeyPatch, **parts: Any) -> list[Mapping[str, str]]:
    """Run the program on mocks with parts beside its example's; return the files that kubectl would render, by region.

    What other stacks give is made up; of what kubectl makes there is nothing.
    """
    settings = yaml.safe_load((STACKS / "platform" / "Pulumi.prod.yaml").read_text(encoding="utf-8"))
    config = settings["config"] | {f"tradeplane-platform:{key}": part for key, part in parts.items()}
    settings["config"] = {key: part for key, part in config.items() if part is not None}
    (folder / "Pulumi.prod.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    cluster = {"security_group_id": "sg-1", "cluster_name": "tradeplane-prod-cluster", "kubeconfig": "{}"}
    network = {"vpc_id": "vpc-1", "subnet_ids": {"euw1-az1": "subnet-1", "euw1-az2": "subnet-2"}}
    given: dict[str, dict[str, Any]] = {f"tradeplane-cluster/prod.{region}": {"cluster": cluster} for region in REGIONS}
    given["tradeplane-network/prod.eu-west-1"] = {"network": network}
    found: list[Mapping[str, str]] = []

    def render(files: Mapping[str, str]) -> list[dict[str, Any]]:
        found.append(files)
        return []

    monkeypatch.setattr(module, "render", render)
    asked(folder, "prod", PLATFORM, given)
    return found


def test_what_the_other_parts_tell_is_told_to_the_operator_of_each_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = documented_platform() | {"ledger": {"ca": certificate()}}
    found = rendered(tmp_path, monkeypatch, failover=FAILOVER, platform=platform)
    assert len(found) == len(REGIONS)
    for region, files in zip(REGIONS, found, strict=True):
        told = yaml.safe_load(files["operator/settings.yaml"])
        host = f"111122223333.dkr.ecr.{region}.amazonaws.com/tradeplane"
        assert told["stores"]["default"] == {
            "url": f"s3://tradeplane-prod-111122223333-{region}",
            "environment": {"AWS_REGION": region, "AWS_CHECKSUM_ALGORITHM": "SHA256"},
        }
        assert told["evidence"]["signer"] == "awskms:///alias/tradeplane-prod-signing-key"
        assert told["evidence"]["registry"] == f"{host}/runs"
        assert told["images"]["default"].startswith(f"{host}/workloads@sha256:")
        assert told["region"] == {
            "name": region,
            "table": "tradeplane-prod-failover",
            "tableRegions": ["eu-west-1", "eu-west-2"],
            "validSeconds": 30,
        }
    # The ledger's database is in the first, and no other network reaches it.
    assert ["operator/ledger/kustomization.yaml" in files for files in found] == [True, False]


def test_the_recorder_is_told_where_its_database_is_and_has_the_role_of_its_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beneath: list[Beneath] = []
    urls: list[str] = []

    def note(*given: Any) -> Beneath:
        beneath.append(Beneath(*given))
        return beneath[-1]

    def secret(url: pulumi.Output[str], ca: str) -> dict[str, Any]:
        url.apply(urls.append)
        return ledger_login(url, ca)

    monkeypatch.setattr(program, "Beneath", note)
    monkeypatch.setattr(platform_in_regions, "ledger_login", secret)
    rendered(tmp_path, monkeypatch, platform=documented_platform() | {"ledger": {"ca": certificate()}})
    recorder, nobody = (one.ledger_login for one in beneath)
    assert recorder is not None
    assert nobody is None
    assert recorder.role == "arn:aws:iam::111122223333:role/tradeplane-recorder"
    (url,) = urls
    assert url == (
        "postgresql://tradeplane@database.example:5432/audit?sslmode=verify-full"
        "&sslrootcert=/etc/tradeplane-ledger/ca.crt&aws_iam_region=eu-west-1"
    )


def test_without_failover_and_ledger_there_is_no_word_of_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for files in rendered(tmp_path, monkeypatch, failover=None):
        assert "region" not in yaml.safe_load(files["operator/settings.yaml"])
        assert "operator/ledger/kustomization.yaml" not in files
