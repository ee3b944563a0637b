"""What a platform has in all its regions together."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Self, cast

from pydantic import model_validator

from tradeplane_stacks.components.artifact_registry import ArtifactRegistry
from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.failover import Failover
from tradeplane_stacks.components.failover_config import FailoverConfig
from tradeplane_stacks.components.failover_replication import Replicated
from tradeplane_stacks.components.ledger_login import LedgerLogin, login_url
from tradeplane_stacks.components.metadata_database import MetadataDatabase
from tradeplane_stacks.components.metadata_database_config import DatabaseNetwork, MetadataDatabaseConfig
from tradeplane_stacks.components.platform_config import ActiveRegion, S3Store
from tradeplane_stacks.components.platform_in_regions import Beneath, PlatformInRegions
from tradeplane_stacks.components.platform_in_regions_config import PlatformInRegionsConfig, Told
from tradeplane_stacks.components.platform_in_regions_parts import PlatformParts
from tradeplane_stacks.components.platform_ledger import Ledger
from tradeplane_stacks.components.retention import RetentionPolicy
from tradeplane_stacks.components.signing_key import SigningKey, SigningKeyConfig
from tradeplane_stacks.components.snapshot_store import SnapshotStore
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig
from tradeplane_stacks.programs.cluster import CLUSTER_OF_REGION
from tradeplane_stacks.programs.network import NETWORK_OF_REGION
from tradeplane_stacks.programs.part import Part, Surroundings
from tradeplane_stacks.programs.program import Program


class LockedStoreConfig(SnapshotStoreConfig):
    """A store's configuration, and the policy that its retention may not fall below.

    They stand apart in a stack's file: the policy is shared (``retention_policy``), for who answers for it to review.
    """

    retention_policy: RetentionPolicy

    @model_validator(mode="after")
    def _locks_as_the_policy_says(self) -> Self:
        self.retention_policy.check(self.retention)
        return self


def _policy(surroundings: Surroundings) -> Mapping[str, Any]:
    return {"policy": cast("LockedStoreConfig", surroundings.config).retention_policy}


def _within_network(surroundings: Surroundings) -> Mapping[str, Any]:
    """Put the database where the cluster of its region is, and let in what runs there."""
    network, cluster = surroundings.outputs(NETWORK_OF_REGION), surroundings.outputs(CLUSTER_OF_REGION)
    return {"network": DatabaseNetwork(network.vpc_id, network.subnets, {"cluster": cluster.security_group_id})}


def _replicated(configs: Mapping[str, Configuration]) -> Replicated:
    """Return what is to be in each region of a service."""
    return Replicated(
        cast("SigningKeyConfig", configs["signing_key"]),
        cast("SnapshotStoreConfig", configs["snapshot_store"]),
        cast("ArtifactRegistryConfig", configs["artifact_registry"]),
    )


def _beneath(surroundings: Surroundings) -> Mapping[str, Any]:
    """Put a platform on the cluster of each of its regions."""
    config = cast("PlatformInRegionsConfig", surroundings.config)
    store = cast("LockedStoreConfig", surroundings.configs["snapshot_store"])
    clusters = {region: surroundings.outputs_in(CLUSTER_OF_REGION, region) for region in config.regions}
    beneath = {
        region: Beneath(
            cluster.cluster_name,
            cluster.kubeconfig,
            store.runner_role,
            _told(surroundings, region),
            _ledger_login(surroundings, region),
        )
        for region, cluster in clusters.items()
    }
    return {"beneath": beneath, "after": [*surroundings.made.values()]}


def _told(surroundings: Surroundings, region: str) -> Told:
    """Return what the parts before a platform tell of one of its regions."""
    made = surroundings.made
    key, store = cast("SigningKey", made["signing_key"]), cast("SnapshotStore", made["snapshot_store"])
    registry, failover = (
        cast("ArtifactRegistry", made["artifact_registry"]),
        cast("Failover | None", made.get("failover")),
    )
    environment = store.environment[region]
    return Told(
        store=S3Store.read(
            {
                "kind": "s3",
                "url": store.urls[region],
                "region": environment["AWS_REGION"],
                "checksum": environment["AWS_CHECKSUM_ALGORITHM"],
            }
        ),
        results=registry.results[region],
        signer=key.signer,
        repositories=registry.image_repositories[region],
        ledger=_ledger(surroundings, region),
        failover=None if failover is None else _one_of_regions(failover.operator_settings[region]),
    )


def _one_of_regions(setting: Mapping[str, Any]) -> ActiveRegion:
    """Return which region of a service it is, of what Failover tells the operator."""
    return ActiveRegion(
        name=setting["name"],
        table=setting["table"],
        table_regions=tuple(setting["tableRegions"]),
        valid_seconds=setting["validSeconds"],
    )


def _database(surroundings: Surroundings, region: str) -> MetadataDatabase | None:
    """Return the ledger's database where it is in a region, and nowhere else, as no other network reaches it."""
    config = cast("MetadataDatabaseConfig | None", surroundings.configs.get("metadata_database"))
    records = cast("PlatformInRegionsConfig", surroundings.config).ledger is not None
    if not records or config is None or config.region != region:
        return None
    return cast("MetadataDatabase", surroundings.made["metadata_database"])


def _ledger(surroundings: Surroundings, region: str) -> Ledger | None:
    database = _database(surroundings, region)
    return None if database is None else Ledger(port=database.port)


def _ledger_login(surroundings: Surroundings, region: str) -> LedgerLogin | None:
    """Return how the recorder of a region logs in."""
    database, ledger = _database(surroundings, region), cast("PlatformInRegionsConfig", surroundings.config).ledger
    if database is None or ledger is None:
        return None
    config = cast("MetadataDatabaseConfig", surroundings.configs["metadata_database"])
    url = database.address.apply(partial(login_url, config, ledger.user, database.port))
    return LedgerLogin(config.users[ledger.user], url)


def _whole(configs: Mapping[str, Configuration]) -> None:
    """Refuse a platform in a region that lacks what it is made by."""
    failover = cast("FailoverConfig | None", configs.get("failover"))
    database = cast("MetadataDatabaseConfig | None", configs.get("metadata_database"))
    PlatformParts(_replicated(configs), failover, database).check(cast("PlatformInRegionsConfig", configs["platform"]))


PLATFORM = Program(
    "tradeplane-platform",
    (
        Part("signing_key", SigningKey, SigningKeyConfig),
        Part("snapshot_store", SnapshotStore, LockedStoreConfig, takes=_policy),
        Part("artifact_registry", ArtifactRegistry, ArtifactRegistryConfig),
        Part(
            "metadata_database",
            MetadataDatabase,
            MetadataDatabaseConfig,
            reads=(NETWORK_OF_REGION, CLUSTER_OF_REGION),
            takes=_within_network,
        ),
        Part(
            "failover",
            Failover,
            FailoverConfig,
            takes=lambda surroundings: {"replicated": _replicated(surroundings.configs)},
            after=("signing_key", "snapshot_store", "artifact_registry"),
            fits=lambda configs: _replicated(configs).check(cast("FailoverConfig", configs["failover"])),
        ),
        Part(
            "platform",
            PlatformInRegions,
            PlatformInRegionsConfig,
            reads=(CLUSTER_OF_REGION,),
            takes=_beneath,
            after=("signing_key", "snapshot_store", "artifact_registry"),
            fits=_whole,
        ),
    ),
)
