"""Types of ECR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws_rows import Row, RowType

if TYPE_CHECKING:
    from tests.integration.stacks.providers.frame import Properties

_EMPTY_SCANNING = {"scanType": "BASIC", "rules": []}


class OfRegistry(RowType):
    """What is set of the registry of an account in a region, and taken back by setting nothing."""

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Set it again."""
        self.create(new)

    def replaced_by(self, key: str) -> bool:
        """Only in another region it is another."""
        return key == "region"


class RepositoryPolicy(OfRegistry):
    """Who may do what with a repository."""

    def replaced_by(self, key: str) -> bool:
        """Of another repository it is another."""
        return key in ("repository", "region")


def _of_template(member: str) -> Any:
    return "UpdateRepositoryCreationTemplate", lambda one, value: {"prefix": one, member: value}


TYPES = (
    RowType(
        Row(
            kind="ecr/repository:Repository",
            service="ecr",
            create="CreateRepository",
            made="repository.repositoryName",
            describe="DescribeRepositories",
            found="repositories",
            delete="DeleteRepository",
            by=lambda one: {"repositoryNames": [one]},
            removed_by=lambda one: {"repositoryName": one},
            names={"name": "repositoryName", "encryptionConfigurations": "encryptionConfiguration"},
            settings={"forceDelete": bool},
            changes={
                "imageTagMutability": (
                    "PutImageTagMutability",
                    lambda one, value: {"repositoryName": one, "imageTagMutability": value},
                ),
                "imageScanningConfiguration": (
                    "PutImageScanningConfiguration",
                    lambda one, value: {"repositoryName": one, "imageScanningConfiguration": value},
                ),
            },
            untold=frozenset({"tags"}),
            outputs={"arn": "repositoryArn", "repositoryUrl": "repositoryUri"},
            named="name",
            gone=frozenset({"RepositoryNotFoundException"}),
        )
    ),
    RepositoryPolicy(
        Row(
            kind="ecr/repositoryPolicy:RepositoryPolicy",
            service="ecr",
            create="SetRepositoryPolicy",
            made="=repository",
            describe="GetRepositoryPolicy",
            found="",
            delete="DeleteRepositoryPolicy",
            by=lambda one: {"repositoryName": one},
            removed_by=lambda one: {"repositoryName": one},
            names={"repository": "repositoryName", "policy": "policyText"},
            gone=frozenset({"RepositoryNotFoundException", "RepositoryPolicyNotFoundException"}),
        )
    ),
    OfRegistry(
        Row(
            kind="ecr/registryScanningConfiguration:RegistryScanningConfiguration",
            service="ecr",
            create="PutRegistryScanningConfiguration",
            made="=region",
            describe="GetRegistryScanningConfiguration",
            found="scanningConfiguration",
            delete="PutRegistryScanningConfiguration",
            by=lambda _: {},
            removed_by=lambda _: _EMPTY_SCANNING,
        )
    ),
    OfRegistry(
        Row(
            kind="ecr/replicationConfiguration:ReplicationConfiguration",
            service="ecr",
            create="PutReplicationConfiguration",
            made="=region",
            describe="DescribeRegistry",
            found="",
            delete="PutReplicationConfiguration",
            by=lambda _: {},
            removed_by=lambda _: {"replicationConfiguration": {"rules": []}},
        )
    ),
    RowType(
        Row(
            kind="ecr/repositoryCreationTemplate:RepositoryCreationTemplate",
            service="ecr",
            create="CreateRepositoryCreationTemplate",
            made="=prefix",
            describe="DescribeRepositoryCreationTemplates",
            found="repositoryCreationTemplates",
            delete="DeleteRepositoryCreationTemplate",
            by=lambda one: {"prefixes": [one]},
            removed_by=lambda one: {"prefix": one},
            names={"appliedFors": "appliedFor", "encryptionConfigurations": "encryptionConfiguration"},
            changes={name: _of_template(name) for name in ("description", "imageTagMutability", "repositoryPolicy")},
            unchangeable=frozenset({"appliedFors", "customRoleArn", "encryptionConfigurations", "resourceTags"}),
            gone=frozenset({"TemplateNotFoundException"}),
        )
    ),
)
