"""How what says where something lies in S3 could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_config.py", "test_platform_ledger.py")

MUTANTS: tuple[Weakening, ...] = (
    ('r"^s3://', 'r"^[a-z0-9]+://', 0),
    ('r"^[a-z]{2}(-[a-z]+)+-[0-9]$"', 'r"^.+$"', 0),
)
