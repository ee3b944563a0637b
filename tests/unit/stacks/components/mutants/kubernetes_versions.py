"""How the check of versions of Kubernetes could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_cluster.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("if version not in STANDARD_SUPPORT_UNTIL:", "if False:", 0),
    ('{"1.34": ', '{"1.99": "2099-01-01", "1.34": ', 0),
)
