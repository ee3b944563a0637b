"""The name of a stack, read once: ``dev``, ``prod``, or ``prod.eu-west-1`` for what is of one region."""

import re
from dataclasses import dataclass
from typing import Self

from tradeplane_stacks.components.regions import known

_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,19}")


class InvalidStackName(ValueError):
    """A stack's name does not say which environment and region it is of."""


@dataclass(frozen=True)
class StackName:
    """Which environment a stack is of, and which region where it is of one."""

    environment: str
    region: str | None = None

    def __post_init__(self) -> None:
        if not _ENVIRONMENT.fullmatch(self.environment):
            raise InvalidStackName(
                f"environment {self.environment!r} of a stack's name: up to 20 of a-z, 0-9 and -, a letter first"
            )
        if self.region is not None:
            try:
                known(self.region)
            except ValueError as error:
                raise InvalidStackName(f"region of a stack's name: {error}") from None

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read ENVIRONMENT or ENVIRONMENT.REGION."""
        environment, dot, region = name.partition(".")
        return cls(environment, region if dot else None)

    def component(self, key: str) -> str:
        """Return the name of a component; the environment is in it, so that two of them can be in one account."""
        return f"tradeplane-{self.environment}-{key.replace('_', '-')}"

    def __str__(self) -> str:
        return self.environment if self.region is None else f"{self.environment}.{self.region}"
