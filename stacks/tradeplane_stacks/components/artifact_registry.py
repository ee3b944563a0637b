"""The registry of images, results and what attests them: Amazon ECR, in each region the same.

Tags are immutable. Nothing here moves one: images and runs are referred to by digest, a run's tag is its name, and
attestations hang on what they are about by ECR's list of referrers, which needs no tag (the fallback tag ``sha256-...``
is rewritten, but only where a registry has no such list).

A repository of images is made here. One of results is made when the operator first pushes a Strategy's, or a copy comes
from another region, by a template that says the same of it: a copy brings neither immutability nor policy along.

Which regions a registry copies to, and how it scans, are settings of an account's whole registry: there is one
ArtifactRegistry an account.
"""

import pulumi
from pulumi_aws import ecr, iam, kms

from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.data_key import data_key, data_key_policy
from tradeplane_stacks.components.registry_access import (
    creation_policy,
    creation_trust,
    images_policy,
    key_uses,
    operator_policy,
    results_policy,
)
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import TaggedComponent, required_tags

SCAN_FREQUENCY = {"BASIC": "SCAN_ON_PUSH", "ENHANCED": "CONTINUOUS_SCAN"}


class ArtifactRegistry(TaggedComponent):
    """The repositories of all regions, and what copies between them."""

    image_repositories: dict[str, dict[str, str]]
    """Where each image is pushed to and pulled from, by region and by its name."""

    results: dict[str, str]
    """``evidence.registry`` of the operator's settings, by region."""

    key_arns: pulumi.Output[dict[str, str]]
    """The key of each region's repositories."""

    def __init__(
        self, name: str, config: ArtifactRegistryConfig, stack: StackName, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self._tags = required_tags(stack, config.ownership)
        super().__init__("ArtifactRegistry", name, self._tags, opts)
        self._name, self._config = name, config
        self._children = pulumi.ResourceOptions(parent=self)
        creation = self._creation_role()
        iam.RolePolicy(
            f"{name}-operator",
            role=config.operator_role.rsplit("/", 1)[-1],
            policy=operator_policy(config),
            opts=self._children,
        )
        keys = {region: self._key(region, creation) for region in config.regions}
        made: list[pulumi.Resource] = []
        for region, key in keys.items():
            self._scan(region)
            made += [self._repository(region, image, key) for image in config.images]
            made.append(self._template(region, key, creation))
        # Where there is nothing to copy to yet, ECR would make a repository by no template.
        for region in config.regions if len(config.regions) > 1 else ():
            self._replicate(region, made)
        hosts = {region: config.registry(region) for region in config.regions}
        self.image_repositories = {
            region: {image: f"{host}/{image}" for image in config.images} for region, host in hosts.items()
        }
        self.results = {region: f"{host}/{config.results}" for region, host in hosts.items()}
        self.key_arns = pulumi.Output.all(**{region: key.arn for region, key in keys.items()})
        self.register_outputs(
            {"image_repositories": self.image_repositories, "results": self.results, "key_arns": self.key_arns}
        )

    def _creation_role(self) -> iam.Role:
        role = iam.Role(
            f"{self._name}-creation",
            assume_role_policy=creation_trust(),
            description="Makes repositories of results as they are pushed or copied",
            opts=self._children,
        )
        iam.RolePolicy(
            f"{self._name}-creation-policy", role=role.name, policy=creation_policy(self._config), opts=self._children
        )
        return role

    def _key(self, region: str, creation: iam.Role) -> kms.Key:
        config = self._config
        policy = creation.arn.apply(
            lambda arn: data_key_policy(config.administrator_roles, key_uses(config, region, arn))
        )
        return data_key(
            f"{self._name}-{region}-key",
            region,
            config.deletion_window_days,
            policy,
            f"Encrypts the registry of {region}",
            self._children,
        )

    def _repository(self, region: str, image: str, key: kms.Key) -> ecr.RepositoryPolicy:
        name = f"{self._name}-{region}-{image.replace('/', '-')}"
        repository = ecr.Repository(
            name,
            name=image,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=key.arn)
            ],
            force_delete=False,
            region=region,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        return ecr.RepositoryPolicy(
            f"{name}-policy",
            repository=repository.name,
            policy=images_policy(self._config),
            region=region,
            opts=self._children,
        )

    def _template(self, region: str, key: kms.Key, creation: iam.Role) -> ecr.RepositoryCreationTemplate:
        return ecr.RepositoryCreationTemplate(
            f"{self._name}-{region}-results",
            prefix=self._config.results,
            applied_fors=["CREATE_ON_PUSH", "REPLICATION"],
            description="Results of runs, and what attests them",
            image_tag_mutability="IMMUTABLE",
            encryption_configurations=[
                ecr.RepositoryCreationTemplateEncryptionConfigurationArgs(encryption_type="KMS", kms_key=key.arn)
            ],
            repository_policy=results_policy(self._config),
            custom_role_arn=creation.arn,
            # Not called tags, so that the component's are not added to it.
            resource_tags=self._tags,
            region=region,
            opts=self._children,
        )

    def _scan(self, region: str) -> None:
        """Scan images; results are data, in which a scanner finds no packages."""
        filters = [
            ecr.RegistryScanningConfigurationRuleRepositoryFilterArgs(filter=image, filter_type="WILDCARD")
            for image in self._config.images
        ]
        scanning = self._config.scanning
        ecr.RegistryScanningConfiguration(
            f"{self._name}-{region}-scanning",
            scan_type=scanning,
            rules=[
                ecr.RegistryScanningConfigurationRuleArgs(
                    scan_frequency=SCAN_FREQUENCY[scanning], repository_filters=filters
                )
            ],
            region=region,
            opts=self._children,
        )

    def _replicate(self, region: str, made: list[pulumi.Resource]) -> None:
        config = self._config
        destination = ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArgs
        by_name = ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArgs
        rule = ecr.ReplicationConfigurationReplicationConfigurationRuleArgs(
            destinations=[
                destination(region=other, registry_id=config.account) for other in config.regions if other != region
            ],
            repository_filters=[
                by_name(filter=prefix, filter_type="PREFIX_MATCH") for prefix in (*config.images, f"{config.results}/")
            ],
        )
        ecr.ReplicationConfiguration(
            f"{self._name}-{region}-replication",
            replication_configuration=ecr.ReplicationConfigurationReplicationConfigurationArgs(rules=[rule]),
            region=region,
            opts=pulumi.ResourceOptions(parent=self, depends_on=made),
        )
