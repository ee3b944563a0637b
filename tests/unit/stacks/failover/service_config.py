"""The configuration of a service in two regions, for tests that change one thing in it."""

from __future__ import annotations

from typing import Any

ACCOUNT = "123456789012"
SOURCE, TARGET = "eu-west-1", "us-east-1"
RECORD = ("eu-west-1", "eu-central-1")
"""The first is lost with the source."""
WITNESS = "eu-west-3"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"

CONFIG: dict[str, Any] = {
    "ownership": {"owner": "desk", "cost_center": "cc-7", "data_classification": "restricted"},
    "account": ACCOUNT,
    "administrator_roles": [f"{ROLE}/administrator"],
    "operator_role": f"{ROLE}/operator",
    "regions": [SOURCE, TARGET],
    "retention_policy": {"minimum_days": 365},
    "signing_key": {
        "primary_region": SOURCE,
        "replica_regions": [TARGET],
        "generations": [{"name": "2026", "state": "signs"}],
    },
    "snapshot_store": {
        "bucket_prefix": "tradeplane-prod",
        "runner_role": f"{ROLE}/runner",
        "retention": {"mode": "COMPLIANCE", "years": 6},
    },
    "artifact_registry": {"publisher_roles": [f"{ROLE}/publisher"], "node_roles": [f"{ROLE}/node"]},
    "failover": {
        "record": {"regions": list(RECORD), "witness": WITNESS},
        "mover_roles": [f"{ROLE}/mover"],
        "names": {
            "zone": "tradeplane.internal",
            "vpcs": {SOURCE: "vpc-0a1b2c3d", TARGET: "vpc-4e5f6a7b"},
            "endpoints": {region: f"ledger.{region}.example.com" for region in (SOURCE, TARGET)},
        },
    },
}
"""The configuration of the stack, by key."""
