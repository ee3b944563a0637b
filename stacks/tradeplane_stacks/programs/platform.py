"""What a platform has in all its regions together."""

from collections.abc import Mapping
from typing import Any, Self, cast

from pydantic import model_validator

from tradeplane_stacks.components.artifact_registry import ArtifactRegistry
from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.failover import Failover
from tradeplane_stacks.components.failover_config import FailoverConfig
from tradeplane_stacks.components.failover_replication import Replicated
from tradeplane_stacks.components.metadata_database import MetadataDatabase
from tradeplane_stacks.components.metadata_database_config import DatabaseNetwork, MetadataDatabaseConfig
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
    ),
)
