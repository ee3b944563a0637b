"""How the check of regions could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_signing_key.py", "test_tags.py")

MUTANTS: tuple[Weakening, ...] = (
    ("if region not in partitions():", "if not region:", 0),
    ('get_available_regions("kms", partition_name=partition)', 'get_available_regions("kms")', 0),
)
