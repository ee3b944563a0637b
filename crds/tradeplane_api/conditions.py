"""Conditions as kstatus and ``kubectl wait`` read them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from tradeplane_api.base import Document


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ConditionType(StrEnum):
    """The conditions every kind has (``READY``, ``RECONCILING``, ``STALLED``) and those some kinds add."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    COMPLETED = "Completed"


class Condition(Document):
    """One condition of an object, in the form of metav1.Condition."""

    type: ConditionType
    status: ConditionStatus
    observed_generation: int = Field(ge=0)
    last_transition_time: str = Field(description="When the status last changed, RFC 3339.")
    reason: str = Field(pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", max_length=1024)
    message: str = Field(max_length=32768, description="What happened, and what a person can do.")
