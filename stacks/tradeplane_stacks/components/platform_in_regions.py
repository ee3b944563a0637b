"""tradeplane in each region of a service: the same on each cluster, with what is of the region beside it.

A cluster has its own provider of Kubernetes, by the kubeconfig that its stack gives: whoever runs Pulumi is who the
cluster knows by a role of IAM, and no credentials are kept. Everything on it is made after that provider, which is made
after what the operator needs, and is removed before it.

Roles are given by EKS Pod Identity: it says of a session which namespace it is of, by which the store tells runs apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes
from pulumi_aws import eks

from tradeplane_stacks.components.ledger_login import LedgerLogin
from tradeplane_stacks.components.platform import Platform
from tradeplane_stacks.components.platform_in_regions_config import PlatformInRegionsConfig, Told
from tradeplane_stacks.components.platform_layer import OPERATOR, RUNNER, SYSTEM
from tradeplane_stacks.components.platform_ledger_layer import RECORDER
from tradeplane_stacks.components.platform_order import Object
from tradeplane_stacks.components.platform_secrets import ledger_login
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import TaggedComponent, required_tags


@dataclass(frozen=True)
class Beneath:
    """What a platform of one region stands on: outputs of its cluster, and of what all regions have."""

    cluster_name: str
    kubeconfig: str
    runner_role: str
    """As whom runs of all namespaces reach the store."""
    told: Told
    ledger_login: LedgerLogin | None = None
    """Where the ledger's database is in this region."""


class PlatformInRegions(TaggedComponent):
    """A platform on the cluster of each region, and the roles of what runs there."""

    kinds: pulumi.Output[dict[str, list[str]]]
    """The kinds that are served, by region."""

    namespaces: pulumi.Output[dict[str, list[str]]]
    """The namespaces that run work, by region."""

    def __init__(
        self,
        name: str,
        config: PlatformInRegionsConfig,
        stack: StackName,
        beneath: Mapping[str, Beneath],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install it; ``beneath`` is by region, and ``after`` is what the operator uses from its start."""
        super().__init__("PlatformInRegions", name, required_tags(stack, config.ownership), opts)
        self._name, self._config, self._after = name, config, after
        made = {}
        for region in config.regions:
            there, beside = self._on(region, beneath[region]), self._beside(beneath[region])
            told = config.of_region(beneath[region].told)
            made[region] = Platform(f"{name}-{region}", told, stack, beside, there)
        self.kinds = pulumi.Output.all(**{region: one.kinds for region, one in made.items()})
        self.namespaces = pulumi.Output.all(**{region: one.namespaces for region, one in made.items()})
        self.register_outputs({"kinds": self.kinds, "namespaces": self.namespaces})

    def _on(self, region: str, beneath: Beneath) -> pulumi.ResourceOptions:
        """Return what has a platform made on a region's cluster, once its accounts have their roles."""
        identities = self._identities(region, beneath)
        provider = pulumi_kubernetes.Provider(
            f"{self._name}-{region}-cluster",
            kubeconfig=beneath.kubeconfig,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*self._after, *identities]),
        )
        return pulumi.ResourceOptions(parent=self, provider=provider)

    def _beside(self, beneath: Beneath) -> list[Object]:
        ledger, login = self._config.ledger, beneath.ledger_login
        return [] if ledger is None or login is None else [ledger_login(login.url, ledger.ca)]

    def _identities(self, region: str, beneath: Beneath) -> list[eks.PodIdentityAssociation]:
        accounts = {(SYSTEM, OPERATOR): self._config.operator_role}
        accounts |= {(namespace.name, RUNNER): beneath.runner_role for namespace in self._config.namespaces}
        if beneath.ledger_login is not None:
            accounts[SYSTEM, RECORDER] = beneath.ledger_login.role
        return [
            eks.PodIdentityAssociation(
                f"{self._name}-{region}-{namespace}-{account}",
                cluster_name=beneath.cluster_name,
                namespace=namespace,
                service_account=account,
                role_arn=role,
                disable_session_tags=False,
                region=region,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[*self._after]),
            )
            for (namespace, account), role in accounts.items()
        ]
