"""An environment: the stacks of its regions and the one for all of them, in the order in which one reads another.

Networks come before clusters, and those before what all regions share; what is removed goes the other way. All of
their configurations are looked at before anything is done with one of them, as half an environment is no environment.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tradeplane_stacks.automation.errors import (
    StackAwaited,
    StackError,
    StackExists,
    StackInterrupted,
    StackInvalid,
    StackMissing,
)
from tradeplane_stacks.automation.interrupts import finishing_on_interrupt
from tradeplane_stacks.automation.pulumi_program import command
from tradeplane_stacks.automation.stack import Outcome, Say, Stack
from tradeplane_stacks.components.configuration import Configuration, InvalidConfiguration
from tradeplane_stacks.components.region_network import RegionNetworkConfig, refuse_overlapping
from tradeplane_stacks.programs.cluster import CLUSTER
from tradeplane_stacks.programs.network import NETWORK
from tradeplane_stacks.programs.platform import PLATFORM
from tradeplane_stacks.programs.program import Program

PROGRAMS = (NETWORK, CLUSTER, PLATFORM)
"""What an environment is made by, each after those that it reads."""


def stacks_in_order(name: str, regions: Sequence[str]) -> list[tuple[Program, str]]:
    """Return the program and the name of each stack of an environment, each after those that it reads."""
    return [
        (program, stack)
        for program in PROGRAMS
        for stack in ([f"{name}.{region}" for region in regions] if program.regional else [name])
    ]


class Environment:
    """The stacks of an environment in some regions, by a folder that has the programs' folders.

    Every method raises ``StackError``, which names the program's folder, and leaves what was done before as it is.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        regions: Sequence[str],
        say: Say = lambda _: None,
        policy_packs: Sequence[Path] = (),
    ) -> None:
        """Look at all configurations.

        Raises:
            StackInvalid: when a stack has no configuration, or a region is there twice.
            ConfigurationRefused: when a configuration is not valid.

        """
        if len(set(regions)) != len(regions):
            raise StackInvalid(f"regions {', '.join(regions)}: one is there twice", "name each region once")
        self.name, self._folder, self._say = name, folder, say
        engine = command()
        self._stacks = [
            Stack(folder / program.folder, stack, say, policy_packs, engine=engine)
            for program, stack in stacks_in_order(name, regions)
        ]
        self._check()

    def init(self) -> None:
        """Make the stacks that are not there yet."""
        for stack in self._stacks:
            with self._named(stack), suppress(StackExists):
                stack.init()

    def preview(self) -> tuple[Outcome, ...]:
        """Say what ``up`` would change; of a stack that reads one which is not up yet, that it waits for it."""
        return self._each(_previewed)

    def up(self) -> tuple[Outcome, ...]:
        """Bring all of them up, in order."""
        return self._each(Stack.up)

    def drift(self) -> tuple[Outcome, ...]:
        """Say what is otherwise than it was made."""
        return self._each(Stack.drift)

    def preview_destroy(self) -> tuple[Outcome, ...]:
        """Say what ``destroy`` would remove; refused where something of any of them is protected."""
        self._refuse_protected()
        return self._each(Stack.preview_destroy, backwards=True)

    def destroy(self) -> tuple[Outcome, ...]:
        """Remove all of them; refused where something of any of them is protected, before anything is removed."""
        self._refuse_protected()
        return self._each(Stack.destroy, backwards=True)

    def _each(self, do: Callable[[Stack], Outcome], *, backwards: bool = False) -> tuple[Outcome, ...]:
        found = []
        with finishing_on_interrupt(self._say) as interrupted:
            for stack in reversed(self._stacks) if backwards else self._stacks:
                with self._named(stack):
                    if interrupted():  # as what was under way ended well, nothing else says so
                        raise StackInterrupted(
                            f"stack {stack.name} was not begun, as this was interrupted",
                            "run the same again: it goes on from there",
                        )
                    found.append(do(stack))
        return tuple(found)

    def _refuse_protected(self) -> None:
        for stack in self._stacks:
            with self._named(stack):
                stack.refuse_protected()

    @contextmanager
    def _named(self, stack: Stack) -> Iterator[None]:
        """Say of which program's stack an error is: those of two programs have the same name."""
        try:
            yield
        except StackError as error:
            raise type(error)(f"{self._folder / stack.program.folder}: {error}", error.remedy) from error

    def _check(self) -> None:
        configs = [config for stack in self._stacks for config in self._configured(stack)]
        networks = [config for config in configs if isinstance(config, RegionNetworkConfig)]
        try:
            refuse_overlapping(networks)
        except InvalidConfiguration as error:
            raise StackInvalid(f"networks of {self.name}: {error}") from error

    def _configured(self, stack: Stack) -> list[Configuration]:
        """Return a stack's configurations; of one that is not there yet, its secrets are read once it is."""
        with self._named(stack), suppress(StackMissing):
            return [*stack.configured().values()]
        return []


def _previewed(stack: Stack) -> Outcome:
    try:
        return stack.preview()
    except StackAwaited as error:
        return Outcome(stack.name, stack.program.project, "preview", (), 0, (f"{error}; {error.remedy}",))
