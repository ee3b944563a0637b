"""What a BrokerConnection of type Simulated may ask for: an exchange that the operator runs for it.

The exchange's pod is told an ``ExchangeSpecification``; here a Snapshot is named rather than its digest, and what a pod
needs is asked for beside.
"""

from __future__ import annotations

import hashlib
import re
from typing import ClassVar

from pydantic import Field

from tradeplane_api.exchange import EXCHANGE_PORT, AtEnd, ExchangeTerms, SyntheticMarket
from tradeplane_api.rules import Rule
from tradeplane_api.snapshot import SnapshotReference
from tradeplane_api.venue import Endpoint
from tradeplane_api.volume import Volume

_SUFFIX = "-exchange"
_LONGEST = 43
"""Of a connection's name that its exchange is named by: with the suffix, and the hash that the StatefulSet controller
adds in a label, it stays within the 63 characters of a label."""
_PLAIN = re.compile(rf"[a-z]([-a-z0-9]{{0,{_LONGEST - 2}}}[a-z0-9])?")
_READABLE, _HASHED = 24, 8


class SimulatedExchange(ExchangeTerms):
    """An exchange to run: what it plays, by which rules, and where it records."""

    snapshot_ref: SnapshotReference | None = Field(
        default=None, description="A Snapshot of tapes of this namespace to play, read from its own store."
    )
    synthetic: SyntheticMarket | None = Field(default=None, description="Order flow to play instead of a snapshot.")
    volume: Volume = Field(default_factory=Volume, description="Where it records its inputs, and goes on from.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.snapshotRef) != has(self.synthetic)",
            message="an exchange plays a snapshot or a synthetic market: give one of snapshotRef and synthetic",
            holds=lambda one: (one.snapshot_ref is None) != (one.synthetic is None),
            field="snapshotRef",
        ),
        Rule(
            cel="self.atEnd != 'Stop'",
            message="atEnd: Stop would end a pod that is then started again: choose Stand or Repeat, "
            "and set suspend: true to stop the exchange",
            holds=lambda one: one.at_end is not AtEnd.STOP,
            field="atEnd",
        ),
        Rule(
            cel="self.volume == oldSelf.volume",
            message="volume cannot be changed, a volume that is there keeps its size: leave it as it is, "
            "or delete the BrokerConnection and create it anew",
            holds=None,
            field="volume",
        ),
    )


def exchange_name(connection: str) -> str:
    """Return the name of the exchange of a connection: of its StatefulSet and its Service.

    A Service's name begins with a letter and has no points; a connection's may be otherwise, or longer.
    """
    if _PLAIN.fullmatch(connection):
        return f"{connection}{_SUFFIX}"
    digest = hashlib.sha256(connection.encode()).hexdigest()[:_HASHED]
    readable = connection.replace(".", "-")[:_READABLE].rstrip("-")
    return f"bc-{readable}-{digest}{_SUFFIX}"


def exchange_endpoint(connection: str, namespace: str) -> Endpoint:
    """Return where the exchange of a connection is reached from within the cluster."""
    place = f"{exchange_name(connection)}.{namespace}.svc:{EXCHANGE_PORT}"
    return Endpoint(rest=f"http://{place}", stream=f"ws://{place}")
