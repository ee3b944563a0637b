"""What Prometheus scrapes. Names follow its conventions: base units, ``_total`` for counters.

Counters that alerts are made of are there from the start, at 0: one that appears with its first count is no increase to
Prometheus, and so would the first runs that fail be none, however many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from prometheus_client import Counter, Gauge, Histogram
from tradeplane_api.parity import Parity
from tradeplane_api.run import Outcome

from tradeplane_operator.planning.attesting import AttestationEnd
from tradeplane_operator.planning.image_trust import ImageEnd

if TYPE_CHECKING:
    from collections.abc import Iterable

RetryCause = Literal["conflict", "gone", "unavailable", "refused", "fault"]
"""Why a pass over an object is made again."""


def _counter(name: str, documentation: str, label: str, values: Iterable[str]) -> Counter:
    made = Counter(name, documentation, [label])
    for value in values:
        made.labels(value)
    return made


RECONCILE_SECONDS = Histogram(
    "tradeplane_reconcile_seconds",
    "Time to plan for and act on one object.",
    ["kind", "result"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
QUEUE_DEPTH = Gauge("tradeplane_queue_depth", "Objects that wait to be reconciled.")
QUEUE_SECONDS = Histogram(
    "tradeplane_queue_seconds",
    "Time an object waited in the queue before it was reconciled.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60),
)
RETRIES = _counter(
    "tradeplane_reconcile_retries_total", "Reconciliations put off after an error.", "cause", get_args(RetryCause)
)
RUNS_FINISHED = _counter(
    "tradeplane_runs_finished_total",
    "Runs whose end was recorded, by outcome.",
    "outcome",
    (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED),
)
RUNS_STARTED = Counter("tradeplane_runs_started_total", "Runs recorded as started, by what asked.", ["trigger"])
RUNS = Gauge("tradeplane_runs", "Runs now, by whether they go on or wait for a slot.", ["state"])
ATTESTATIONS = _counter(
    "tradeplane_attestations_total", "Attempts to attest a run, by how they ended.", "end", AttestationEnd
)
IMAGE_CHECKS = _counter(
    "tradeplane_image_checks_total",
    "Looks at an image's attestation, by how they ended.",
    "end",
    (ImageEnd.ATTESTED, ImageEnd.UNAVAILABLE, ImageEnd.REFUSED),
)
REPLAYS_JUDGED = _counter(
    "tradeplane_replays_judged_total", "Replays whose verdict was recorded, by parity.", "parity", Parity
)
PROBES_STARTED = Counter("tradeplane_probes_started_total", "Probes of broker connections that were started.")
CONNECTIONS = Gauge("tradeplane_broker_connections", "Broker connections, by the reason of their Ready.", ["reason"])
API_WRITES = Counter("tradeplane_api_writes_total", "Writes asked of the API server, by verb.", ["verb"])
OBJECTS = Gauge("tradeplane_objects", "Objects known from the watches, by kind.", ["kind"])
RELISTS = Counter("tradeplane_relists_total", "Checks of known objects against a list, by what caused them.", ["cause"])
PURGED = Counter("tradeplane_purged_objects_total", "Objects found deleted by such a check.", ["kind"])
LEADING = Gauge("tradeplane_leader", "1 while this replica leads.")
