"""How keys that encrypt could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py", "test_region_cluster.py")

MUTANTS: tuple[Weakening, ...] = (
    ("DELETION_WINDOW_DAYS = 30", "DELETION_WINDOW_DAYS = 7", 0),
    (
        "administered, *uses",
        'statement("All", "Allow", ENCRYPT, ["*"], principal={"AWS": "*"}), administered, *uses',
        0,
    ),
    ("*uses),", "),", 0),
    ("ADMINISTER, [", '[*ADMINISTER, "kms:Decrypt"], [', 0),
    ("ADMINISTER, [", '[*ADMINISTER, "kms:CreateGrant"], [', 0),
    ("roles(config.administrator_roles)", '{"AWS": "*"}', 0),
    ('ENCRYPT = ["kms:Decrypt"', 'ENCRYPT = ["kms:CreateGrant", "kms:Decrypt"', 0),
    ('GRANT = ["kms:CreateGrant"', 'GRANT = ["kms:*", "kms:CreateGrant"', 0),
    ('"kms:GrantIsForAWSResource": "true"', '"kms:GrantIsForAWSResource": "false"', 0),
    ("config.region,\n", '"us-east-1",\n', 0),
)
