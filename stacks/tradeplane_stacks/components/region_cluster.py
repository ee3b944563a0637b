"""A cluster of EKS in a region, of nodes of both architectures, that is reached from private networks alone.

Every run can be replayed on either architecture, so that a cluster without one of them is refused. Its Secrets are
encrypted by a key of their own before they reach etcd, all that its control plane logs is kept, and who made it cannot
administer it unless it says so.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import pulumi
from pulumi_aws import cloudwatch, ec2, eks, kms, vpc
from pydantic import Field, model_validator

from tradeplane_stacks.components import cluster_access, cluster_addons
from tradeplane_stacks.components.address_plan import PrivateCidr
from tradeplane_stacks.components.cluster_access import Access, PodIdentity
from tradeplane_stacks.components.cluster_addons import POD_IDENTITY_AGENT, Addons
from tradeplane_stacks.components.encrypted_logs import log_group
from tradeplane_stacks.components.encryption_key import ENCRYPT, GRANT, TO_SERVICES, encryption_key
from tradeplane_stacks.components.kubernetes_versions import KubernetesVersion
from tradeplane_stacks.components.log_retention import RetentionDays
from tradeplane_stacks.components.node_groups import NodeGroup, Nodes, node_group
from tradeplane_stacks.components.policy_documents import roles, statement
from tradeplane_stacks.components.regional import RegionalConfig
from tradeplane_stacks.components.service_role import ServiceRole, service_role
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import TaggedComponent, required_tags

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
"""All that EKS has (LogType)."""


class RegionClusterConfig(RegionalConfig):
    """Which Kubernetes, on which nodes, reached from where and by whom."""

    kubernetes_version: KubernetesVersion
    # At its end, standard support upgrades a cluster by itself; extended support costs more instead.
    support: Literal["STANDARD", "EXTENDED"] = "STANDARD"
    addons: Addons
    node_groups: Annotated[tuple[NodeGroup, ...], Field(min_length=2)]
    access: Annotated[tuple[Access, ...], Field(min_length=1)]
    pod_identities: tuple[PodIdentity, ...] = ()
    # Networks beside the cluster's own from which people come to its API.
    reached_from: Annotated[tuple[PrivateCidr, ...], Field(max_length=16)] = ()
    log_retention_days: RetentionDays = 365
    deletion_protection: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [group.name for group in self.node_groups]
        if len(set(names)) != len(names):
            raise ValueError("node_groups: each name once")
        if missing := {"amd64", "arm64"} - {group.architecture for group in self.node_groups}:
            raise ValueError(
                f"node_groups: none of {', '.join(sorted(missing))}; runs are replayed on both architectures"
            )
        for group in self.node_groups:
            group.refuse_unoffered(self.region)
        if not any(group.min_size and not group.taints for group in self.node_groups):
            raise ValueError("node_groups: one without taints and of min_size 1 is needed, for CoreDNS among others")
        cluster_access.refuse_inconsistent(self.access, self.pod_identities)
        return self


@dataclass(frozen=True)
class ClusterNetwork:
    """Where a cluster is: outputs of RegionNetwork, or of a network that was there already."""

    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]


class RegionCluster(TaggedComponent):
    """A cluster, its nodes, its add-ons, and who may do what in it."""

    cluster_name: pulumi.Output[str]
    """The cluster's name in EKS."""

    endpoint: pulumi.Output[str]
    """The API server, which answers within the network and to `reached_from`."""

    certificate_authority: pulumi.Output[str]
    """Whom the API server's certificate is from, as base64 of PEM."""

    kubeconfig: pulumi.Output[str]
    """How kubectl and Pulumi reach it: by a token that the AWS CLI fetches for whoever uses it, so no secret."""

    node_group_names: pulumi.Output[dict[str, str]]
    """The names in EKS of the node groups, by those of the configuration."""

    log_group: pulumi.Output[str]
    """The log group of the control plane."""

    security_group_id: pulumi.Output[str]
    """The group that EKS makes for the cluster, of which its nodes and their pods are."""

    def __init__(
        self,
        name: str,
        config: RegionClusterConfig,
        network: ClusterNetwork,
        stack: StackName,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        config.refuse_stack_of_another_region(stack)
        tags = required_tags(stack, config.ownership)
        super().__init__("RegionCluster", name, tags, opts)
        self._name, self._config, self._network = name, config, network
        self._child = pulumi.ResourceOptions(parent=self)
        logs = log_group(f"{name}-logs", f"/aws/eks/{name}/cluster", config.log_retention_days, config, self)
        cluster = self._cluster(logs)
        cluster_access.grant(name, config.access, cluster, config.partition, config.region, self)
        groups = self._nodes(cluster, tags)
        self.log_group = logs.name
        self.security_group_id = cluster.vpc_config.cluster_security_group_id
        self.cluster_name, self.endpoint = cluster.name, cluster.endpoint
        self.certificate_authority = cluster.certificate_authority.data
        self.node_group_names = pulumi.Output.all(**{key: group.node_group_name for key, group in groups.items()})
        self.kubeconfig = pulumi.Output.all(
            name=self.cluster_name, endpoint=self.endpoint, authority=self.certificate_authority, region=config.region
        ).apply(lambda known: json.dumps(kubeconfig(**known), sort_keys=True))
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "endpoint": self.endpoint,
                "certificate_authority": self.certificate_authority,
                "kubeconfig": self.kubeconfig,
                "node_group_names": self.node_group_names,
                "log_group": self.log_group,
                "security_group_id": self.security_group_id,
            }
        )

    def _cluster(self, logs: cloudwatch.LogGroup) -> eks.Cluster:
        config, name = self._config, self._name
        role = self._cluster_role()
        return eks.Cluster(
            f"{name}-eks",
            name=name,
            version=config.kubernetes_version,
            role_arn=role.arn,
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=self._network.subnet_ids,
                security_group_ids=[self._api_group().id],
                endpoint_private_access=True,
                endpoint_public_access=False,
            ),
            access_config=eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            encryption_config=eks.ClusterEncryptionConfigArgs(
                provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=self._secrets_key(role).arn),
                resources=["secrets"],
            ),
            enabled_cluster_log_types=list(LOG_TYPES),
            upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type=config.support),
            force_update_version=False,
            bootstrap_self_managed_addons=False,
            deletion_protection=config.deletion_protection,
            region=config.region,
            # The log group before the cluster: EKS would make one without key and retention.
            opts=pulumi.ResourceOptions(
                parent=self, protect=config.deletion_protection, depends_on=[logs, *role.attached]
            ),
        )

    def _cluster_role(self) -> ServiceRole:
        config = self._config
        ours = {
            "StringEquals": {"aws:SourceAccount": config.account},
            "ArnEquals": {"aws:SourceArn": config.arn("eks", f"cluster/{self._name}")},
        }
        return service_role(
            f"{self._name}-cluster-role",
            "eks.amazonaws.com",
            self,
            ours,
            ["AmazonEKSClusterPolicy"],
            partition=config.partition,
        )

    def _api_group(self) -> ec2.SecurityGroup:
        """Let people in to the API from the networks that they come from; nodes have a group of EKS's own."""
        region = self._config.region
        group = ec2.SecurityGroup(
            f"{self._name}-api",
            description="People who reach the API of the cluster",
            vpc_id=self._network.vpc_id,
            region=region,
            opts=self._child,
        )
        for cidr in self._config.reached_from:
            vpc.SecurityGroupIngressRule(
                f"{self._name}-api-{cidr}",
                security_group_id=group.id,
                description="HTTPS to the API",
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                cidr_ipv4=cidr,
                region=region,
                opts=self._child,
            )
        return group

    def _secrets_key(self, role: ServiceRole) -> kms.Key:
        administrators = roles(self._config.administrator_roles)
        return encryption_key(
            f"{self._name}-secrets-key",
            f"Secrets of cluster {self._name}",
            self._config,
            [
                statement("UseForSecrets", "Allow", ENCRYPT, ["*"], principal=roles([role.arn])),
                # Who makes the cluster grants the key to EKS.
                statement("GrantToCluster", "Allow", GRANT, ["*"], principal=administrators, condition=TO_SERVICES),
            ],
            self,
        )

    def _volume_key(self) -> kms.Key:
        config = self._config
        role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        scaling = roles([f"arn:{config.partition}:iam::{config.account}:{role}"])
        return encryption_key(
            f"{self._name}-volumes-key",
            f"disks of nodes of cluster {self._name}",
            config,
            [
                statement("UseForVolumes", "Allow", ENCRYPT, ["*"], principal=scaling),
                statement("GrantToVolumes", "Allow", GRANT, ["*"], principal=scaling, condition=TO_SERVICES),
            ],
            self,
        )

    def _nodes(self, cluster: eks.Cluster, tags: dict[str, str]) -> dict[str, eks.NodeGroup]:
        config, name = self._config, self._name
        first = cluster_addons.install(name, config.addons.before_nodes, cluster, config, self)
        role = service_role(
            f"{name}-node-role",
            "ec2.amazonaws.com",
            self,
            managed_policies=["AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"],
            partition=config.partition,
        )
        nodes = Nodes(
            cluster=cluster,
            version=config.kubernetes_version,
            role=role,
            subnet_ids=self._network.subnet_ids,
            volume_key_arn=self._volume_key().arn,
            tags=tags,
            region=config.region,
        )
        groups = {group.name: node_group(name, group, nodes, self, [*first.values()]) for group in config.node_groups}
        agent = first[POD_IDENTITY_AGENT]
        cluster_access.identify(name, config.pod_identities, cluster, config.region, self, agent)
        cluster_addons.install(name, config.addons.on_nodes, cluster, config, self, [*groups.values()])
        return groups


def kubeconfig(name: str, endpoint: str, authority: str, region: str) -> dict[str, Any]:
    """Return a kubeconfig whose user is whoever runs it, by `aws eks get-token`."""
    token = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", name, "--region", region],
        "interactiveMode": "Never",
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": endpoint, "certificate-authority-data": authority}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [{"name": name, "user": {"exec": token}}],
    }
