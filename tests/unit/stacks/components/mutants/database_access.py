"""How who may do what with a MetadataDatabase could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_metadata_database.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('LOGS = ("postgresql", "upgrade")', 'LOGS = ("upgrade",)', 0),
    ("dbuser:{resource_id}/{user}", "dbuser:*/{user}", 0),
    ("dbuser:{resource_id}/{user}", "dbuser:{resource_id}/*", 0),
    ('["rds-db:connect"]', '["rds*"]', 0),
    ('        "StringEquals": {"aws:SourceAccount": config.account},\n', "", 0),
    ('        "ArnEquals": {"aws:SourceArn": config.arn},\n', "", 0),
    ('service("monitoring.rds.amazonaws.com")', '{"AWS": "*"}', 0),
    ("principal=monitoring, condition=condition", "principal=monitoring", 0),
    (":secret:rds!db-*", ":secret:*", 0),
    ("log-group:{config.log_group(kind)}", "log-group:*", 0),
    ('read = ["kms:Decrypt", "kms:GenerateDataKey"]', 'read = ["kms:*"]', 0),
    ('        grants_to_service("GrantToDatabase", administrators, rds),\n', "", 0),
    ('"GrantToDatabase", administrators, rds', '"GrantToDatabase", administrators, "*"', 0),
    ('"GrantToDatabase", administrators, rds', '"GrantToDatabase", ["*"], rds', 0),
    ('        grants_to_service("GrantToSecret", administrators, secrets),\n', "", 0),
    ("            roles(administrators),\n", '            {"AWS": "*"},\n', 0),
    ("            roles(administrators),\n", '            {"AWS": "*"},\n', 1),
    ('{"StringEquals": {"kms:ViaService": secrets}, ', "{", 0),
    (', "StringLike": {"kms:EncryptionContext:SecretARN": secret}', "", 0),
    ('{"kms:ViaService": rds, "kms:EncryptionContext:aws:pi:service": "rds"}', '{"kms:ViaService": rds}', 0),
    (
        '{"kms:ViaService": rds, "kms:EncryptionContext:aws:pi:service": "rds"}',
        '{"kms:EncryptionContext:aws:pi:service": "rds"}',
        0,
    ),
    ('service(service_host("logs", config.region))', '{"AWS": "*"}', 0),
    ('{"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": groups}}', "{}", 0),
    ('"kms:Decrypt", "kms:DescribeKey", ', '"kms:Decrypt", "kms:DescribeKey", "kms:CreateGrant", ', 0),
    ('"GrantToBackups", config.administrator_roles', '"GrantToBackups", ["*"]', 0),
    ('service_host("rds", region)', 'service_host("rds", config.region)', 0),
)
