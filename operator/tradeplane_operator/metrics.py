"""What Prometheus scrapes. Names follow its conventions: base units, ``_total`` for counters."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

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
RETRIES = Counter("tradeplane_reconcile_retries_total", "Reconciliations put off after an error.", ["cause"])
RUNS_FINISHED = Counter("tradeplane_runs_finished_total", "Runs whose end was recorded, by outcome.", ["outcome"])
RUNS_STARTED = Counter("tradeplane_runs_started_total", "Runs recorded as started, by what asked.", ["trigger"])
RUNS = Gauge("tradeplane_runs", "Runs now, by whether they go on or wait for a slot.", ["state"])
ATTESTATIONS = Counter("tradeplane_attestations_total", "Attempts to attest a run, by how they ended.", ["end"])
IMAGE_CHECKS = Counter("tradeplane_image_checks_total", "Looks at an image's attestation, by how they ended.", ["end"])
REPLAYS_JUDGED = Counter(
    "tradeplane_replays_judged_total", "Replays whose verdict was recorded, by parity.", ["parity"]
)
PROBES_STARTED = Counter("tradeplane_probes_started_total", "Probes of broker connections that were started.")
CONNECTIONS = Gauge("tradeplane_broker_connections", "Broker connections, by the reason of their Ready.", ["reason"])
API_WRITES = Counter("tradeplane_api_writes_total", "Writes asked of the API server, by verb.", ["verb"])
OBJECTS = Gauge("tradeplane_objects", "Objects known from the watches, by kind.", ["kind"])
RELISTS = Counter("tradeplane_relists_total", "Checks of known objects against a list, by what caused them.", ["cause"])
PURGED = Counter("tradeplane_purged_objects_total", "Objects found deleted by such a check.", ["kind"])
LEADING = Gauge("tradeplane_leader", "1 while this replica leads.")
