"""An estimate counts what components make: compared with what each asks Pulumi for."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from tradeplane_stacks.components.arm64_runners import Arm64RunnersConfig
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.signing_key import SigningKeyConfig
from tradeplane_stacks.estimate.demands import VERSIONS_PAID, Demand, Metered, Standing, demands

from tests.unit.stacks.components import (
    snapshot_stores,
    test_artifact_registry,
    test_failover,
    test_metadata_database,
    test_region_cluster,
    test_region_network,
    test_signing_key,
    test_snapshot_store,
)
from tests.unit.stacks.components.recording import Recorded

Counts = dict[tuple[str, str], tuple[int, int]]


def counted(config: Configuration) -> Counts:
    """Sum what stands there, at least and at most, by region and item."""
    found: Counts = {}
    for demand in standing(demands(config)):
        for item in demand.items:
            least, most = found.get((demand.region, item), (0, 0))
            found[demand.region, item] = (least + demand.least, most + demand.most)
    return found


def standing(found: Iterable[Demand]) -> list[Standing]:
    return [demand for demand in found if isinstance(demand, Standing)]


def metered(config: object) -> set[str]:
    return {demand.item for demand in demands(config) if isinstance(demand, Metered)}


def keys_made(recorded: Recorded) -> Counter[str]:
    """Count keys by region, as components make them: replicas are paid for as well."""
    return Counter(
        asked.inputs["region"]
        for asked in recorded.resources.values()
        if asked.typ in ("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey")
    )


def keys_counted(config: Configuration) -> Counter[str]:
    return Counter({region: least for (region, item), (least, _) in counted(config).items() if item == "kms-key/month"})


def test_every_key_that_a_component_makes_is_counted() -> None:
    network, _ = test_region_network.made()
    cluster, _ = test_region_cluster.made()
    made_and_configured: list[tuple[Recorded, Configuration]] = [
        (network, test_region_network.config()),
        (cluster, test_region_cluster.config()),
        (test_signing_key.made(), test_signing_key.config()),
        (test_snapshot_store.make().recorded, snapshot_stores.config()),
        (test_artifact_registry.make().recorded, test_artifact_registry.config()),
        (test_metadata_database.make().recorded, test_metadata_database.config()),
    ]
    for recorded, config in made_and_configured:
        assert keys_made(recorded), config
        assert keys_counted(config) == keys_made(recorded), config


def test_a_key_that_is_rotated_may_cost_three_times_and_one_that_signs_never() -> None:
    assert {most // least for least, most in counted(snapshot_stores.config()).values()} == {VERSIONS_PAID}
    assert {most // least for least, most in counted(test_signing_key.config()).values()} == {1}


@pytest.mark.parametrize("nat", ["none", "single", "per-zone"])
def test_gateways_and_endpoints_are_counted_as_they_are_made(nat: str) -> None:
    recorded, _ = test_region_network.made(nat=nat, more_endpoints=["autoscaling"])
    found = counted(test_region_network.config(nat=nat, more_endpoints=["autoscaling"]))
    interfaces = [
        endpoint
        for endpoint in recorded.of_type("aws:ec2/vpcEndpoint:VpcEndpoint").values()
        if endpoint["vpcEndpointType"] == "Interface"
    ]
    addresses = sum(len(endpoint["subnetIds"]) for endpoint in interfaces)
    gateways = len(recorded.of_type("aws:ec2/natGateway:NatGateway"))
    assert found["eu-west-1", "interface-endpoint/hour"] == (addresses, addresses)
    assert found.get(("eu-west-1", "nat-gateway/hour"), (0, 0)) == (gateways, gateways)
    assert found.get(("eu-west-1", "public-ipv4/hour"), (0, 0)) == (len(recorded.of_type("aws:ec2/eip:Eip")),) * 2


def test_nodes_and_their_disks_are_counted_as_they_are_made() -> None:
    recorded, _ = test_region_cluster.made()
    made: Counts = {}
    for name, group in recorded.of_type("aws:eks/nodeGroup:NodeGroup").items():
        scaling = group["scalingConfig"]
        size = (int(scaling["minSize"]), int(scaling["maxSize"]))
        template: dict[str, Any] = recorded.resources[name.replace("-nodes", "-template")].inputs
        each = sum(int(disk["ebs"]["volumeSize"]) for disk in template["blockDeviceMappings"])
        disks = made.get(("eu-west-1", "ebs-gp3/GB-month"), (0, 0))
        made["eu-west-1", "ebs-gp3/GB-month"] = (disks[0] + size[0] * each, disks[1] + size[1] * each)
        kind = "ec2-spot" if group["capacityType"] == "SPOT" else "ec2"
        for instance in group["instanceTypes"]:
            made["eu-west-1", f"{kind}:{instance}/hour"] = size
    found = counted(test_region_cluster.config())
    assert made.items() <= found.items()
    assert {item for _, item in found if item.startswith("ec2")} == {item for _, item in made if item.startswith("ec2")}


def test_instance_types_of_a_group_are_alternatives_and_not_added() -> None:
    (arm,) = [demand for demand in standing(demands(test_region_cluster.config())) if "nodes arm (" in demand.what]
    assert arm.items == ("ec2:m8g.xlarge/hour", "ec2:m7g.xlarge/hour")
    assert (arm.least, arm.most) == (1, 4)


@pytest.mark.parametrize(("support", "surcharge"), [("STANDARD", None), ("EXTENDED", (0, 1))])
def test_extended_support_costs_more_only_where_it_is_asked_for(
    support: str, surcharge: tuple[int, int] | None
) -> None:
    found = counted(test_region_cluster.config(support=support))
    assert found["eu-west-1", "eks-cluster/hour"] == (1, 1)
    assert found.get(("eu-west-1", "eks-extended-support/hour")) == surcharge


def test_a_database_is_paid_in_both_zones_and_its_disk_may_grow() -> None:
    made = test_metadata_database.make().recorded.of_type("aws:rds/instance:Instance")
    (instance,) = made.values()
    assert instance["multiAz"] is True
    zones = 2
    found = counted(test_metadata_database.config())
    assert found["eu-west-1", f"rds-postgres:{instance['instanceClass']}/hour"] == (zones, zones)
    storage = (int(instance["allocatedStorage"]) * zones, int(instance["maxAllocatedStorage"]) * zones)
    assert found["eu-west-1", "rds-gp3/GB-month"] == storage
    assert found["eu-west-1", "secret/month"] == (int(instance["manageMasterUserPassword"]),) * 2


def test_what_leads_to_the_active_region_is_counted_as_it_is_made() -> None:
    recorded, config = test_failover.make().recorded, test_failover.config()
    made = Counter(asked.typ for asked in recorded.resources.values())
    alarms = [one["region"] for one in recorded.of_type("aws:cloudwatch/metricAlarm:MetricAlarm").values()]
    first, checks = config.regions[0], made["aws:route53/healthCheck:HealthCheck"]
    assert counted(config) == {
        (first, "route53-zone/month"): (made["aws:route53/zone:Zone"],) * 2,
        (first, "route53-health-check/month"): (checks, checks),
        (config.record.witness, "cloudwatch-alarm/month"): (len(alarms), len(alarms)),
    }
    assert set(alarms) == {config.record.witness}


def test_without_names_a_service_is_paid_by_use_alone() -> None:
    config = test_failover.config(names=None)
    assert standing(demands(config)) == []
    assert metered(config) == {"dynamodb-reads/1k-requests", "dynamodb-replicated-writes/1k-requests"}


def test_copies_to_other_regions_are_paid_only_where_there_are_other_regions() -> None:
    transfer = "transfer-between-regions/GB"
    assert transfer in metered(snapshot_stores.config())
    assert transfer not in metered(snapshot_stores.config(regions=["eu-west-1"]))
    assert transfer in metered(test_metadata_database.config())
    assert transfer not in metered(test_metadata_database.config(backup_region=None))


def test_scans_are_paid_only_where_they_are_inspectors() -> None:
    scans = "inspector-scans/10k-requests"
    assert scans in metered(test_artifact_registry.config(scanning="ENHANCED"))
    assert scans not in metered(test_artifact_registry.config())


class Regions(Configuration):
    """A configuration that holds those of components."""

    one: SigningKeyConfig
    more: tuple[SigningKeyConfig, ...]
    named: dict[str, SigningKeyConfig]


def test_a_configuration_of_others_is_what_those_are_together() -> None:
    key = test_signing_key.config()
    together = list(demands(Regions(one=key, more=(key,), named={"third": key})))
    assert together == list(demands(key)) * 3


def test_a_configuration_without_a_price_of_its_own_has_none() -> None:
    runners = {
        "kind": "github",
        "url": "https://github.com/desk/strategies",
        "credentials_secret": "github-app",
        "chart_version": "0.13.0",
        "controller_image": "ghcr.io/actions/gha-runner-scale-set-controller:0.13.0@sha256:" + "a" * 64,
        "runner_image": "ghcr.io/actions/actions-runner:2.330.0@sha256:" + "b" * 64,
        "max_runners": 4,
    }
    ownership = {"owner": "desk", "cost_center": "cc-7", "data_classification": "internal"}
    assert list(demands(Arm64RunnersConfig.read({"ownership": ownership, "runners": runners}))) == []
