"""How keys of data could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_data_key.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("ROTATION_DAYS = 365", "ROTATION_DAYS = 2560", 0),
    ("enable_key_rotation=True", "enable_key_rotation=False", 0),
    ("        rotation_period_in_days=ROTATION_DAYS,\n", "", 0),
    ("multi_region=False", "multi_region=True", 0),
    ("        policy=policy,\n", "", 0),
    ("check=False", "check=True", 0),
    ("deletion_window_in_days=deletion_window_days", "deletion_window_in_days=7", 0),
    ("        region=region,\n", "", 0),
    ("protect=True", "protect=False", 0),
    ('"SYMMETRIC_DEFAULT"', '"HMAC_256"', 0),
    ('"ENCRYPT_DECRYPT"', '"GENERATE_VERIFY_MAC"', 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:Decrypt",\n', 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:GenerateDataKey",\n', 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:CreateGrant",\n', 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:*",\n', 0),
    ("principal=roles(administrators)", 'principal={"AWS": "*"}', 0),
    ("principal=use.principal", 'principal={"AWS": "*"}', 0),
    (", condition=use.condition", "", 0),
    ('"Allow", use.actions', '"Allow", ["kms:*"]', 0),
    ('"StringEquals": {"kms:ViaService": host}, ', "", 0),
    (', "Bool": {"kms:GrantIsForAWSResource": "true"}', "", 0),
    ('"kms:GrantIsForAWSResource": "true"', '"kms:GrantIsForAWSResource": "false"', 0),
    ('Use(sid, roles(arns), ["kms:CreateGrant"]', 'Use(sid, {"AWS": "*"}, ["kms:CreateGrant"]', 0),
    ('["kms:CreateGrant"], condition)', '["kms:*"], condition)', 0),
)
