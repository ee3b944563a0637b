"""The record of which region of a service is active: the one item of a table, which a failover moves.

It is read in each region by the operator, which leads in the region that is named and in no other, and written by
whoever moves the service (``tradeplane stack failover``). Its place is a table of Amazon DynamoDB with multi-Region
strong consistency: a conditional write there is decided once for all regions, and a consistent read sees it wherever
it is made. ``epoch`` grows by one with each move and is what a write is conditional on, so that of two moves at once
one is refused.

The item is in the form of the DynamoDB API (AttributeValue: a value under the letter of its type).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, ValidationError

from tradeplane_api.base import Document

HASH_KEY = "record"
KEY: Mapping[str, Mapping[str, str]] = {HASH_KEY: {"S": "active"}}
"""The key of the item."""


class NotARecord(ValueError):
    """What a table holds is no record of an active region; the message says which field is wrong."""


class ActiveRegion(Document):
    """Which region is active, and since which move."""

    region: Annotated[str, Field(min_length=1, max_length=32)]
    epoch: Annotated[int, Field(ge=1)]
    moved_at: AwareDatetime
    moved_by: Annotated[str, Field(min_length=1, max_length=2048)]
    """The ARN of whoever moved it, or the name of the stack that began it."""
    move: Annotated[str, Field(min_length=1, max_length=64)]
    """A name of this move alone, by which whoever wrote it knows it again after an answer that was lost."""

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Read an item.

        Raises:
            NotARecord: when it is no such item.

        """
        values = {name: _value(typed) for name, typed in item.items() if name != HASH_KEY}
        try:
            return cls.model_validate(values, strict=False)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise NotARecord(f"the record of the active region is not valid: {wrong}") from None

    def to_item(self) -> dict[str, Any]:
        """Return the item, key and all."""
        values = self.model_dump(mode="json", by_alias=True)
        typed = {name: {"N": str(one)} if isinstance(one, int) else {"S": one} for name, one in values.items()}
        return {**KEY, **typed}

    def moved(self, region: str, by: str, at: datetime, move: str) -> Self:
        """Return the record of the next move."""
        return type(self)(region=region, epoch=self.epoch + 1, moved_at=at, moved_by=by, move=move)


def _value(typed: Any) -> Any:
    """Return what an AttributeValue has, of the two types that the record is made of."""
    if not isinstance(typed, Mapping):
        return None
    return int(typed["N"]) if str(typed.get("N", "")).isdecimal() else typed.get("S")
