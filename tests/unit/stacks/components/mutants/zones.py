"""How the check of zones could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_arm64_capacity.py", "test_region_network.py")

MUTANTS: tuple[Weakening, ...] = (
    ("if len(set(listed)) != len(listed):", "if False:", 0),
    ('if zone.partition("-")[0] != prefix:', "if False:", 0),
    ('"^[a-z]{2,6}[0-9]-az[0-9]$"', '"^.*$"', 0),
)
