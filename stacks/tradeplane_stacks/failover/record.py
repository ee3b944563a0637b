"""The record of the active region, read and moved: whichever of its regions answers.

A write is conditional on the epoch that was read. An answer that is lost leaves open whether it was written, so that
each move has a name of its own: who finds it in the record has won.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from tradeplane_api.active_region import KEY, ActiveRegion, NotARecord

from tradeplane_stacks.automation.errors import StackInvalid, StackRefused, StackUnavailable
from tradeplane_stacks.failover.asking import Clients, RegionUnreachable, code

_CONDITION = "epoch = :epoch AND #region = :region AND #move = :move"


@dataclass(frozen=True)
class Record:
    """The table of a service, and the regions that have it, in the order in which they are asked."""

    table: str
    regions: tuple[str, ...]
    clients: Clients

    def read(self) -> ActiveRegion:
        """Return which region is active, by a read that sees what was written in whichever region.

        Raises:
            StackInvalid: when there is no record.
            StackUnavailable: when no region of it answers.

        """
        found = self._first(lambda dynamo: dynamo.get_item(TableName=self.table, Key=KEY, ConsistentRead=True))
        if "Item" not in found:
            raise StackInvalid(f"table {self.table} has no record of an active region", "make it: tradeplane stack up")
        try:
            return ActiveRegion.from_item(found["Item"])
        except NotARecord as error:
            raise StackInvalid(f"table {self.table}: {error}") from error

    def move(self, seen: ActiveRegion, to: str, by: str, now: datetime) -> ActiveRegion:
        """Make another region the active one, if the record still is what was seen; return the new record.

        Raises:
            StackRefused: when somebody else moved it meanwhile.
            StackUnavailable: when no region of it answers; it may have been written then.

        """
        wanted = seen.moved(to, by, now, secrets.token_hex(8))
        was = seen.to_item()

        def put(dynamo: Any) -> None:
            dynamo.put_item(
                TableName=self.table,
                Item=wanted.to_item(),
                ConditionExpression=_CONDITION,
                ExpressionAttributeNames={"#region": "region", "#move": "move"},
                ExpressionAttributeValues={f":{name}": was[name] for name in ("epoch", "region", "move")},
            )

        try:
            self._first(put)
        except _OtherThanSeen:
            found = self.read()
            if found.move != wanted.move:
                raise StackRefused(
                    f"somebody else moved it meanwhile: {found.region} is active by epoch {found.epoch}, moved by "
                    f"{found.moved_by} at {found.moved_at:%Y-%m-%d %H:%M:%S} UTC; nothing was changed",
                    "look whether that is what you want, and if not, begin again",
                ) from None
        return wanted

    def _first(self, ask: Callable[[Any], Any]) -> Any:
        """Ask the first region of the record that answers."""
        silent = []
        for region in self.regions:
            try:
                with self.clients.asking("dynamodb", region) as dynamo, self._explained(region):
                    return ask(dynamo)
            except RegionUnreachable as error:
                silent.append(str(error))
        raise StackUnavailable(
            f"the record of the active region cannot be reached, so that nothing is known of it: {'; '.join(silent)}",
            "wait until one of its regions answers: nobody can move the service meanwhile, and operators stop",
        )

    @contextmanager
    def _explained(self, region: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if code(error) == "ConditionalCheckFailedException":
                raise _OtherThanSeen from None
            if code(error) == "ResourceNotFoundException":
                raise StackInvalid(
                    f"there is no table {self.table} in {region}", "make it: tradeplane stack up"
                ) from error
            raise


class _OtherThanSeen(Exception):
    """The record is not what it was."""
