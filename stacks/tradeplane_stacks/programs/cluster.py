"""What a region's cluster is, with what runs in it, and what other programs read of it."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi
import pulumi_kubernetes

from tradeplane_stacks.components.arm64_runners import Arm64Runners, Arm64RunnersConfig
from tradeplane_stacks.components.region_cluster import ClusterNetwork, RegionCluster, RegionClusterConfig
from tradeplane_stacks.programs.network import NETWORK_OF_REGION
from tradeplane_stacks.programs.part import Part, Surroundings
from tradeplane_stacks.programs.program import Program
from tradeplane_stacks.programs.references import Reference, StackOutputs


def _network(surroundings: Surroundings) -> Mapping[str, Any]:
    network = surroundings.outputs(NETWORK_OF_REGION)
    return {"network": ClusterNetwork(network.vpc_id, network.subnets)}


def _in_cluster(surroundings: Surroundings) -> Mapping[str, Any]:
    """Have what is made in Kubernetes made in this cluster, whichever one kubectl is at."""
    cluster = cast("RegionCluster", surroundings.made["cluster"])
    provider = pulumi_kubernetes.Provider(
        f"tradeplane-{surroundings.stack.environment}-cluster-objects", kubeconfig=cluster.kubeconfig
    )
    return {"opts": pulumi.ResourceOptions(provider=provider, depends_on=[cluster])}


CLUSTER = Program(
    "tradeplane-cluster",
    (
        Part("cluster", RegionCluster, RegionClusterConfig, reads=(NETWORK_OF_REGION,), takes=_network),
        Part("runners", Arm64Runners, Arm64RunnersConfig, takes=_in_cluster, after=("cluster",)),
    ),
    regional=True,
)


class ClusterOutputs(StackOutputs):
    """Outputs of ``RegionCluster`` that others are made by."""

    security_group_id: str
    cluster_name: str
    kubeconfig: str


CLUSTER_OF_REGION = Reference(CLUSTER.project, "cluster", ClusterOutputs)
