"""How the copying of a SnapshotStore between regions could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_snapshot_store.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("MINUTES = 15", "MINUTES = 60", 0),
    ("if other != region]", "if other > region]", 0),
    ('        "StringEquals": {"aws:SourceAccount": config.account},\n', "", 0),
    ('        "ArnEquals": {"aws:SourceArn": config.bucket_arn(region)},\n', "", 0),
    ('service("s3.amazonaws.com")', '{"AWS": "*"}', 0),
    ('"s3:GetReplicationConfiguration", "s3:ListBucket"]', '"s3:*"]', 0),
    (
        '                "s3:GetObjectVersionForReplication",\n',
        '                "s3:GetObjectVersionForReplication",\n                "s3:GetObject",\n',
        0,
    ),
    ('                "s3:GetObjectRetention",\n', "", 0),
    ('                "s3:GetObjectLegalHold",\n', "", 0),
    ('["s3:ReplicateObject", ', '["s3:ReplicateObject", "s3:PutObject", ', 0),
    ('["s3:ReplicateObject", ', '["s3:ReplicateObject", "s3:DeleteObject", ', 0),
    (
        'f"{config.bucket_arn(other)}/*" for other in others(config, region)',
        'f"{config.bucket_arn(other)}/*" for other in config.regions',
        0,
    ),
    ('f"{config.bucket_arn(other)}/*" for other in others(config, region)', '"*" for _ in (1,)', 0),
    ('[f"{source}/*"]', '["*"]', 0),
    ('status="Enabled",\n            filter', 'status="Disabled",\n            filter', 0),
    ('ReplicationArgs(status="Enabled")', 'ReplicationArgs(status="Disabled")', 0),
    (
        'ModificationsArgs(\n                    status="Enabled"',
        'ModificationsArgs(\n                    status="Disabled"',
        0,
    ),
    ('ObjectsArgs(\n                    status="Enabled"', 'ObjectsArgs(\n                    status="Disabled"', 0),
    ("replica_kms_key_id=keys[other].arn", "replica_kms_key_id=keys[region].arn", 0),
    ('TimeArgs(\n                    status="Enabled"', 'TimeArgs(\n                    status="Disabled"', 0),
    ('status="Enabled", event_threshold', 'status="Disabled", event_threshold', 0),
    ("bucket=config.bucket_arn(other)", "bucket=config.bucket_arn(region)", 0),
)
