"""How policies could say less than they are given."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_snapshot_access.py", "test_region_network.py", "test_region_cluster.py")

MUTANTS: tuple[Weakening, ...] = (
    ('        said["Condition"] = dict(condition)\n', "        pass\n", 0),
    ('        said["Principal"] = dict(principal)\n', '        said["Principal"] = {"AWS": "*"}\n', 0),
    ('        said["Resource"] = list(resources)\n', '        said["Resource"] = ["*"]\n', 0),
    ('"Action": list(actions)', '"Action": ["*"]', 0),
    ('{"AWS": list(arns)}', '{"AWS": ["*"]}', 0),
)
