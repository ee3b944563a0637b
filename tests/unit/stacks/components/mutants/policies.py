"""How statements of policies could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py", "test_region_cluster.py")

MUTANTS: tuple[Weakening, ...] = (
    ('"Principal": principal', '"Principal": "*"', 0),
    ('"Action": list(actions)', '"Action": ["*"]', 0),
    ("if condition is None else", "if True else", 0),
    ('statement["Resource"] = resource', 'statement["Resource"] = "*"', 0),
)
