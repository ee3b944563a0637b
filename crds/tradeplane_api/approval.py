"""The kind Approval: one user's signed word for one version of a Strategy's specification.

What is believed is the signed statement in ``bundle``. The fields beside it say the same for who lists approvals, and
for the API server, which holds ``user`` against who it has authenticated; where they differ, it is no approval.
"""

from typing import ClassVar, Literal

from pydantic import Field

from tradeplane_api.approvers import UserName
from tradeplane_api.base import Digest, Document, Integer, Timestamp
from tradeplane_api.conditions import UNSEEN, Conditions
from tradeplane_api.replay import StrategyReference
from tradeplane_api.rules import Rule

MAX_BUNDLE_TEXT = 65_536


class ApprovalSpec(Document):
    """What is approved, by whom, and the statement they signed."""

    strategy_ref: StrategyReference = Field(description="The Strategy of this namespace that is approved.")
    configuration: Digest = Field(
        description="Digest of the specification that is approved: of the canonical JSON of apiVersion, kind and spec."
    )
    user: UserName = Field(description="Who approves, as the API server authenticates them.")
    bundle: str = Field(
        min_length=2,
        max_length=MAX_BUNDLE_TEXT,
        description="The signed statement: a Sigstore bundle as JSON, as tradeplane approve writes it.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self == oldSelf",
            message="an approval is never changed: delete it, which withdraws it, and create another",
            holds=None,
        ),
    )


class ApprovalStatus(Document):
    """What the operator found."""

    observed_generation: Integer | None = Field(
        default=None, ge=0, description="The generation the operator has acted on."
    )
    conditions: Conditions = (UNSEEN,)
    key: Digest | None = Field(default=None, description="Fingerprint of the public key that verifies it.")
    time: Timestamp | None = Field(default=None, description="When it was signed, RFC 3339.")
    not_after: Timestamp | None = Field(default=None, description="Until when it lets something start, RFC 3339.")


class Approval(Document):
    """A user's signed approval of one version of a Strategy's specification."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["Approval"] = "Approval"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: ApprovalSpec = Field(description="What is approved, by whom, and the statement they signed.")
    status: ApprovalStatus | None = Field(default=None, description="What the operator found.")
