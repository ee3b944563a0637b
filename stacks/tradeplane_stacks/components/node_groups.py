"""Groups of nodes, each of one architecture: encrypted disks, no way in by SSH, and no credentials for pods.

The instance metadata service answers only to tokens (IMDSv2) and over one hop, so that a pod, which is a hop further,
cannot take the node's role: Amazon EKS Best Practices Guide, "Identity and access management", "Restrict access to the
instance profile assigned to the worker node".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal, Self, TypeAlias

import pulumi
from pulumi_aws import ec2, eks
from pydantic import Field, StringConstraints, model_validator

from tradeplane_stacks.components.arm64_capacity import INSTANCE_TYPE, is_arm64, refuse_unoffered
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.service_role import ServiceRole

Architecture: TypeAlias = Literal["amd64", "arm64"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
InstanceType = Annotated[str, StringConstraints(pattern=INSTANCE_TYPE)]

DEDICATED = "tradeplane.dev/dedicated"
"""Label and taint of nodes that take only what is meant for them."""

ARCHITECTURE = "kubernetes.io/arch"

AMI_TYPES: Mapping[tuple[str, Architecture], str] = MappingProxyType(
    {
        ("al2023", "amd64"): "AL2023_x86_64_STANDARD",
        ("al2023", "arm64"): "AL2023_ARM_64_STANDARD",
        ("bottlerocket", "amd64"): "BOTTLEROCKET_x86_64",
        ("bottlerocket", "arm64"): "BOTTLEROCKET_ARM_64",
    }
)
"""EKS's own names of images (nodegroup.amiType)."""

# Bottlerocket keeps the system, read-only, on the first, and images and logs on the second.
_DEVICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"al2023": ("/dev/xvda",), "bottlerocket": ("/dev/xvda", "/dev/xvdb")}
)
_SYSTEM_DISK_GIB = 4


class NodeGroup(Configuration):
    """Nodes of one architecture and kind, and how many."""

    name: Name
    architecture: Architecture
    instance_types: Annotated[tuple[InstanceType, ...], Field(min_length=1, max_length=20)]
    image: Literal["al2023", "bottlerocket"] = "bottlerocket"
    capacity: Literal["ON_DEMAND", "SPOT"] = "ON_DEMAND"
    min_size: Annotated[int, Field(ge=0, le=450)] = 0
    max_size: Annotated[int, Field(ge=1, le=450)]
    disk_gib: Annotated[int, Field(ge=20, le=16384)] = 100
    # What only tolerating pods are put on, such as runners; none for nodes that take any pod.
    dedicated: Name | None = None
    taint_architecture: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min_size > self.max_size:
            raise ValueError(f"min_size: {self.min_size} of node group {self.name} is more than max_size")
        if self.architecture == "amd64" and (arm := [t for t in self.instance_types if is_arm64(t)]):
            raise ValueError(f"instance_types: {', '.join(arm)} of node group {self.name} is arm64, not amd64")
        return self

    def refuse_unoffered(self, region: str) -> None:
        """Refuse arm64 instance types that the region does not have, by ValueError."""
        if self.architecture == "arm64":
            try:
                refuse_unoffered(region, self.instance_types)
            except ValueError as error:
                raise ValueError(f"instance_types of node group {self.name}: {error}") from None

    @property
    def disks(self) -> list[tuple[str, int]]:
        """Device and size in GiB of each disk of a node."""
        *system, last = _DEVICES[self.image]
        return [*((device, _SYSTEM_DISK_GIB) for device in system), (last, self.disk_gib)]

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the nodes, beside those that Kubernetes gives them."""
        return {} if self.dedicated is None else {DEDICATED: self.dedicated}

    @property
    def taints(self) -> list[tuple[str, str]]:
        """Key and value of the taints by which pods stay away that do not tolerate them."""
        found = [] if self.dedicated is None else [(DEDICATED, self.dedicated)]
        return [*found, (ARCHITECTURE, self.architecture)] if self.taint_architecture else found


@dataclass(frozen=True)
class Nodes:
    """What all node groups of a cluster have in common."""

    cluster: eks.Cluster
    version: str
    role: ServiceRole
    subnet_ids: Sequence[pulumi.Input[str]]
    volume_key_arn: pulumi.Input[str]
    tags: Mapping[str, str]
    region: str


def node_group(
    name: str, group: NodeGroup, nodes: Nodes, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
) -> eks.NodeGroup:
    """Make a group of nodes, after the add-ons without which they would never be ready."""
    template = _launch_template(f"{name}-{group.name}-template", group, nodes, parent)
    return eks.NodeGroup(
        f"{name}-{group.name}-nodes",
        cluster_name=nodes.cluster.name,
        node_group_name_prefix=f"{group.name}-",
        node_role_arn=nodes.role.arn,
        subnet_ids=nodes.subnet_ids,
        version=nodes.version,
        ami_type=AMI_TYPES[group.image, group.architecture],
        capacity_type=group.capacity,
        instance_types=list(group.instance_types),
        launch_template=eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
        labels=group.labels,
        taints=[eks.NodeGroupTaintArgs(key=k, value=v, effect="NO_SCHEDULE") for k, v in group.taints],
        scaling_config=eks.NodeGroupScalingConfigArgs(
            min_size=group.min_size, max_size=group.max_size, desired_size=group.min_size
        ),
        update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
        node_repair_config=eks.NodeGroupNodeRepairConfigArgs(enabled=True),
        force_update_version=False,
        region=nodes.region,
        # How many there are just now is the autoscaler's.
        opts=pulumi.ResourceOptions(
            parent=parent, depends_on=[*after, *nodes.role.attached], ignore_changes=["scalingConfig.desiredSize"]
        ),
    )


def _launch_template(name: str, group: NodeGroup, nodes: Nodes, parent: pulumi.Resource) -> ec2.LaunchTemplate:
    return ec2.LaunchTemplate(
        name,
        metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            http_put_response_hop_limit=1,
            instance_metadata_tags="disabled",
        ),
        block_device_mappings=[
            ec2.LaunchTemplateBlockDeviceMappingArgs(
                device_name=device,
                ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                    encrypted="true",
                    kms_key_id=nodes.volume_key_arn,
                    volume_type="gp3",
                    volume_size=size,
                    delete_on_termination="true",
                ),
            )
            for device, size in group.disks
        ],
        tag_specifications=[
            ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=dict(nodes.tags))
            for kind in ("instance", "volume", "network-interface")
        ],
        update_default_version=True,
        region=nodes.region,
        opts=pulumi.ResourceOptions(parent=parent),
    )
