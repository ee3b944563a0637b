"""How what everything of a region has could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py", "test_region_cluster.py")

MUTANTS: tuple[Weakening, ...] = (
    ("Field(min_length=1)", "Field(min_length=0)", 0),
    ("if stack.region not in (None, self.region):", "if False:", 0),
    ("if self.partition not in _PARTITIONS:", "if False:", 0),
    ('if role.split(":")[1] != self.partition:', "if False:", 0),
    ('if role.split(":")[4] != self.account:', "if False:", 0),
    (":{self.region}:{self.account}:{resource}", ":*:*:{resource}", 0),
)
