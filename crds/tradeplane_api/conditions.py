"""Conditions as kstatus and ``kubectl wait`` read them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tradeplane_api.base import Document, Integer, Timestamp


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ConditionType(StrEnum):
    """The conditions every kind has (``READY``, ``RECONCILING``, ``STALLED``) and those some kinds add.

    The list is open, as metav1.Condition has it: what a newer version adds must not make an object unreadable.
    """

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    COMPLETED = "Completed"
    ATTESTED = "Attested"
    PARITY = "Parity"


class Condition(Document):
    """One condition of an object, in the form of metav1.Condition."""

    type: str = Field(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9./_-]*[A-Za-z0-9])?$",
        max_length=316,
        description="What is said of the object: Ready, Reconciling, Stalled, Completed, Attested or Parity; "
        "newer versions add others.",
    )
    status: ConditionStatus = Field(description="Whether it holds.")
    observed_generation: Integer = Field(ge=0, description="The generation of the object it was said of.")
    last_transition_time: Timestamp = Field(description="When the status last changed, RFC 3339.")
    reason: str = Field(
        pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        max_length=1024,
        description="Why, in one word for programs.",
    )
    message: str = Field(max_length=32768, description="What happened, and what a person can do.")


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=16,
        description="Ready, Reconciling, Stalled, and others beside them.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]
"""All conditions of an object, one a type: the API server merges them by it."""

UNSEEN = Condition(
    type=ConditionType.READY,
    status=ConditionStatus.UNKNOWN,
    observed_generation=0,
    last_transition_time="1970-01-01T00:00:00Z",
    reason="Unseen",
    message="The operator has not looked at this object yet. If that lasts, see whether it runs: "
    "kubectl -n tradeplane-system get deployment tradeplane-operator",
)
"""What an object says before the operator does: without conditions, kstatus would take it for ready."""
