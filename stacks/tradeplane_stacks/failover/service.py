"""A service of several regions, as the configuration of its stack says it: names and regions, without asking AWS."""

from dataclasses import dataclass
from pathlib import Path

from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.automation.stack_files import read_values
from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.failover_config import FailoverConfig
from tradeplane_stacks.components.failover_replication import Replicated
from tradeplane_stacks.components.signing_key import SigningKeyConfig
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig
from tradeplane_stacks.components.stack_name import InvalidStackName, StackName
from tradeplane_stacks.programs.program import Program

_PARTS = {
    "failover": FailoverConfig,
    "signing_key": SigningKeyConfig,
    "snapshot_store": SnapshotStoreConfig,
    "artifact_registry": ArtifactRegistryConfig,
}


@dataclass(frozen=True)
class Service:
    """What is moved: its regions, and what is to be in each of them."""

    stack: StackName
    failover: FailoverConfig
    replicated: Replicated

    @property
    def table(self) -> str:
        """The table of the record, which is the name of the service as well."""
        return self.stack.component("failover")

    @property
    def key_alias(self) -> str:
        """The alias of the key that signs, in each region."""
        return f"alias/{self.stack.component('signing_key')}"


def read_service(folder: Path, name: str, program: Program) -> Service:
    """Read the service of a stack from ``Pulumi.STACK.yaml``.

    Raises:
        StackInvalid: when there is no such file, or it configures no failover, or not what one needs.
        ConfigurationRefused: when a field of it is not valid.
        InvalidConfiguration: when its regions are no one service.

    """
    try:
        stack = StackName.parse(name)
    except InvalidStackName as error:
        raise StackInvalid(f"{name!r} is no name of a stack: {error}") from error
    file = folder / f"Pulumi.{name}.yaml"
    configs = program.read(name, read_values(file, program.project))
    missing = [f"{program.project}:{key}" for key in _PARTS if key not in configs]
    if missing:
        raise StackInvalid(
            f"{file}: stack {name} cannot be moved: {', '.join(missing)} missing", "configure it, and run `up`"
        )
    config, key, store, registry = (configs[part] for part in _PARTS)
    assert isinstance(config, FailoverConfig)  # noqa: S101 - by the program's own table
    assert isinstance(key, SigningKeyConfig)  # noqa: S101
    assert isinstance(store, SnapshotStoreConfig)  # noqa: S101
    assert isinstance(registry, ArtifactRegistryConfig)  # noqa: S101
    replicated = Replicated(key, store, registry)
    replicated.check(config)
    return Service(stack, config, replicated)
