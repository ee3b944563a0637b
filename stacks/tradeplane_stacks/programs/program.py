"""A program: which components there are, by which part of the configuration each is made, and in whose name.

The whole configuration is checked before the first component is made, so that a wrong field costs nothing, and every
field that is wrong is told at once. What several components take, such as ``ownership``, is written once.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import ValidationError

from tradeplane_stacks.components.configuration import Configuration, InvalidConfiguration
from tradeplane_stacks.components.stack_name import InvalidStackName, StackName
from tradeplane_stacks.programs.part import Part, Surroundings
from tradeplane_stacks.programs.projects import folder_of
from tradeplane_stacks.programs.references import ReadStack, Reference, ReferenceRefused, StackOutputs


@dataclass(frozen=True)
class Fault:
    """One field of a stack's configuration that is wrong: its path, key first, and what is wrong with it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class ConfigurationRefused(InvalidConfiguration):
    """A stack's configuration cannot be used; ``faults`` has every field that is wrong."""

    def __init__(self, stack: str, faults: tuple[Fault, ...]) -> None:
        self.stack, self.faults = stack, faults
        super().__init__(f"the configuration of stack {stack} is not valid: {'; '.join(map(str, faults))}")


@dataclass(frozen=True)
class Program:
    """The components of a stack, under the name of a project of Pulumi."""

    project: str
    parts: tuple[Part, ...]
    regional: bool = False
    """Whether there is a stack of it in each region (``prod.eu-west-1``), or one for all (``prod``)."""

    @property
    def folder(self) -> str:
        """The folder, beside those of other programs, that has its ``Pulumi.yaml``."""
        return folder_of(self.project)

    def read(self, stack: str, values: Mapping[str, str]) -> dict[str, Configuration]:
        """Check the values of a stack's configuration by key, and return what each part is made by.

        Values are as Pulumi hands them to a program: text, or JSON where they have a structure. A key that is no
        part's is shared: each part that has such a field takes it, unless it says otherwise itself. The region of a
        stack of one region is shared too.

        Raises:
            ConfigurationRefused: with every field that is wrong.
            InvalidStackName: when the name is none.

        """
        name = StackName.parse(stack)
        given, faults = self._parsed(values)
        keys = {part.key for part in self.parts}
        shared = {key: value for key, value in given.items() if key not in keys}
        faults += [*self._misplaced(name), *self._unknown(shared), *self._missing(given)]
        if self.regional and name.region is not None:
            shared.setdefault("region", name.region)
        configs: dict[str, Configuration] = {}
        for part in self.parts:
            if part.key in given:
                found = self._checked(part, given[part.key], shared, name)
                if isinstance(found, Configuration):
                    configs[part.key] = found
                else:
                    faults += found
        faults = faults or list(self._unfitting(configs))
        if faults:
            raise ConfigurationRefused(stack, tuple(faults))
        return configs

    def _unfitting(self, configs: Mapping[str, Configuration]) -> Iterator[Fault]:
        """Find parts whose configurations are right each, and not together."""
        for part in self._configured(configs):
            try:
                part.fits(configs)
            except InvalidConfiguration as error:
                yield Fault(f"{self.project}:{part.key}", str(error))

    async def run(self) -> None:
        """Make what the configuration of the current stack says. Pulumi calls it, by whichever way.

        Raises:
            pulumi.RunError: when the configuration or the stack's name is not valid, or another stack does not give
                what is needed of it. Nothing is made then.

        """
        try:
            stack = StackName.parse(pulumi.get_stack())
            configs = self.read(str(stack), configured(self.project))
            read = await self._referred(stack, configs)
        except (InvalidConfiguration, InvalidStackName) as error:
            raise pulumi.RunError(str(error)) from error
        except ReferenceRefused as error:
            raise pulumi.RunError(f"{error}; {error.remedy}") from error
        made: dict[str, pulumi.ComponentResource] = {}
        for part in self._configured(configs):
            component = part.make(Surroundings(stack, configs[part.key], read[part.key], made, configs))
            made[part.key] = component
            pulumi.export(part.key, {output: getattr(component, output) for output in part.outputs})

    def _configured(self, configs: Mapping[str, Configuration]) -> list[Part]:
        return [part for part in self.parts if part.key in configs]

    async def _referred(
        self, stack: StackName, configs: Mapping[str, Configuration]
    ) -> dict[str, dict[tuple[Reference[Any], str], StackOutputs]]:
        """Read what the parts need of other stacks, by the part's key, each stack once."""
        wanted = [
            (part.key, reference, name)
            for part in self._configured(configs)
            for reference, name in part.read_of(stack, configs[part.key])
        ]
        stacks = {place: ReadStack.of(*place) for place in {(one.project, name): None for _, one, name in wanted}}
        asked = (stacks[one.project, name].output(one) for _, one, name in wanted)
        found: list[StackOutputs | BaseException] = await asyncio.gather(*asked, return_exceptions=True)
        read: dict[str, dict[tuple[Reference[Any], str], StackOutputs]] = {key: {} for key in configs}
        for (key, reference, name), outputs in zip(wanted, found, strict=True):
            # Of several, the first that is wanted is told, whichever was answered first.
            if isinstance(outputs, BaseException):
                raise outputs
            read[key][reference, name.region or ""] = outputs
        return read

    def _misplaced(self, stack: StackName) -> list[Fault]:
        if self.regional and stack.region is None:
            return [Fault(self.project, f"stack {stack} is of no region; name one such as {stack}.eu-west-1")]
        if not self.regional and stack.region is not None:
            return [Fault(self.project, f"there is one stack for all regions; name it {stack.environment}")]
        return []

    def _unknown(self, shared: Mapping[str, Any]) -> Iterator[Fault]:
        """Find keys that are neither a part's nor a field of one."""
        known = {field for part in self.parts for field in part.config.model_fields}
        there_are = ", ".join(sorted(known | {part.key for part in self.parts}))
        for key in sorted(shared.keys() - known):
            yield Fault(f"{self.project}:{key}", f"is no key of this program; there are {there_are}")

    def _missing(self, given: Mapping[str, Any]) -> Iterator[Fault]:
        """Find parts that are configured without those that they need, and a stack that has none."""
        configured_parts = [part for part in self.parts if part.key in given]
        for part in configured_parts:
            for needed in part.after:
                if needed not in given:
                    yield Fault(f"{self.project}:{part.key}", f"needs {needed}, which is not configured")
        if not configured_parts:
            parts = ", ".join(sorted(part.key for part in self.parts))
            yield Fault(self.project, f"nothing is configured; give {parts}")

    def _parsed(self, values: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
        given: dict[str, Any] = {}
        faults = []
        for key, value in values.items():
            try:
                # What has no structure is text: an account's number is none that is counted with.
                given[key] = json.loads(value) if value[:1] in ("{", "[") else value
            except ValueError as error:
                faults.append(Fault(f"{self.project}:{key}", f"is neither text nor JSON: {error}"))
        return given, faults

    def _checked(
        self, part: Part, values: Any, shared: Mapping[str, Any], stack: StackName
    ) -> Configuration | list[Fault]:
        path = f"{self.project}:{part.key}"
        if not isinstance(values, dict):
            return [Fault(path, "is to be an object of fields, not text or a list")]
        inherited = {key: value for key, value in shared.items() if key in part.config.model_fields}
        try:
            config = part.config.model_validate({**inherited, **values}, strict=False)
        except ValidationError as error:
            return list(_faults(path, error))
        region = getattr(config, "region", stack.region)
        if stack.region not in (None, region):
            return [Fault(f"{path}.region", f"{region} is not that of stack {stack}")]
        return config


def configured(project: str) -> dict[str, str]:
    """Return the current stack's configuration of a project, by key without the project's name.

    ``pulumi.Config`` answers for keys that are asked for, and could not tell of one that is misspelt.
    """
    values: Mapping[str, str] = CONFIG.get() or get_config_env() or {}
    start = f"{project}:"
    return {key.removeprefix(start): value for key, value in sorted(values.items()) if key.startswith(start)}


def _faults(path: str, error: ValidationError) -> Iterator[Fault]:
    for fault in error.errors(include_url=False, include_input=False):
        yield Fault(".".join((path, *map(str, fault["loc"]))), fault["msg"])
