"""Whether what a service needs is in each of its regions: decided from configurations, before anything is made.

A region that has no replica of the key cannot sign, and one without the store or the registry has nothing to go on
with. That would be found out on the day of a failover.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.signing_key import SigningKeyConfig
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig


class InRegions(Protocol):
    """A configuration of what is to be in several regions, each time by what is the same there."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Where it is."""
        ...

    @property
    def account(self) -> str:
        """Whose it is."""
        ...

    @property
    def operator_role(self) -> str:
        """Whom it is for."""
        ...


@dataclass(frozen=True)
class Replicated:
    """What is to be the same in each region of a service: the configurations of its parts."""

    signing_key: SigningKeyConfig
    snapshot_store: SnapshotStoreConfig
    artifact_registry: ArtifactRegistryConfig

    def check(self, config: InRegions, key: str = "failover") -> None:
        """Refuse parts that are not in each region of the service, which is configured under a key.

        Raises:
            InvalidConfiguration: naming each field of each part that is to be otherwise.

        """
        if faults := [*self._missing(config, key), *self._of_others(config, key)]:
            raise InvalidConfiguration(f"regions {', '.join(config.regions)} are no one service: {'; '.join(faults)}")

    def _missing(self, config: InRegions, key: str) -> Iterator[str]:
        has = {
            "signing_key.replica_regions": self.signing_key.regions,
            "snapshot_store.regions": self.snapshot_store.regions,
            "artifact_registry.regions": self.artifact_registry.regions,
        }
        for field, regions in has.items():
            if missing := [region for region in config.regions if region not in regions]:
                yield f"{field}: {', '.join(missing)} missing, which {key}.regions has"

    def _of_others(self, config: InRegions, key: str) -> Iterator[str]:
        """Find what is of another account, or for another operator: what is checked would not be what is used."""
        for part in ("snapshot_store", "artifact_registry"):
            account = getattr(self, part).account
            if account != config.account:
                yield f"{part}.account: {account} is not {key}.account, {config.account}"
        for part in ("signing_key", "snapshot_store", "artifact_registry"):
            role = getattr(self, part).operator_role
            if role != config.operator_role:
                yield f"{part}.operator_role: {role} is not {key}.operator_role, {config.operator_role}"
