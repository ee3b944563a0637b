"""Outputs of one program's stacks that a part of another is made by, and the form they must have.

They are read before the first component is made: a network that is not there, or gives something else than is needed,
costs nothing then, and is told with the command that makes it. The stacks read are those of the same environment in the
regions of the part's own configuration, so that nobody writes their names, and nobody can write another environment's.
"""

from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import pulumi
from pydantic import BaseModel, ConfigDict, ValidationError

from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.programs.projects import bring_up


class StackOutputs(BaseModel):
    """What is needed of another stack's outputs; it may give more."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class ReferenceRefused(Exception):
    """Another stack does not give what is needed; ``remedy`` is what makes it do so."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


Outputs = TypeVar("Outputs", bound=StackOutputs)


@dataclass(frozen=True)
class Reference(Generic[Outputs]):
    """A part of another program, of which there is a stack in each region, and what is needed of its outputs."""

    project: str
    key: str
    outputs: type[Outputs]

    def checked(self, stack: StackName, given: object) -> Outputs:
        """Check what a stack gives under the key; None where it gives nothing.

        Raises:
            ReferenceRefused: with each output that is missing or is of another form.

        """
        remedy = bring_up(self.project, str(stack))
        if given is None:
            raise ReferenceRefused(f"stack {stack} of {self.project} has no output {self.key} yet", remedy)
        try:
            return self.outputs.model_validate(given)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join((self.key, *map(str, fault['loc'])))}: {fault['msg']}"
                for fault in error.errors(include_url=False, include_input=False)
            )
            raise ReferenceRefused(
                f"outputs of stack {stack} of {self.project} cannot be used: {wrong}", remedy
            ) from None


@dataclass(frozen=True)
class ReadStack:
    """A stack of another program, as Pulumi reads it in the course of a program."""

    project: str
    stack: StackName
    _outputs: pulumi.StackReference

    @classmethod
    def of(cls, project: str, stack: StackName) -> Self:
        """Begin to read a stack of the same organization, which a backend of one's own calls ``organization``."""
        name = f"{pulumi.get_organization()}/{project}/{stack}"
        return cls(project, stack, pulumi.StackReference(f"{project}/{stack}", name))

    async def output(self, reference: Reference[Outputs]) -> Outputs:
        """Return what a part of it gives.

        Raises:
            ReferenceRefused: when it gives something else. One that is not there at all ends the program by an error
                of Pulumi's own.

        """
        details = await self._outputs.get_output_details(reference.key)
        return reference.checked(self.stack, details.value)
