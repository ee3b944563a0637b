"""The form all configurations have: nothing unknown, nothing changed afterwards, and errors that name the field."""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError


class InvalidConfiguration(ValueError):
    """A stack's configuration is not what a component takes; the message names each field and what is wrong with it."""


class Configuration(BaseModel):
    """What a component is made by."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def read(cls, values: object) -> Self:
        """Check values as they stand in a stack's file, and name every field that is wrong."""
        try:
            return cls.model_validate(values, strict=False)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(str(part) for part in fault['loc']) or cls.__name__}: {fault['msg']}"
                for fault in error.errors(include_url=False, include_input=False)
            )
            raise InvalidConfiguration(f"{cls.__name__}: {wrong}") from None
