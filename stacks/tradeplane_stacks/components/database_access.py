"""Who may do what with a MetadataDatabase: policies of its keys and roles, decided without AWS."""

from tradeplane_stacks.components.data_key import Use, grants_to_service
from tradeplane_stacks.components.metadata_database_config import MetadataDatabaseConfig
from tradeplane_stacks.components.placement import service_host
from tradeplane_stacks.components.policy_documents import document, roles, service, statement

LOGS = ("postgresql", "upgrade")
"""All logs that RDS exports of Postgres."""


def connect_policy(config: MetadataDatabaseConfig, user: str, resource_id: str) -> str:
    """Return what lets a role log in as one user of the database, by a token of AWS in place of a password."""
    arn = f"arn:{config.partition}:rds-db:{config.region}:{config.account}:dbuser:{resource_id}/{user}"
    return document(statement("Connect", "Allow", ["rds-db:connect"], [arn]))


def monitoring_trust(config: MetadataDatabaseConfig) -> str:
    """Return who may be the role that writes what the machine does to CloudWatch: RDS, of this database."""
    condition = {
        "StringEquals": {"aws:SourceAccount": config.account},
        "ArnEquals": {"aws:SourceArn": config.arn},
    }
    monitoring = service("monitoring.rds.amazonaws.com")
    return document(statement("Monitor", "Allow", ["sts:AssumeRole"], principal=monitoring, condition=condition))


def key_uses(config: MetadataDatabaseConfig) -> list[Use]:
    """Return who uses the database's key: RDS by grants, the logs, and administrators for the master's password.

    Sources: Amazon RDS User Guide, "AWS KMS key management", "Password management with Amazon RDS and AWS Secrets
    Manager" and "Configuring access policies for Performance Insights"; CloudWatch Logs User Guide, "Encrypt log data".
    """
    rds, secrets = service_host("rds", config.region), service_host("secretsmanager", config.region)
    administrators = config.administrator_roles
    place = f"{config.region}:{config.account}"
    secret = f"arn:{config.partition}:secretsmanager:{place}:secret:rds!db-*"
    groups = [f"arn:{config.partition}:logs:{place}:log-group:{config.log_group(kind)}" for kind in LOGS]
    read = ["kms:Decrypt", "kms:GenerateDataKey"]
    return [
        grants_to_service("GrantToDatabase", administrators, rds),
        grants_to_service("GrantToSecret", administrators, secrets),
        Use(
            "ReadMasterPassword",
            roles(administrators),
            read,
            {"StringEquals": {"kms:ViaService": secrets}, "StringLike": {"kms:EncryptionContext:SecretARN": secret}},
        ),
        Use(
            "ReadInsights",
            roles(administrators),
            read,
            {"StringEquals": {"kms:ViaService": rds, "kms:EncryptionContext:aws:pi:service": "rds"}},
        ),
        Use(
            "WriteLogs",
            service(service_host("logs", config.region)),
            ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": groups}},
        ),
    ]


def backup_key_uses(config: MetadataDatabaseConfig, region: str) -> list[Use]:
    """Return who uses the key of the copies of backups: RDS there, by grants."""
    return [grants_to_service("GrantToBackups", config.administrator_roles, service_host("rds", region))]
