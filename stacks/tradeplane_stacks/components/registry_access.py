"""Who may do what in an ArtifactRegistry: policies of its repositories and roles, decided without AWS.

Of pushes there is one list for each kind of repository, and everybody else is refused, whatever IAM allows them: what
lies among the results was pushed by the operator. Nobody removes: neither images, which results name by digest, nor
results; nor does a lifecycle policy, since an attestation has no tag of its own, and goes with what "has no tag".
"""

from collections.abc import Sequence

from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.data_key import Use, grants_to_service
from tradeplane_stacks.components.placement import service_host
from tradeplane_stacks.components.policy_documents import EVERYONE, Document, document, roles, service, statement

PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
LIST = ["ecr:DescribeImages", "ecr:ListImageReferrers", "ecr:ListImages"]
REMOVE = ["ecr:BatchDeleteImage", "ecr:PutLifecyclePolicy"]
# What nobody made by a program has no protection there, so that its policy is the only one.
UNDO = ["ecr:DeleteRepository", "ecr:PutImageTagMutability"]


def images_policy(config: ArtifactRegistryConfig) -> str:
    """Return the policy of a repository of images: published by some, pulled by nodes and looked at by the operator."""
    pullers = [*config.publisher_roles, *config.node_roles, config.operator_role, *config.auditor_roles]
    readers = [config.operator_role, *config.auditor_roles]
    return document(
        _allow("Pull", pullers, PULL),
        _allow("List", readers, LIST),
        *_pushes(config.publisher_roles),
        statement("RefuseRemoval", "Deny", REMOVE, principal=EVERYONE),
    )


def results_policy(config: ArtifactRegistryConfig) -> str:
    """Return the policy of a repository of results: pushed by the operator, read by it and by auditors."""
    readers = [config.operator_role, *config.auditor_roles]
    return document(
        _allow("Read", readers, [*PULL, *LIST]),
        *_pushes([config.operator_role]),
        statement("RefuseRemoval", "Deny", [*REMOVE, *UNDO], principal=EVERYONE),
    )


def operator_policy(config: ArtifactRegistryConfig) -> str:
    """Return what the operator's own role needs: to log in, and to make a repository of results by pushing to it.

    IAM knows the first on all resources alone, and no policy of a repository can give it.
    """
    return document(
        statement("LogIn", "Allow", ["ecr:GetAuthorizationToken"], ["*"]),
        statement(
            "MakeByPushing",
            "Allow",
            ["ecr:CreateRepository"],
            [config.results_arn(region) for region in config.regions],
        ),
    )


def creation_trust() -> str:
    """Return who may be the role that makes repositories by a template: ECR.

    Source: Amazon ECR User Guide, "Creating an IAM role for repository creation templates".
    """
    return document(statement("Create", "Allow", ["sts:AssumeRole"], principal=service("ecr.amazonaws.com")))


def creation_policy(config: ArtifactRegistryConfig) -> str:
    """Return what the role that makes repositories by a template may do, to repositories of results alone."""
    return document(
        statement(
            "Create",
            "Allow",
            ["ecr:CreateRepository", "ecr:ReplicateImage", "ecr:TagResource"],
            [config.results_arn(region) for region in config.regions],
        )
    )


def key_uses(config: ArtifactRegistryConfig, region: str, creation_role: str) -> list[Use]:
    """Return who uses a region's key: ECR alone, by grants from those that make repositories.

    Who pushes and pulls needs nothing of the key (Amazon ECR User Guide, "Encryption at rest").
    """
    host = service_host("ecr", region)
    makers = [*config.administrator_roles, creation_role]
    through = {"StringEquals": {"kms:ViaService": host}}
    return [
        grants_to_service("GrantToRegistry", makers, host),
        Use("RetireGrants", roles(makers), ["kms:DescribeKey", "kms:RetireGrant"], through),
    ]


def _allow(sid: str, arns: Sequence[str], actions: Sequence[str]) -> Document:
    return statement(sid, "Allow", actions, principal=roles(arns))


def _pushes(arns: Sequence[str]) -> list[Document]:
    others = {"ArnNotEquals": {"aws:PrincipalArn": list(arns)}}
    return [_allow("Push", arns, PUSH), statement("RefusePushes", "Deny", PUSH, principal=EVERYONE, condition=others)]
