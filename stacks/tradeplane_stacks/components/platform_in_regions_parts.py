"""Whether a platform's regions have what it is made by: decided from configurations, before anything is made."""

from collections.abc import Iterator
from dataclasses import dataclass

from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.failover_config import FailoverConfig
from tradeplane_stacks.components.failover_replication import Replicated
from tradeplane_stacks.components.metadata_database_config import MetadataDatabaseConfig
from tradeplane_stacks.components.platform_config import S3Store
from tradeplane_stacks.components.platform_in_regions_config import PlatformInRegionsConfig, Told
from tradeplane_stacks.components.platform_ledger import Ledger


@dataclass(frozen=True)
class PlatformParts:
    """The configurations of what a platform is made by."""

    replicated: Replicated
    failover: FailoverConfig | None
    metadata_database: MetadataDatabaseConfig | None

    def check(self, config: PlatformInRegionsConfig) -> None:
        """Refuse a region that lacks what a platform is made by, and what cannot be together on any cluster.

        Raises:
            InvalidConfiguration: naming each field that is to be otherwise.

        """
        self.replicated.check(config, "platform")
        if faults := [*self._leading(config), *self._recording(config)]:
            raise InvalidConfiguration("; ".join(faults))
        for region in config.regions:
            config.of_region(self._told(region, Ledger() if config.ledger is not None else None))

    def _leading(self, config: PlatformInRegionsConfig) -> Iterator[str]:
        others = [region for region in config.regions if self.failover and region not in self.failover.regions]
        if others:
            yield f"failover.regions: {', '.join(others)} missing, where an operator would lead whichever is active"

    def _recording(self, config: PlatformInRegionsConfig) -> Iterator[str]:
        if config.ledger is not None:
            others = (config.operator_role, self.replicated.snapshot_store.runner_role)
            yield from config.ledger.faults(self.metadata_database, config.account, config.regions, others)

    def _told(self, region: str, ledger: Ledger | None) -> Told:
        """Return what will be told of a region, but for names that are the stack's."""
        registry, store = self.replicated.artifact_registry, self.replicated.snapshot_store
        return Told(
            store=S3Store(kind="s3", url=f"s3://{store.bucket_name(region)}", region=region),
            results=f"{registry.registry(region)}/{registry.results}",
            signer="awskms:///alias/of-the-stack",
            repositories={image: f"{registry.registry(region)}/{image}" for image in registry.images},
            ledger=ledger,
        )
