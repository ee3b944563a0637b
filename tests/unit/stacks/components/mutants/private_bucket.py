"""How buckets could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_snapshot_store.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("force_destroy=False", "force_destroy=True", 0),
    ("object_lock_enabled=object_lock", "object_lock_enabled=False", 0),
    ("object_lock_enabled=object_lock", "object_lock_enabled=True", 0),
    ("protect=True", "protect=False", 0),
    ("depends_on=list(outlived_by)", "depends_on=[]", 0),
    ('status="Enabled"', 'status="Suspended"', 0),
    ("block_public_acls=True", "block_public_acls=False", 0),
    ("block_public_policy=True", "block_public_policy=False", 0),
    ("ignore_public_acls=True", "ignore_public_acls=False", 0),
    ("restrict_public_buckets=True", "restrict_public_buckets=False", 0),
    ('"BucketOwnerEnforced"', '"ObjectWriter"', 0),
    ("rules=[encryption]", "rules=[]", 0),
    ("        policy=policy,\n", '        policy="{}",\n', 0),
    ("pulumi.ResourceOptions(depends_on=[blocked, owned])", "pulumi.ResourceOptions()", 0),
    ("(versioning, encrypted, ruled)", "(versioning, encrypted)", 0),
    ("(versioning, encrypted, ruled)", "(encrypted, ruled)", 0),
    ("        region=region,\n", "", 0),
    ("        region=region,\n", "", 1),
    ("        region=region,\n", "", 2),
    ("        region=region,\n", "", 3),
    ("        region=region,\n", "", 4),
)
