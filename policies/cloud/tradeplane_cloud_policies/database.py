"""Rules of RDS: the ledger's database is reached by TLS and IAM, and can be had back as it was."""

from __future__ import annotations

from tradeplane_cloud_policies.access_documents import values
from tradeplane_cloud_policies.rules import Check, Rule

LEAST_BACKUP_DAYS = 7


def _forces_tls(properties: object) -> bool:
    parameters = values(properties.get("parameters"))  # type: ignore[attr-defined]
    return any(one.get("name") == "rds.force_ssl" and str(one.get("value")) == "1" for one in parameters)


RULES = (
    Rule(
        "rds-instance",
        "Databases are private, encrypted, in two zones and backed up.",
        ("aws:rds/instance:Instance",),
        (
            Check("storageEncrypted: set it to true", lambda p: p.get("storageEncrypted") is True),
            Check("kmsKeyId: name a key whose policy is yours", lambda p: bool(p.get("kmsKeyId"))),
            Check("publiclyAccessible: set it to false", lambda p: not p.get("publiclyAccessible")),
            Check("multiAz: set it to true", lambda p: p.get("multiAz") is True),
            Check(
                f"backupRetentionPeriod: set it to {LEAST_BACKUP_DAYS} days or more",
                lambda p: int(p.get("backupRetentionPeriod") or 0) >= LEAST_BACKUP_DAYS,
            ),
            Check("deletionProtection: set it to true", lambda p: p.get("deletionProtection") is True),
            Check("skipFinalSnapshot: set it to false", lambda p: not p.get("skipFinalSnapshot")),
            Check(
                "iamDatabaseAuthenticationEnabled: set it to true",
                lambda p: p.get("iamDatabaseAuthenticationEnabled") is True,
            ),
            Check(
                "password: leave it out and set manageMasterUserPassword, or it is in the stack's state",
                lambda p: not p.get("password") and p.get("manageMasterUserPassword") is True,
            ),
            Check("parameterGroupName: name a group that forces TLS", lambda p: bool(p.get("parameterGroupName"))),
        ),
    ),
    Rule(
        "rds-parameter-group",
        "Databases refuse who comes without TLS.",
        ("aws:rds/parameterGroup:ParameterGroup",),
        (Check("parameters: set rds.force_ssl to 1", _forces_tls),),
    ),
)
