"""A table for each alert of ``operator/deploy/components/monitoring``."""

from tests.integration.alerts.tables import evidence, passes, replicas, runs

TABLES = (
    replicas.DOWN,
    replicas.NO_LEADER,
    replicas.SEVERAL_LEADERS,
    passes.QUEUE,
    passes.FAILURES,
    passes.UNREACHABLE,
    runs.FAILED,
    runs.WAITING,
    evidence.UNATTESTED,
    evidence.ATTESTATIONS_REFUSED,
    evidence.IMAGES_REFUSED,
    evidence.REPLAYS_DIVERGED,
)
