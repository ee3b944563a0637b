"""How log groups could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py", "test_region_cluster.py")

MUTANTS: tuple[Weakening, ...] = (
    ("kms_key_id=key.arn,\n", "\n", 0),
    ("retention_in_days=retention,\n", "\n", 0),
    ("retention_in_days=retention", "retention_in_days=1", 0),
    ('service(f"logs.{config.region}.amazonaws.com")', '{"AWS": "*"}', 0),
    ('f"log-group:{path}"', '"*"', 0),
    ('"ArnEquals"', '"ArnNotEquals"', 0),
    ("region=config.region,\n        opts", "opts", 0),
)
