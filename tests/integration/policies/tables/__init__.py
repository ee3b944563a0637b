"""A table for each policy of ``policies/admission``."""

from tests.integration.policies.tables import (
    approvals,
    architectures,
    image_sources,
    live_trading,
    resources,
    restricted_pods,
    runs,
    tenancy,
    verified_images,
)

TABLES = (
    approvals.APPROVALS,
    architectures.PODS,
    architectures.STRATEGIES,
    image_sources.PODS,
    image_sources.KINDS,
    image_sources.UNCHANGED,
    live_trading.NAMESPACES,
    live_trading.STRATEGIES,
    live_trading.CONNECTIONS,
    live_trading.APPROVALS,
    resources.PODS,
    resources.KINDS,
    restricted_pods.PODS,
    runs.WORK,
    runs.WAYS_IN,
    tenancy.NAMESPACES,
    tenancy.OBJECTS,
    verified_images.PODS,
)
