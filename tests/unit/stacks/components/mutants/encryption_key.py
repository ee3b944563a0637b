"""How keys that encrypt could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py", "test_region_cluster.py")

MUTANTS: tuple[Weakening, ...] = (
    ('"SYMMETRIC_DEFAULT"', '"RSA_2048"', 0),
    ('"ENCRYPT_DECRYPT"', '"SIGN_VERIFY"', 0),
    ("enable_key_rotation=True", "enable_key_rotation=False", 0),
    ("bypass_policy_lockout_safety_check=False", "bypass_policy_lockout_safety_check=True", 0),
    ("DELETION_WINDOW_DAYS = 30", "DELETION_WINDOW_DAYS = 7", 0),
    ("protect=True", "protect=False", 0),
    ("ADMINISTER), *uses", "ADMINISTER), allow('Everybody', '*', ENCRYPT), *uses", 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:Decrypt",\n', 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:CreateGrant",\n', 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:*",\n', 0),
    ('{"AWS": list(config.administrator_roles)}', '{"AWS": "*"}', 0),
    ('ENCRYPT = ["kms:Decrypt"', 'ENCRYPT = ["kms:CreateGrant", "kms:Decrypt"', 0),
    ('GRANT = ["kms:CreateGrant"', 'GRANT = ["kms:*", "kms:CreateGrant"', 0),
    ('"kms:GrantIsForAWSResource": "true"', '"kms:GrantIsForAWSResource": "false"', 0),
    ("region=config.region,\n        opts", "opts", 0),
)
