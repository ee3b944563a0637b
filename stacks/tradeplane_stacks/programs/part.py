"""A part of a program: one component, which part of the configuration it is made by, and what else it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.programs.references import Outputs, Reference, StackOutputs


@dataclass(frozen=True)
class Surroundings:
    """What is there when a part is made: its configuration, what other stacks gave, and the parts before it."""

    stack: StackName
    config: Configuration
    read: Mapping[tuple[Reference[Any], str], StackOutputs]
    """By what was read, and the region that it is of."""
    made: Mapping[str, pulumi.ComponentResource]
    configs: Mapping[str, Configuration]
    """Configurations of all parts that are configured, by their keys."""

    def outputs(self, reference: Reference[Outputs]) -> Outputs:
        """Return what another stack gave, to a part of one region; the part names the reference in its ``reads``."""
        (region,) = regions_read(self.config)
        return self.outputs_in(reference, region)

    def outputs_in(self, reference: Reference[Outputs], region: str) -> Outputs:
        """Return what the stack of one of a part's regions gave."""
        return cast("Outputs", self.read[reference, region])


def regions_read(config: Configuration) -> tuple[str, ...]:
    """Return the regions whose stacks a part reads: those of its configuration, or the one that it has."""
    # Of which type it is, is the part's to say.
    several: tuple[str, ...] | None = getattr(config, "regions", None)
    return (str(getattr(config, "region")),) if several is None else several  # noqa: B009 - as above


def _nothing(_: Surroundings) -> Mapping[str, Any]:
    return {}


def _fits(_: Mapping[str, Configuration]) -> None:
    return None


@dataclass(frozen=True)
class Part:
    """A component of a program: the key of its configuration, and how it is made.

    What a component's class declares (``public_keys: pulumi.Output[...]``) are its outputs, and the stack's.
    """

    key: str
    component: type[pulumi.ComponentResource]
    config: type[Configuration]
    reads: tuple[Reference[Any], ...] = ()
    """What it needs of other programs' stacks; its configuration has ``region``, or ``regions`` if it is of several."""
    takes: Callable[[Surroundings], Mapping[str, Any]] = _nothing
    """What its component is constructed by, beside its name, its configuration and its stack."""
    after: tuple[str, ...] = ()
    """Keys of parts without which it cannot be."""
    fits: Callable[[Mapping[str, Configuration]], None] = _fits
    """Raises InvalidConfiguration where its configuration does not fit those of the parts it comes after."""

    def make(self, surroundings: Surroundings) -> pulumi.ComponentResource:
        """Make the component."""
        name = surroundings.stack.component(self.key)
        made: Any = self.component
        component: pulumi.ComponentResource = made(
            name, surroundings.config, stack=surroundings.stack, **self.takes(surroundings)
        )
        return component

    def read_of(self, stack: StackName, config: Configuration) -> tuple[tuple[Reference[Any], StackName], ...]:
        """Return what it reads of which stacks: those of the environment, in the regions of its configuration."""
        if not self.reads:
            return ()
        stacks = [StackName(stack.environment, region) for region in regions_read(config)]
        return tuple((reference, one) for reference in self.reads for one in stacks)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of its outputs."""
        return tuple(name for name in self.component.__annotations__ if not name.startswith("_"))
