import json
from collections.abc import Mapping
from typing import Any

import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.region_cluster import ClusterNetwork, RegionCluster, RegionClusterConfig
from tradeplane_stacks.components.stack_name import StackName

from tests.unit.stacks.components.recording import Recorded
from tests.unit.stacks.components.region import (
    ACCOUNT,
    ADMINISTRATOR,
    GRANT,
    REGIONAL,
    TAGS,
    USE,
    Options,
    not_in_region,
    record_with_options,
    trust,
    untagged,
    uses_of_key,
)

ADMIN = f"arn:aws:iam::{ACCOUNT}:role/platform/admin"
DEVELOPER = f"arn:aws:iam::{ACCOUNT}:role/developer"
AUDITOR = "arn:aws:iam::444455556666:role/auditor"
OPERATOR = f"arn:aws:iam::{ACCOUNT}:role/tradeplane-operator"
SUBNETS = ["subnet-1", "subnet-2", "subnet-3"]
SCALING = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"

INTEL = {"name": "intel", "architecture": "amd64", "instance_types": ["m7i.xlarge"], "min_size": 2, "max_size": 6}
ARM = {
    "name": "arm",
    "architecture": "arm64",
    "instance_types": ["m8g.xlarge", "m7g.xlarge"],
    "image": "al2023",
    "min_size": 1,
    "max_size": 4,
    "disk_gib": 200,
    "taint_architecture": True,
}
RUNNERS = {
    "name": "runners",
    "architecture": "arm64",
    "instance_types": ["c7g.2xlarge"],
    "capacity": "SPOT",
    "max_size": 10,
    "dedicated": "runners",
}
ADDONS = {
    "vpc_cni": "v1.20.4-eksbuild.1",
    "kube_proxy": "v1.35.0-eksbuild.2",
    "pod_identity_agent": "v1.3.9-eksbuild.3",
    "coredns": "v1.12.4-eksbuild.4",
    "ebs_csi": "v1.51.0-eksbuild.5",
}
CLUSTER: dict[str, Any] = REGIONAL | {
    "kubernetes_version": "1.35",
    "addons": ADDONS,
    "node_groups": [INTEL, ARM, RUNNERS],
    "access": [
        {"role": ADMIN, "policy": "cluster-admin"},
        {"role": DEVELOPER, "policy": "edit", "namespaces": ["research", "paper"]},
        {"role": AUDITOR, "policy": "view"},
    ],
    "pod_identities": [{"namespace": "tradeplane-system", "service_account": "operator", "role": OPERATOR}],
    "reached_from": ["10.200.0.0/24", "10.201.0.0/24"],
}


def config(**changes: object) -> RegionClusterConfig:
    return RegionClusterConfig.read(CLUSTER | changes)


def made(stack: str = "prod.eu-west-1", **changes: object) -> tuple[Recorded, Mapping[str, Options]]:
    def make() -> dict[str, Any]:
        network = ClusterNetwork("vpc-1", SUBNETS)
        cluster = RegionCluster("main", config(**changes), network, StackName.parse(stack))
        return {
            "cluster_name": cluster.cluster_name,
            "endpoint": cluster.endpoint,
            "certificate_authority": cluster.certificate_authority,
            "kubeconfig": cluster.kubeconfig,
            "node_group_names": cluster.node_group_names,
            "log_group": cluster.log_group,
            "security_group_id": cluster.security_group_id,
        }

    return record_with_options(make)


@pytest.fixture(scope="module")
def both() -> tuple[Recorded, Mapping[str, Options]]:
    return made()


@pytest.fixture(scope="module")
def recorded(both: tuple[Recorded, Mapping[str, Options]]) -> Recorded:
    return both[0]


@pytest.fixture(scope="module")
def options(both: tuple[Recorded, Mapping[str, Options]]) -> Mapping[str, Options]:
    return both[1]


@pytest.fixture(scope="module")
def plain() -> tuple[Recorded, Mapping[str, Options]]:
    """Make a cluster as small as it can be, which may be removed."""
    addons = {name: version for name, version in ADDONS.items() if name != "ebs_csi"}
    return made(
        "prod", addons=addons, pod_identities=[], reached_from=[], deletion_protection=False, support="EXTENDED"
    )


def test_the_api_is_reached_from_private_networks_alone(recorded: Recorded) -> None:
    cluster = recorded.of_type("aws:eks/cluster:Cluster")["main-eks"]
    assert cluster["vpcConfig"] == {
        "subnetIds": SUBNETS,
        "securityGroupIds": ["main-api-id"],
        "endpointPrivateAccess": True,
        "endpointPublicAccess": False,
    }
    group = recorded.of_type("aws:ec2/securityGroup:SecurityGroup")
    assert set(group) == {"main-api"}
    assert group["main-api"]["vpcId"] == "vpc-1"
    assert not {"ingress", "egress"} & set(group["main-api"])
    rules = recorded.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").values()
    assert {(r["securityGroupId"], r["ipProtocol"], r["fromPort"], r["toPort"], r["cidrIpv4"]) for r in rules} == {
        ("main-api-id", "tcp", 443, 443, "10.200.0.0/24"),
        ("main-api-id", "tcp", 443, 443, "10.201.0.0/24"),
    }


def test_nobody_gets_in_by_having_made_the_cluster_or_by_a_config_map(recorded: Recorded) -> None:
    cluster = recorded.of_type("aws:eks/cluster:Cluster")["main-eks"]
    assert cluster["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }


def test_the_version_is_pinned_and_the_cluster_cannot_be_removed_by_mistake(
    recorded: Recorded, options: Mapping[str, Options]
) -> None:
    cluster = recorded.of_type("aws:eks/cluster:Cluster")["main-eks"]
    assert cluster["name"] == "main"
    assert cluster["version"] == "1.35"
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["forceUpdateVersion"] is False
    assert cluster["bootstrapSelfManagedAddons"] is False
    assert cluster["deletionProtection"] is True
    assert {name for name, asked in options.items() if asked.protected} == {
        "main-eks",
        "main-logs-key",
        "main-secrets-key",
        "main-volumes-key",
    }


def test_a_cluster_may_be_removed_where_that_is_said(plain: tuple[Recorded, Mapping[str, Options]]) -> None:
    recorded, options = plain
    cluster = recorded.of_type("aws:eks/cluster:Cluster")["main-eks"]
    assert cluster["deletionProtection"] is False
    assert not options["main-eks"].protected
    assert options["main-secrets-key"].protected
    assert cluster["upgradePolicy"] == {"supportType": "EXTENDED"}


def test_all_logs_of_the_control_plane_are_kept_encrypted(recorded: Recorded, options: Mapping[str, Options]) -> None:
    cluster = recorded.of_type("aws:eks/cluster:Cluster")["main-eks"]
    assert set(cluster["enabledClusterLogTypes"]) == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }
    group = recorded.of_type("aws:cloudwatch/logGroup:LogGroup")["main-logs"]
    assert group["name"] == "/aws/eks/main/cluster"
    assert group["kmsKeyId"] == "arn:main-logs-key"
    assert group["retentionInDays"] == 365
    assert options["main-eks"].after >= {"main-logs", "main-cluster-role-AmazonEKSClusterPolicy"}
    uses = uses_of_key(recorded, "main-logs-key")
    assert set(uses) == {"UseForLogGroup"}
    assert uses["UseForLogGroup"]["Condition"] == {
        "ArnEquals": {
            "kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/eks/main/cluster"
        }
    }


def test_secrets_are_encrypted_by_a_key_of_their_own(recorded: Recorded) -> None:
    cluster = recorded.of_type("aws:eks/cluster:Cluster")["main-eks"]
    assert cluster["encryptionConfig"] == {"provider": {"keyArn": "arn:main-secrets-key"}, "resources": ["secrets"]}
    assert uses_of_key(recorded, "main-secrets-key") == {
        "UseForSecrets": {
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:main-cluster-role"]},
            "Action": USE,
            "Resource": ["*"],
        },
        "GrantToCluster": {
            "Effect": "Allow",
            "Principal": {"AWS": [ADMINISTRATOR]},
            "Action": GRANT,
            "Resource": ["*"],
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    }


def test_the_cluster_acts_by_a_role_for_it_alone(recorded: Recorded) -> None:
    assert recorded.of_type("aws:eks/cluster:Cluster")["main-eks"]["roleArn"] == "arn:main-cluster-role"
    assert trust(recorded, "main-cluster-role") == {
        "Effect": "Allow",
        "Principal": {"Service": "eks.amazonaws.com"},
        "Action": ["sts:AssumeRole"],
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnEquals": {"aws:SourceArn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/main"},
        },
    }


def test_roles_have_the_policies_they_need_and_nodes_the_least(recorded: Recorded) -> None:
    attached = recorded.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert {(a["role"], a["policyArn"].removeprefix("arn:aws:iam::aws:policy/")) for a in attached.values()} == {
        ("main-cluster-role-id", "AmazonEKSClusterPolicy"),
        ("main-node-role-id", "AmazonEKSWorkerNodeMinimalPolicy"),
        ("main-node-role-id", "AmazonEC2ContainerRegistryPullOnly"),
        ("main-vpc-cni-role-id", "AmazonEKS_CNI_Policy"),
        ("main-aws-ebs-csi-driver-role-id", "service-role/AmazonEBSCSIDriverPolicy"),
    }
    assert not recorded.of_type("aws:iam/rolePolicy:RolePolicy")
    assert trust(recorded, "main-node-role") == {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": ["sts:AssumeRole"],
    }


def test_addons_are_pinned_and_network_policies_are_heeded(recorded: Recorded) -> None:
    addons = recorded.of_type("aws:eks/addon:Addon")
    assert {a["addonName"]: a["addonVersion"] for a in addons.values()} == {
        "vpc-cni": ADDONS["vpc_cni"],
        "kube-proxy": ADDONS["kube_proxy"],
        "eks-pod-identity-agent": ADDONS["pod_identity_agent"],
        "coredns": ADDONS["coredns"],
        "aws-ebs-csi-driver": ADDONS["ebs_csi"],
    }
    assert {a["clusterName"] for a in addons.values()} == {"main"}
    settings = {
        a["addonName"]: json.loads(a["configurationValues"]) for a in addons.values() if "configurationValues" in a
    }
    assert settings == {"vpc-cni": {"enableNetworkPolicy": "true"}}
    assert {a[f"resolveConflictsOn{when}"] for a in addons.values() for when in ("Create", "Update")} == {"OVERWRITE"}


@pytest.mark.parametrize(
    ("addon", "account"), [("vpc-cni", "aws-node"), ("aws-ebs-csi-driver", "ebs-csi-controller-sa")]
)
def test_an_addon_that_asks_aws_has_a_role_for_its_own_pods(recorded: Recorded, addon: str, account: str) -> None:
    role = f"main-{addon}-role"
    assert recorded.of_type("aws:eks/addon:Addon")[f"main-{addon}"]["podIdentityAssociations"] == [
        {"roleArn": f"arn:{role}", "serviceAccount": account}
    ]
    assert trust(recorded, role) == {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:SourceAccount": ACCOUNT,
                "aws:RequestTag/eks-cluster-name": "main",
                "aws:RequestTag/kubernetes-namespace": "kube-system",
                "aws:RequestTag/kubernetes-service-account": account,
            }
        },
    }


def test_what_nodes_need_comes_before_them_and_what_needs_nodes_after(options: Mapping[str, Options]) -> None:
    groups = {"main-intel-nodes", "main-arm-nodes", "main-runners-nodes"}
    for group in groups:
        assert options[group].after >= {"main-vpc-cni", "main-kube-proxy", "main-eks-pod-identity-agent"}
        assert options[group].after >= {
            "main-node-role-AmazonEKSWorkerNodeMinimalPolicy",
            "main-node-role-AmazonEC2ContainerRegistryPullOnly",
        }
    for addon in ("main-coredns", "main-aws-ebs-csi-driver"):
        assert options[addon].after >= groups
    assert "main-eks-pod-identity-agent" in options["main-tradeplane-system-operator"].after


def test_without_claims_of_volumes_there_is_no_driver_for_them(plain: tuple[Recorded, Mapping[str, Options]]) -> None:
    names = {addon["addonName"] for addon in plain[0].of_type("aws:eks/addon:Addon").values()}
    assert names == {"vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns"}
    assert not plain[0].of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")


def test_nodes_are_of_both_architectures_with_images_and_taints_of_theirs(recorded: Recorded) -> None:
    groups = recorded.of_type("aws:eks/nodeGroup:NodeGroup")
    told = {
        name: (g["amiType"], g["capacityType"], g["instanceTypes"], g["labels"], g["taints"])
        for name, g in groups.items()
    }
    dedicated = {"key": "tradeplane.dev/dedicated", "value": "runners", "effect": "NO_SCHEDULE"}
    arm64 = {"key": "kubernetes.io/arch", "value": "arm64", "effect": "NO_SCHEDULE"}
    assert told == {
        "main-intel-nodes": ("BOTTLEROCKET_x86_64", "ON_DEMAND", ["m7i.xlarge"], {}, []),
        "main-arm-nodes": ("AL2023_ARM_64_STANDARD", "ON_DEMAND", ["m8g.xlarge", "m7g.xlarge"], {}, [arm64]),
        "main-runners-nodes": (
            "BOTTLEROCKET_ARM_64",
            "SPOT",
            ["c7g.2xlarge"],
            {"tradeplane.dev/dedicated": "runners"},
            [dedicated],
        ),
    }


def test_nodes_are_of_the_clusters_version_in_its_subnets_and_nobody_logs_in_to_them(
    recorded: Recorded, options: Mapping[str, Options]
) -> None:
    for name, group in recorded.of_type("aws:eks/nodeGroup:NodeGroup").items():
        assert group["clusterName"] == "main"
        assert group["version"] == "1.35"
        assert group["nodeRoleArn"] == "arn:main-node-role"
        assert group["subnetIds"] == SUBNETS
        assert "remoteAccess" not in group
        assert group["updateConfig"] == {"maxUnavailable": 1}
        assert group["forceUpdateVersion"] is False
        assert group["nodeRepairConfig"] == {"enabled": True}
        template = f"{name.removesuffix('-nodes')}-template-id"
        assert group["launchTemplate"] == {"id": template, "version": "3"}
        assert options[name].ignores == ("scalingConfig.desiredSize",)
    sizes = {n: g["scalingConfig"] for n, g in recorded.of_type("aws:eks/nodeGroup:NodeGroup").items()}
    assert sizes["main-intel-nodes"] == {"minSize": 2, "maxSize": 6, "desiredSize": 2}
    assert sizes["main-runners-nodes"] == {"minSize": 0, "maxSize": 10, "desiredSize": 0}


def test_pods_cannot_take_the_role_of_their_node(recorded: Recorded) -> None:
    templates = recorded.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    assert set(templates) == {"main-intel-template", "main-arm-template", "main-runners-template"}
    for template in templates.values():
        assert template["metadataOptions"] == {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
            "instanceMetadataTags": "disabled",
        }
        assert not {"keyName", "iamInstanceProfile", "networkInterfaces", "userData"} & set(template)


def test_disks_of_nodes_are_encrypted_and_go_with_them(recorded: Recorded) -> None:
    templates = recorded.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    for template in templates.values():
        for disk in template["blockDeviceMappings"]:
            assert disk["ebs"]["encrypted"] == "true"
            assert disk["ebs"]["kmsKeyId"] == "arn:main-volumes-key"
            assert disk["ebs"]["deleteOnTermination"] == "true"
            assert disk["ebs"]["volumeType"] == "gp3"
    disks = {
        name: [(disk["deviceName"], disk["ebs"]["volumeSize"]) for disk in template["blockDeviceMappings"]]
        for name, template in templates.items()
    }
    assert disks["main-arm-template"] == [("/dev/xvda", 200)]
    assert disks["main-intel-template"] == [("/dev/xvda", 4), ("/dev/xvdb", 100)]
    assert uses_of_key(recorded, "main-volumes-key") == {
        "UseForVolumes": {"Effect": "Allow", "Principal": {"AWS": [SCALING]}, "Action": USE, "Resource": ["*"]},
        "GrantToVolumes": {
            "Effect": "Allow",
            "Principal": {"AWS": [SCALING]},
            "Action": GRANT,
            "Resource": ["*"],
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    }


def test_what_nodes_are_made_of_is_tagged_too(recorded: Recorded) -> None:
    for template in recorded.of_type("aws:ec2/launchTemplate:LaunchTemplate").values():
        assert {t["resourceType"]: t["tags"] for t in template["tagSpecifications"]} == dict.fromkeys(
            ("instance", "volume", "network-interface"), TAGS
        )
        assert template["updateDefaultVersion"] is True


def test_each_role_has_its_policy_in_its_scope(recorded: Recorded, options: Mapping[str, Options]) -> None:
    entries = recorded.of_type("aws:eks/accessEntry:AccessEntry")
    assert {entry["principalArn"] for entry in entries.values()} == {ADMIN, DEVELOPER, AUDITOR}
    for entry in entries.values():
        assert entry["clusterName"] == "main"
        assert entry["type"] == "STANDARD"
        assert "kubernetesGroups" not in entry
    granted = recorded.of_type("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS"
    assert {g["principalArn"]: (g["policyArn"].removeprefix(policy), g["accessScope"]) for g in granted.values()} == {
        ADMIN: ("ClusterAdminPolicy", {"type": "cluster"}),
        DEVELOPER: ("EditPolicy", {"type": "namespace", "namespaces": ["research", "paper"]}),
        AUDITOR: ("ViewPolicy", {"type": "cluster"}),
    }
    assert {g["clusterName"] for g in granted.values()} == {"main"}
    assert f"main-{ACCOUNT}-platform-admin" in options[f"main-{ACCOUNT}-platform-admin-cluster-admin"].after


def test_the_operators_pods_act_as_its_role(recorded: Recorded) -> None:
    identities = recorded.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert [
        (i["clusterName"], i["namespace"], i["serviceAccount"], i["roleArn"], i["disableSessionTags"])
        for i in identities.values()
    ] == [("main", "tradeplane-system", "operator", OPERATOR, False)]


def test_everything_is_in_the_region_and_tagged(recorded: Recorded) -> None:
    take_no_tags = {
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    }
    assert not untagged(recorded, take_no_tags)
    assert not not_in_region(recorded)


def test_outputs_are_how_the_cluster_is_reached_without_a_secret(recorded: Recorded) -> None:
    outputs = dict(recorded.outputs)
    reached = json.loads(outputs.pop("kubeconfig"))
    assert outputs == {
        "cluster_name": "main",
        "endpoint": "https://main.example",
        "certificate_authority": "Q0E=",
        "node_group_names": {"intel": "intel-1", "arm": "arm-1", "runners": "runners-1"},
        "log_group": "/aws/eks/main/cluster",
        "security_group_id": "sg-of-main",
    }
    assert reached["clusters"][0]["cluster"] == {
        "server": "https://main.example",
        "certificate-authority-data": "Q0E=",
    }
    assert reached["users"][0]["user"] == {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "aws",
            "args": ["eks", "get-token", "--cluster-name", "main", "--region", "eu-west-1"],
            "interactiveMode": "Never",
        }
    }
    context = reached["contexts"][0]
    assert reached["current-context"] == context["name"]
    assert (context["context"]["cluster"], context["context"]["user"]) == (
        reached["clusters"][0]["name"],
        reached["users"][0]["name"],
    )


def test_a_stack_of_another_region_is_refused() -> None:
    with pytest.raises(InvalidConfiguration, match=r"region: eu-west-1 is not that of stack prod\.us-east-1"):
        made("prod.us-east-1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kubernetes_version": "1.99"}, r"kubernetes_version: .*'1\.99' is not among .* 1\.34, 1\.35; a newer one"),
        ({"kubernetes_version": "latest"}, "kubernetes_version: "),
        ({"support": "NONE"}, "support: "),
        ({"addons": ADDONS | {"vpc_cni": "latest"}}, r"addons\.vpc_cni"),
        ({"addons": ADDONS | {"coredns": "v1.12.4"}}, r"addons\.coredns"),
        ({"addons": {"vpc_cni": ADDONS["vpc_cni"]}}, r"addons\.kube_proxy: Field required"),
        ({"node_groups": [INTEL, ARM | {"name": "intel"}]}, "node_groups: each name once"),
        ({"node_groups": [INTEL, INTEL | {"name": "b"}]}, "node_groups: none of arm64; runs are replayed on both"),
        ({"node_groups": [ARM, RUNNERS]}, "node_groups: none of amd64"),
        ({"node_groups": [INTEL]}, "node_groups: "),
        ({"node_groups": [INTEL | {"min_size": 0}, ARM]}, "node_groups: one without taints and of min_size 1"),
        ({"node_groups": [INTEL | {"dedicated": "x"}, ARM]}, "node_groups: one without taints and of min_size 1"),
        (
            {"node_groups": [INTEL, ARM | {"instance_types": ["r9g.large"]}]},
            r"instance_types of node group arm: region eu-west-1 offers no r9g\.large; eu-west-1 offers c6g",
        ),
        (
            {"node_groups": [INTEL, ARM | {"instance_types": ["m7g.large", "m7i.large"]}]},
            r"instance_types of node group arm: m7i\.large is no arm64",
        ),
        (
            {"node_groups": [INTEL | {"instance_types": ["m7g.large"]}, ARM]},
            r"node_groups\.0: .*instance_types: m7g\.large",
        ),
        ({"node_groups": [INTEL | {"instance_types": []}, ARM]}, r"node_groups\.0\.instance_types"),
        ({"node_groups": [INTEL | {"instance_types": ["m7i"]}, ARM]}, r"node_groups\.0\.instance_types\.0"),
        ({"node_groups": [INTEL | {"min_size": 7}, ARM]}, r"node_groups\.0: .*min_size: 7 of node group intel"),
        ({"node_groups": [INTEL | {"min_size": -1}, ARM]}, r"node_groups\.0\.min_size"),
        ({"node_groups": [INTEL | {"disk_gib": 10}, ARM]}, r"node_groups\.0\.disk_gib"),
        ({"node_groups": [INTEL | {"image": "al2"}, ARM]}, r"node_groups\.0\.image"),
        ({"node_groups": [INTEL | {"architecture": "riscv64"}, ARM]}, r"node_groups\.0\.architecture"),
        ({"node_groups": [INTEL | {"ssh_key": "me"}, ARM]}, r"node_groups\.0\.ssh_key: Extra inputs"),
        ({"access": []}, "access: "),
        ({"access": [{"role": ADMIN, "policy": "view"}]}, "access: at least one role of policy cluster-admin"),
        ({"access": [{"role": ADMIN, "policy": "cluster-admin"}] * 2}, "access: each role once"),
        ({"access": [{"role": "*", "policy": "cluster-admin"}]}, r"access\.0\.role"),
        (
            {"access": [{"role": ADMIN, "policy": "cluster-admin", "namespaces": ["a"]}]},
            r"access\.0: .*namespaces: cluster-admin is of the whole cluster",
        ),
        ({"access": [{"role": ADMIN, "policy": "edit"}]}, r"access\.0: .*namespaces: edit is given in namespaces"),
        ({"access": [{"role": ADMIN, "policy": "admin"}]}, r"access\.0: .*namespaces: admin is given in namespaces"),
        ({"access": [{"role": ADMIN, "policy": "view", "namespaces": ["*"]}]}, r"access\.0\.namespaces\.0"),
        ({"pod_identities": CLUSTER["pod_identities"] * 2}, "pod_identities: each service account once"),
        (
            {"pod_identities": [{"namespace": "*", "service_account": "operator", "role": OPERATOR}]},
            r"pod_identities\.0\.namespace",
        ),
        ({"reached_from": ["0.0.0.0/0"]}, r"reached_from\.0: .*no private network"),
        ({"reached_from": [f"10.99.{n}.0/24" for n in range(17)]}, "reached_from: .*at most 16"),
        ({"log_retention_days": 30}, "log_retention_days"),
        ({"deletion_protection": "perhaps"}, "deletion_protection"),
        ({"endpoint_public_access": True}, "endpoint_public_access: Extra inputs"),
        ({"region": "us-gov-west-1"}, "administrator_roles: .*role.* is not of aws-us-gov"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(**changes)


def test_a_region_that_is_not_known_to_have_arm64_is_refused() -> None:
    changes = {"region": "us-gov-west-1", "administrator_roles": [ADMINISTRATOR.replace("arn:aws:", "arn:aws-us-gov:")]}
    with pytest.raises(
        InvalidConfiguration, match="node group arm: region us-gov-west-1 is not in the table of Graviton"
    ):
        config(**changes)
