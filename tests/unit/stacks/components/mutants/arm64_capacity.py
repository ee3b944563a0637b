"""How the check of arm64 capacity could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_arm64_capacity.py", "test_region_cluster.py")

MUTANTS: tuple[Weakening, ...] = (
    ("if offered is None:", "if offered is None and False:", 0),
    ("if offered is None:", "if region not in OFFERED:\n        return\n    if offered is None:", 0),
    ("if not is_arm64(instance_type):", "if False:", 0),
    ('if instance_type.partition(".")[0] not in offered:', "if False:", 0),
    ('"af-south-1": "c6g', '"af-south-1": "m9g c6g', 0),
    ("[0-9]+g[a-z]*|a1", "[0-9]+[a-z]*|a1", 0),
    ("[0-9]+g[a-z]*|a1", "[0-9]+g[a-z]*", 0),
)
