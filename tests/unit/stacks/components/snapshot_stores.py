"""A configuration of a SnapshotStore for tests, and who is in it."""

from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
ADMINISTRATOR, OPERATOR, RUNNER, READER = (
    f"{ROLE}/{name}" for name in ("administrator", "operator", "runner", "quant")
)
SOMEBODY = f"{ROLE}/somebody"
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")


def config(**changes: object) -> SnapshotStoreConfig:
    """Return the configuration of a store in three regions, with some fields changed."""
    return SnapshotStoreConfig.read(
        {
            "ownership": {"owner": "desk", "cost_center": "cc-7", "data_classification": "restricted"},
            "account": ACCOUNT,
            "administrator_roles": [ADMINISTRATOR],
            "bucket_prefix": "tradeplane-prod",
            "regions": list(REGIONS),
            "operator_role": OPERATOR,
            "runner_role": RUNNER,
            "reader_roles": [READER],
            "retention": {"mode": "COMPLIANCE", "years": 6},
        }
        | changes
    )
