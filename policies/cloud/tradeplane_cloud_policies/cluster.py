"""Rules of EKS and its machines: no way in from outside, and none from a pod to its node's identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_cloud_policies.access_documents import values
from tradeplane_cloud_policies.rules import Check, Rule, first

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGS = {"api", "audit", "authenticator", "controllerManager", "scheduler"}


def _network(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return first(properties.get("vpcConfig"))


def _encrypts_secrets(properties: Mapping[str, Any]) -> bool:
    encryption = first(properties.get("encryptionConfig"))
    return "secrets" in values(encryption.get("resources")) and bool(first(encryption.get("provider")).get("keyArn"))


def _encrypts_volumes(properties: Mapping[str, Any]) -> bool:
    volumes = [first(one.get("ebs")) for one in values(properties.get("blockDeviceMappings"))]
    return bool(volumes) and all(str(volume.get("encrypted")).lower() == "true" for volume in volumes)


RULES = (
    Rule(
        "eks-cluster",
        "The API server is reached from inside, by named principals, and says what was done.",
        ("aws:eks/cluster:Cluster",),
        (
            Check(
                "vpcConfig.endpointPublicAccess: set it to false; true is what AWS takes where it is left out",
                lambda p: _network(p).get("endpointPublicAccess") is False,
            ),
            Check(
                "vpcConfig.endpointPrivateAccess: set it to true",
                lambda p: _network(p).get("endpointPrivateAccess") is True,
            ),
            Check("encryptionConfig: encrypt secrets by a key of your own", _encrypts_secrets),
            Check(
                f"enabledClusterLogTypes: set all of {', '.join(sorted(LOGS))}",
                lambda p: set(values(p.get("enabledClusterLogTypes"))) >= LOGS,
            ),
            Check(
                "accessConfig.authenticationMode: set it to API; a ConfigMap gives access that no log of AWS has",
                lambda p: first(p.get("accessConfig")).get("authenticationMode") == "API",
            ),
            Check(
                "accessConfig.bootstrapClusterCreatorAdminPermissions: set it to false",
                lambda p: first(p.get("accessConfig")).get("bootstrapClusterCreatorAdminPermissions") is False,
            ),
        ),
    ),
    Rule(
        "eks-node-group",
        "Nodes are made by a launch template, and nobody logs in to them.",
        ("aws:eks/nodeGroup:NodeGroup",),
        (
            Check(
                "launchTemplate: name one; the metadata service is closed there",
                lambda p: bool(p.get("launchTemplate")),
            ),
            Check("remoteAccess: leave it out", lambda p: not p.get("remoteAccess")),
        ),
    ),
    Rule(
        "ec2-launch-template",
        "No pod can ask for its node's identity, and no disk is in the clear.",
        ("aws:ec2/launchTemplate:LaunchTemplate",),
        (
            Check(
                "metadataOptions.httpTokens: set it to required",
                lambda p: first(p.get("metadataOptions")).get("httpTokens") == "required",
            ),
            Check(
                "metadataOptions.httpPutResponseHopLimit: set it to 1, which no pod is near enough for",
                lambda p: first(p.get("metadataOptions")).get("httpPutResponseHopLimit") == 1,
            ),
            Check("blockDeviceMappings: encrypt each volume", _encrypts_volumes),
            Check("keyName: leave it out; nobody logs in to a node", lambda p: not p.get("keyName")),
        ),
    ),
    Rule(
        "ec2-instance",
        "Machines are made by node groups.",
        ("aws:ec2/instance:Instance", "aws:ec2/spotInstanceRequest:SpotInstanceRequest"),
        (Check("use a node group: a machine by itself is replaced and patched by nobody", lambda _: False),),
    ),
)
