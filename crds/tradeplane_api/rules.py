"""Rules between fields, said once for Python and for the API server.

A model lists its rules as a class attribute; each has the CEL expression the API server evaluates and the predicate
Python does, side by side, so that what a laptop refuses and what a cluster refuses are one text. That the two agree is
tested by running one table of documents through both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.forms import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import PydanticCustomError


@dataclass(frozen=True)
class Rule:
    """What must hold between the fields of one object.

    ``field`` is the name on the wire of the field to put right. ``holds`` is None for a rule on a transition (``cel``
    speaks of ``oldSelf``): only a server that knows the object as it was can check it.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool] | None
    field: str | None = None

    def error(self) -> PydanticCustomError:
        """Return the error of a broken rule."""
        return refuse(self.message)

    def schema(self) -> dict[str, str]:
        """Return the rule as an entry of x-kubernetes-validations."""
        entry = {"rule": self.cel, "message": self.message}
        return entry if self.field is None else {**entry, "fieldPath": f".{self.field}"}
