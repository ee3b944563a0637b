"""How each security setting of SnapshotStore could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_snapshot_store.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('CHECKSUM = "SHA256"', 'CHECKSUM = ""', 0),
    ("        policy.check(config.retention)\n", "", 0),
    ("required_tags(stack, config.ownership)", "{}", 0),
    ("if len(config.regions) > 1 else ()", "if False else ()", 0),
    ("for region, role in replication.items():", "for region, role in list(replication.items())[:1]:", 0),
    ("others(config, region) if other in arns", "config.regions if other in arns", 0),
    ("arns.get(region), into)", "None, into)", 0),
    ("arns.get(region), into)", "arns.get(region), [])", 0),
    ('sse_algorithm="aws:kms", kms_master_key_id=key.arn', 'sse_algorithm="aws:kms"', 0),
    ('sse_algorithm="aws:kms"', 'sse_algorithm="AES256"', 0),
    ("bucket_key_enabled=True", "bucket_key_enabled=False", 0),
    ('blocked_encryption_types=["SSE-C"]', 'blocked_encryption_types=["NONE"]', 0),
    ('blocked_encryption_types=["SSE-C"]', 'blocked_encryption_types=["NONE"]', 1),
    ("bucket_policy(config, region, arn, self._policy.minimum_days)", '"{}"', 1 - 1),
    ("self._policy.minimum_days", "1", 0),
    ("object_lock=True", "object_lock=False", 0),
    ("object_lock=False", "object_lock=True", 0),
    ("        self._lock(name, region, made)\n", "", 0),
    ("        self._tier(name, region, made)\n", "", 0),
    ("        self._log(name, region, made)\n", "", 0),
    ('object_lock_enabled="Enabled",\n', "\n", 0),
    ("mode=retention.mode", 'mode="GOVERNANCE"', 0),
    ("days=retention.days, years=retention.years", "days=1", 0),
    ("protect=True, depends_on=made.ready", "depends_on=made.ready", 0),
    ("outlived_by=(key,)", "outlived_by=()", 0),
    (
        '                    status="Enabled",\n                    filter',
        '                    status="Disabled",\n                    filter',
        0,
    ),
    ("noncurrent_days=self._config.noncurrent_days", "noncurrent_days=1", 0),
    (
        "abort_incomplete_multipart_upload=",
        'expiration={"days": 30},\n                    abort_incomplete_multipart_upload=',
        0,
    ),
    ("days_after_initiation=INCOMPLETE_UPLOAD_DAYS", "days_after_initiation=365", 1),
    ('sse_algorithm="AES256"', 'sse_algorithm="aws:kms"', 0),
    ("            log_bucket_policy(config, region),\n", '            "{}",\n', 0),
    ("(days=config.access_log_days)", "(days=1)", 0),
    ("target_bucket=logs.bucket.id", "target_bucket=source.bucket.id", 0),
    ("depends_on=logs.ready", "depends_on=[]", 0),
    ("depends_on=ready", "depends_on=[]", 0),
    ("role=role.arn", 'role="another"', 0),
    ("            region=region,\n", "", 0),
    ("            region=region,\n", "", 1),
    ("            region=region,\n", "", 2),
    ("            region=region,\n", "", 3),
    ("            region=region,\n", "", 4),
)
