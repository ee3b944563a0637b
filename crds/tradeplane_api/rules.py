"""Rules between fields, said once for Python and for the API server.

A model lists its rules as a class attribute; each has the CEL expression the API server evaluates and the predicate
Python does, side by side, so that what a laptop refuses and what a cluster refuses are one text. That the two agree is
tested by running one table of documents through both.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
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

    @classmethod
    def of_ascending_tiers(cls, attribute: str, wire: str, most: int) -> Rule:
        """Return the rule that each of a list ``tiers`` of at most ``most`` begins above the one before it.

        What it begins at is a decimal string: ``attribute`` of a model, ``wire`` on the wire.
        """

        def begins(tier: Any) -> Decimal:
            return Decimal(getattr(tier, attribute))

        return cls(
            # CEL (before Kubernetes 1.33) cannot walk a list by index, so the indexes are written out.
            cel=f"{list(range(most - 1))}.all(i, i + 1 >= size(self.tiers) || "
            f"!isQuantity(self.tiers[i].{wire}) || !isQuantity(self.tiers[i + 1].{wire}) || "
            f"quantity(self.tiers[i].{wire}).isLessThan(quantity(self.tiers[i + 1].{wire})))",
            message=f"tiers must ascend: each tier's {wire} must be above that of the tier before it",
            holds=lambda one: all(begins(earlier) < begins(later) for earlier, later in pairwise(one.tiers)),
            field="tiers",
        )

    def error(self) -> PydanticCustomError:
        """Return the error of a broken rule."""
        return refuse(self.message)

    def schema(self) -> dict[str, str]:
        """Return the rule as an entry of x-kubernetes-validations."""
        entry = {"rule": self.cel, "message": self.message}
        return entry if self.field is None else {**entry, "fieldPath": f".{self.field}"}
