r"""What one value may look like, said once for Python and for the API server.

A form validates in pydantic and writes itself into the JSON schema twice: as ``pattern``, for tools that only know
JSON schema, unless it is too long to be of use to a person who reads it in an error, and as a CEL rule, because the API
server answers a failed pattern with the bare expression and a failed rule with words. Both ends say the same words.

Patterns keep to the part of RE2 and Python's ``re`` that means the same in each: no ``\d`` or ``\w`` (Unicode in one,
ASCII in the other), no look-around, and no quote marks (they stand in a raw CEL string).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

_LONGEST_PATTERN_SHOWN = 200
"""The API server prints a pattern that failed in full; a longer one buries the rule's words."""
VALIDATIONS = "x-kubernetes-validations"
"""Key of the API server's CEL rules in a schema."""

JsonSchema = dict[str, Any]


def refuse(message: str) -> PydanticCustomError:
    """Return the error of a refused value, in exactly the words given."""
    return PydanticCustomError("refused", "{message}", {"message": message})


def _add_rule(schema: JsonSchema, rule: str, message: str) -> JsonSchema:
    return {**schema, VALIDATIONS: [*schema.get(VALIDATIONS, []), {"rule": rule, "message": message}]}


@dataclass(frozen=True)
class Text:
    """A string that matches a pattern as a whole and is at most ``max_length`` characters long."""

    pattern: str
    max_length: int
    message: str

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the form after pydantic has seen that it is a string."""
        return core_schema.no_info_wrap_validator_function(self._check, handler(source))

    def _check(self, value: object, handler: Callable[[object], str]) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise refuse(f'must be a string: put quotation marks around it, "{value}"')
        text = handler(value)
        if len(text) > self.max_length:
            raise refuse(f"may not be more than {self.max_length} characters long")
        if self._form.fullmatch(text) is None:
            raise refuse(self.message)
        return text

    @cached_property
    def _form(self) -> re.Pattern[str]:
        return re.compile(self.pattern)  # looked up by its text, it would take as long again as to match it

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """Write the rule, the length, and the pattern where a person can read it."""
        written = {**handler(schema), "maxLength": self.max_length}
        if len(self.pattern) <= _LONGEST_PATTERN_SHOWN:
            written["pattern"] = self.pattern
        return _add_rule(written, f"self.matches(r'{self.pattern}')", self.message)


@dataclass(frozen=True)
class Bounds:
    """Bounds of a decimal string, each itself a decimal string; ``hint`` says what the unit is, by example.

    On the API server the comparison is of Kubernetes quantities, which are exact for the digits a decimal string may
    have (18 before the point, 9 after it). A value that is no quantity is left to the form's own message.
    """

    hint: str
    above: str | None = None
    least: str | None = None
    most: str | None = None
    below: str | None = None

    def _comparisons(self) -> list[tuple[str, str, str, Callable[[Decimal, Decimal], bool]]]:
        wanted = [
            ("above", self.above, "> 0", lambda value, bound: value > bound),
            ("at least", self.least, ">= 0", lambda value, bound: value >= bound),
            ("at most", self.most, "<= 0", lambda value, bound: value <= bound),
            ("below", self.below, "< 0", lambda value, bound: value < bound),
        ]
        return [(words, bound, sign, holds) for words, bound, sign, holds in wanted if bound is not None]

    @property
    def message(self) -> str:
        """Return what is said of a value out of bounds."""
        bounds = " and ".join(f"{words} {bound}" for words, bound, _, _ in self._comparisons())
        return f"must be {bounds}: {self.hint}"

    @property
    def cel(self) -> str:
        """Return the rule as the API server evaluates it."""
        comparisons = (f"quantity(self).compareTo(quantity('{b}')) {sign}" for _, b, sign, _ in self._comparisons())
        return f"!isQuantity(self) || ({' && '.join(comparisons)})"

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the bounds of what already has the form of a decimal."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, text: str) -> str:
        value = Decimal(text)
        if not all(holds(value, Decimal(bound)) for _, bound, _, holds in self._comparisons()):
            raise refuse(self.message)
        return text

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """Write the rule."""
        return _add_rule(handler(schema), self.cel, self.message)
