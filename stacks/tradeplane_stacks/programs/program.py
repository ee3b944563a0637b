"""A program: which components there are, by which part of the configuration each is made, and in whose name.

The whole configuration is checked before the first component is made, so that a wrong field costs nothing, and every
field that is wrong is told at once. What several components take, such as ``ownership``, is written once.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import ValidationError

from tradeplane_stacks.components.configuration import Configuration, InvalidConfiguration
from tradeplane_stacks.components.stack_name import InvalidStackName, StackName


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
class Part:
    """A component of a program: the key of its configuration, and how it is made.

    What a component's class declares (``public_keys: pulumi.Output[...]``) are its outputs, and the stack's.
    """

    key: str
    component: type[pulumi.ComponentResource]
    config: type[Configuration]

    def make(self, stack: StackName, config: Configuration) -> dict[str, Any]:
        """Make the component, and return its outputs."""
        # The environment is in the name, so that two of them can be in one account.
        name = f"tradeplane-{stack.environment}-{self.key.replace('_', '-')}"
        made: Any = self.component
        component = made(name, config, stack)
        return {output: getattr(component, output) for output in self.outputs}

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of its outputs."""
        return tuple(name for name in self.component.__annotations__ if not name.startswith("_"))


@dataclass(frozen=True)
class Program:
    """The components of a stack, under the name of a project of Pulumi."""

    project: str
    parts: tuple[Part, ...]

    def read(self, stack: str, values: Mapping[str, str]) -> dict[str, Configuration]:
        """Check the values of a stack's configuration by key, and return what each part is made by.

        Values are as Pulumi hands them to a program: text, or JSON where they have a structure. A key that is no
        part's is shared: each part that has such a field takes it, unless it says otherwise itself.

        Raises:
            ConfigurationRefused: with every field that is wrong.

        """
        given, faults = self._parsed(values)
        keys = {part.key for part in self.parts}
        shared = {key: value for key, value in given.items() if key not in keys}
        known = {field for part in self.parts for field in part.config.model_fields}
        faults += [
            Fault(f"{self.project}:{key}", f"is no key of this program; there are {', '.join(sorted(keys | known))}")
            for key in sorted(shared.keys() - known)
        ]
        configs: dict[str, Configuration] = {}
        for part in self.parts:
            if part.key in given:
                found = self._checked(part, given[part.key], shared)
                if isinstance(found, Configuration):
                    configs[part.key] = found
                else:
                    faults += found
        if not keys & given.keys():
            faults.append(Fault(self.project, f"nothing is configured; give {', '.join(sorted(keys))}"))
        if faults:
            raise ConfigurationRefused(stack, tuple(faults))
        return configs

    def run(self) -> None:
        """Make what the configuration of the current stack says. Pulumi calls it, by whichever way.

        Raises:
            pulumi.RunError: when the configuration or the stack's name is not valid. Nothing is made then.

        """
        try:
            stack = StackName.parse(pulumi.get_stack())
            configs = self.read(str(stack), configured(self.project))
        except (InvalidConfiguration, InvalidStackName) as error:
            raise pulumi.RunError(str(error)) from error
        for part in self.parts:
            if part.key in configs:
                pulumi.export(part.key, part.make(stack, configs[part.key]))

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

    def _checked(self, part: Part, values: Any, shared: Mapping[str, Any]) -> Configuration | list[Fault]:
        path = f"{self.project}:{part.key}"
        if not isinstance(values, dict):
            return [Fault(path, "is to be an object of fields, not text or a list")]
        inherited = {key: value for key, value in shared.items() if key in part.config.model_fields}
        try:
            return part.config.model_validate({**inherited, **values}, strict=False)
        except ValidationError as error:
            return list(_faults(path, error))


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
