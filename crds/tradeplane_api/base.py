"""The form all documents share: camelCase on the wire, unknown fields refused, immutable once made.

An object that exists is valid: what a constructor accepts, every other room may use without checking again.

Modules of documents that a run reads do not postpone their annotations (``from __future__ import annotations``):
pydantic would compile the text of each, in every runner that starts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, Strict, model_validator
from pydantic.alias_generators import to_camel

from tradeplane_api.forms import VALIDATIONS, Bounds, Text
from tradeplane_api.rules import Rule

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

GROUP = "tradeplane.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

DecimalString = Annotated[
    str,
    Text(
        pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,9})?$",
        max_length=29,
        message='must be a decimal in quotation marks with at most 18 digits before the point and 9 after it: "0.05"',
    ),
]
"""An exact decimal as people write money: a string, so that no parser rounds it."""

NonNegativeDecimal = Annotated[
    str,
    Text(
        pattern=r"^[0-9]{1,18}(\.[0-9]{1,9})?$",
        max_length=28,
        message="must be a decimal of zero or more in quotation marks "
        'with at most 18 digits before the point and 9 after it: "1000.50"',
    ),
]
"""A decimal string that is zero or more."""

PositiveDecimal = Annotated[NonNegativeDecimal, Bounds(above="0", hint='write an amount such as "1000000"')]
"""A decimal string above zero."""

Share = Annotated[NonNegativeDecimal, Bounds(above="0", below="1", hint='write "0.05" for five percent')]
"""A decimal string strictly between zero and one."""

YearlyRate = Annotated[NonNegativeDecimal, Bounds(most="10", hint='write "0.05" for five percent a year')]
"""A yearly rate as a fraction."""

BasisPoints = Annotated[NonNegativeDecimal, Bounds(below="10000", hint='write "5" for 0.05 percent')]
"""Hundredths of a percent."""

Digest = Annotated[
    str,
    Text(
        pattern=r"^sha256:[0-9a-f]{64}$",
        max_length=71,
        message="must be a digest: sha256: and 64 hexadecimal digits in lower case",
    ),
]
"""A content digest as the OCI image specification spells it."""

Name = Annotated[
    str,
    Text(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        max_length=253,
        message="must be a name as Kubernetes has it: lower-case letters, digits, - and ., "
        "starting and ending with a letter or a digit",
    ),
]
"""A Kubernetes object name (RFC 1123 subdomain)."""

Integer = Annotated[int, Strict()]
"""A whole number: neither "5" nor true, which an API server does not take for one either."""

Boolean = Annotated[bool, Strict()]
"""true or false: neither "yes" nor 1."""


def _time(text: str) -> str:
    """Return a text that is a time which can be reckoned with. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 1677 <= moment.year <= 2262:
        raise ValueError(f"{text[:64]!r} is no time; it must be one such as 2026-01-31T09:30:00Z")
    return text


Timestamp = Annotated[str, Field(max_length=64), AfterValidator(_time)]
"""A time, RFC 3339, within the years that nanoseconds since 1970 reach."""


class Document(BaseModel):
    """Base of every document of the API."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        defer_build=True,  # a program that starts builds the validators it uses, not those of every document there is
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    """Rules between this model's own fields; those of its bases hold too."""

    @classmethod
    def all_rules(cls) -> tuple[Rule, ...]:
        """Return the rules of the bases and then those of this model."""
        return tuple(rule for base in reversed(cls.__mro__) for rule in base.__dict__.get("rules", ()))

    _checked: ClassVar[tuple[tuple[Rule, Callable[[Any], bool]], ...]] = ()
    """The rules Python can check, gathered once a class: an operator reads documents all day."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Gather the rules of a new model."""
        cls._checked = tuple((rule, rule.holds) for rule in cls.all_rules() if rule.holds is not None)

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        for rule, holds in self._checked:
            if not holds(self):
                raise rule.error()
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Write the rules into the schema."""
        written = handler.resolve_ref_schema(handler(schema))
        entries = [rule.schema() for rule in cls.all_rules()]
        if entries:
            written[VALIDATIONS] = entries
        return written
