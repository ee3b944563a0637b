"""Who approves, and which approvals let something start: what an Approval and a Strategy's status have in common."""

from typing import Annotated

from pydantic import Field

from tradeplane_api.base import Digest, Document
from tradeplane_api.forms import Text

MAX_USER = 253
MAX_APPROVERS = 16

UserName = Annotated[
    str,
    Text(
        pattern=r"^[^\x00-\x1f\x7f]+$",
        max_length=MAX_USER,
        message="must be the name of a user as the API server authenticates them (kubectl auth whoami)",
    ),
]
"""A user as the API server knows them: a text of an identity provider, with nothing in it that a terminal acts on."""


class GivenApproval(Document):
    """An approval by which something was started."""

    user: UserName = Field(description="Who approved.")
    attestation: Digest = Field(description="Digest of the statement they signed.")


GivenApprovals = Annotated[tuple[GivenApproval, ...], Field(max_length=MAX_APPROVERS)]
