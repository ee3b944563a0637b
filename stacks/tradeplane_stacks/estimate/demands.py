"""What each component has standing, and what of it is paid by use: from its configuration alone.

How many of each there are follows the components; tests compare the two, by what components ask Pulumi for. A
configuration that holds others, such as one of several regions, is what those are together.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import singledispatch

from tradeplane_stacks.components.arm64_runners import Arm64RunnersConfig
from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.failover_config import FailoverConfig
from tradeplane_stacks.components.metadata_database_config import MetadataDatabaseConfig
from tradeplane_stacks.components.node_groups import NodeGroup
from tradeplane_stacks.components.platform_in_regions_config import PlatformInRegionsConfig
from tradeplane_stacks.components.region_cluster import RegionClusterConfig
from tradeplane_stacks.components.region_network import RegionNetworkConfig
from tradeplane_stacks.components.signing_key import SigningKeyConfig
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig
from tradeplane_stacks.components.vpc_endpoints import REQUIRED

VERSIONS_PAID = 3
"""Of a key that is rotated, the first version and those of two rotations; further ones cost nothing more."""

_ZONES_OF_DATABASE = 2
"""The instance and its standby, each with its storage: Amazon RDS User Guide, "On-Demand DB instances"."""


@dataclass(frozen=True)
class Standing:
    """Something that is paid for as long as it is there, and how many of it: at least and at most.

    ``items`` are alternatives, of which AWS chooses one, as among the instance types of a node group.
    """

    region: str
    what: str
    items: tuple[str, ...]
    least: int
    most: int


@dataclass(frozen=True)
class Metered:
    """Something that is paid by use."""

    region: str
    what: str
    item: str


Demand = Standing | Metered

NOTHING_OF_THEIR_OWN = (Arm64RunnersConfig, PlatformInRegionsConfig)
"""Configurations of what is paid by what it runs on and writes to: nodes, stores and registries of other parts."""


@singledispatch
def demands(config: object) -> Iterable[Demand]:
    """Return what a configuration of a component has; of one that is not known here, what those in it have."""
    if isinstance(config, Configuration):
        return [demand for name in type(config).model_fields for demand in demands(getattr(config, name))]
    return []


@demands.register(tuple)
@demands.register(list)
def _each(configs: Iterable[object]) -> Iterable[Demand]:
    return [demand for config in configs for demand in demands(config)]


@demands.register
def _by_key(configs: dict) -> Iterable[Demand]:  # type: ignore[type-arg] # singledispatch takes bare classes alone
    return _each(configs.values())


@demands.register
def _signing_key(config: SigningKeyConfig) -> Iterator[Demand]:
    for region in config.regions:
        yield _fixed(region, "keys that sign", "kms-key/month", len(config.generations))
        yield Metered(region, "signatures", "kms-asymmetric-requests/10k-requests")


@demands.register
def _snapshot_store(config: SnapshotStoreConfig) -> Iterator[Demand]:
    for region in config.regions:
        yield _rotated(region, "key of the bucket", 1)
        yield Metered(region, "snapshots and results, new", "s3-standard/GB-month")
        yield Metered(region, "the same, older", "s3-standard-ia/GB-month")
        yield Metered(region, "the same, oldest", "s3-glacier-instant/GB-month")
        yield Metered(region, "writes", "s3-writes/1k-requests")
        yield Metered(region, "reads", "s3-reads/1k-requests")
        if len(config.regions) > 1:
            yield Metered(region, "copies to other regions", "transfer-between-regions/GB")


@demands.register
def _artifact_registry(config: ArtifactRegistryConfig) -> Iterator[Demand]:
    for region in config.regions:
        yield _rotated(region, "key of the registry", 1)
        yield Metered(region, "images and attestations", "ecr-stored/GB-month")
        if config.scanning == "ENHANCED":
            yield Metered(region, "scans of images", "inspector-scans/10k-requests")
        if len(config.regions) > 1:
            yield Metered(region, "copies to other regions", "transfer-between-regions/GB")


@demands.register
def _failover(config: FailoverConfig) -> Iterator[Demand]:
    for region in config.record.regions:
        yield Metered(region, "reads of the record, by operators", "dynamodb-reads/1k-requests")
        yield Metered(region, "writes of the record, by moves", "dynamodb-replicated-writes/1k-requests")
    if config.names is not None:
        # Route 53 is of no region, and is counted in the first.
        region, switches = config.regions[0], len(config.regions)
        yield _fixed(region, "zone of the active region's name", "route53-zone/month", 1)
        yield _fixed(region, "health checks, by alarms", "route53-health-check/month", switches)
        yield _fixed(config.record.witness, "alarms that switch names", "cloudwatch-alarm/month", switches)
        yield Metered(region, "answers of names", "route53-queries/1k-requests")


@demands.register
def _metadata_database(config: MetadataDatabaseConfig) -> Iterator[Demand]:
    region, zones = config.region, _ZONES_OF_DATABASE
    instance = f"rds-postgres:{config.instance_class}/hour"
    yield _fixed(region, f"{config.instance_class} in two zones", instance, zones)
    least, most = config.storage_gib * zones, config.most_storage_gib * zones
    yield Standing(region, "storage of the database, GB", ("rds-gp3/GB-month",), least, most)
    yield _rotated(region, "key of the database", 1)
    yield _fixed(region, "password of who made the database", "secret/month", 1)
    yield Metered(region, "backups beyond the database's size", "rds-backup/GB-month")
    yield Metered(region, "logs", "logs-ingested/GB")
    if config.backup_region is not None:
        yield _rotated(config.backup_region, "key of the backups", 1)
        yield Metered(config.backup_region, "copies of backups", "rds-backup/GB-month")
        yield Metered(region, "copies to other regions", "transfer-between-regions/GB")


@demands.register
def _region_network(config: RegionNetworkConfig) -> Iterator[Demand]:
    region, zones = config.region, len(config.zones)
    endpoints = len(REQUIRED) + len(config.more_endpoints)
    what = f"{endpoints} interface endpoints in {zones} zones"
    yield _fixed(region, what, "interface-endpoint/hour", endpoints * zones)
    yield Metered(region, "traffic of endpoints", "interface-endpoint/GB")
    gateways = {"none": 0, "single": 1, "per-zone": zones}[config.nat]
    if gateways:
        yield _fixed(region, "NAT gateways", "nat-gateway/hour", gateways)
        yield _fixed(region, "public addresses of NAT gateways", "public-ipv4/hour", gateways)
        yield Metered(region, "traffic of NAT gateways", "nat-gateway/GB")
    yield _rotated(region, "key of the flow logs", 1)
    yield Metered(region, "flow logs", "logs-ingested/GB")
    yield Metered(region, "flow logs, kept", "logs-stored/GB-month")


@demands.register
def _region_cluster(config: RegionClusterConfig) -> Iterator[Demand]:
    region = config.region
    yield _fixed(region, "control plane", "eks-cluster/hour", 1)
    if config.support == "EXTENDED":
        yield Standing(region, "extended support, once it begins", ("eks-extended-support/hour",), 0, 1)
    yield _rotated(region, "keys of Secrets, disks and logs", 3)
    yield Metered(region, "logs of the control plane", "logs-ingested/GB")
    for group in config.node_groups:
        yield from _node_group(region, group)


def _node_group(region: str, group: NodeGroup) -> Iterator[Demand]:
    kind = "ec2-spot" if group.capacity == "SPOT" else "ec2"
    types = tuple(f"{kind}:{instance}/hour" for instance in group.instance_types)
    named = f"nodes {group.name} ({' or '.join(group.instance_types)})"
    yield Standing(region, named, types, group.min_size, group.max_size)
    each = sum(size for _, size in group.disks)
    disks = f"disks of nodes {group.name}, GB"
    yield Standing(region, disks, ("ebs-gp3/GB-month",), group.min_size * each, group.max_size * each)


def _fixed(region: str, what: str, item: str, count: int) -> Standing:
    return Standing(region, what, (item,), count, count)


def _rotated(region: str, what: str, count: int) -> Standing:
    return Standing(region, what, ("kms-key/month",), count, count * VERSIONS_PAID)
