from typing import Any, NamedTuple

import pulumi
import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.metadata_database import MetadataDatabase
from tradeplane_stacks.components.metadata_database_config import DatabaseNetwork, MetadataDatabaseConfig
from tradeplane_stacks.components.stack_name import StackName

from tests.unit.stacks.components.policy_evaluation import allowed
from tests.unit.stacks.components.recording import Answers, Recorded, record
from tests.unit.stacks.components.resource_options import noted_options, protected, waits_for

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
ADMINISTRATOR, RECORDER, AUDITOR = f"{ROLE}/administrator", f"{ROLE}/eks/recorder", f"{ROLE}/auditor"
SOMEBODY = f"{ROLE}/somebody"
KEY = "arn:ledger-key"


def config(**changes: object) -> MetadataDatabaseConfig:
    return MetadataDatabaseConfig.read(
        {
            "ownership": {"owner": "desk", "cost_center": "cc-7", "data_classification": "restricted"},
            "account": ACCOUNT,
            "administrator_roles": [ADMINISTRATOR],
            "region": "eu-west-1",
            "backup_region": "us-east-1",
            "identifier": "tradeplane-prod",
            "users": {"tradeplane": RECORDER, "auditors": AUDITOR},
        }
        | changes
    )


def network(**changes: Any) -> DatabaseNetwork:
    return DatabaseNetwork(
        **{
            "vpc_id": "vpc-1",
            "subnet_ids": ["subnet-a", "subnet-b", "subnet-c"],
            "clients": {"cluster": "sg-cluster", "auditors": "sg-auditors"},
        }
        | changes
    )


class Made(NamedTuple):
    recorded: Recorded
    options: dict[str, pulumi.ResourceOptions]

    def inputs(self, name: str) -> dict[str, Any]:
        return self.recorded.resources[name].inputs

    @property
    def instance(self) -> dict[str, Any]:
        return self.inputs("ledger-instance")


def instance(inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": f"{inputs['identifier']}.rds.amazonaws.com",
        "resourceId": "db-ABC",
        "masterUserSecrets": [{"secretArn": "arn:secret", "kmsKeyId": KEY, "secretStatus": "active"}],
    }


# Names that AWS makes up, where none is given.
ANSWERS: Answers = {
    "aws:rds/instance:Instance": instance,
    "aws:rds/subnetGroup:SubnetGroup": lambda _: {"name": "made-subnets"},
    "aws:rds/parameterGroup:ParameterGroup": lambda _: {"name": "made-parameters"},
    "aws:iam/role:Role": lambda _: {"name": "made-role"},
}


def make(**changes: object) -> Made:
    def run() -> dict[str, Any]:
        made = MetadataDatabase("ledger", config(**changes), StackName("prod"), network())
        assert made.port == 5432
        return {
            "address": made.address,
            "resource_id": made.resource_id,
            "group": made.security_group_id,
            "master": made.master_secret_arn,
        }

    with noted_options() as options:
        recorded = record(run, ANSWERS)
    return Made(recorded, options)


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("engine", "postgres"),
        ("engineVersion", "15"),
        ("autoMinorVersionUpgrade", True),
        ("allowMajorVersionUpgrade", False),
        ("multiAz", True),
        ("publiclyAccessible", False),
        ("storageEncrypted", True),
        ("kmsKeyId", KEY),
        ("iamDatabaseAuthenticationEnabled", True),
        ("manageMasterUserPassword", True),
        ("masterUserSecretKmsKeyId", KEY),
        ("backupRetentionPeriod", 35),
        ("backupWindow", "02:00-03:00"),
        ("maintenanceWindow", "sun:04:00-sun:05:00"),
        ("copyTagsToSnapshot", True),
        ("deleteAutomatedBackups", False),
        ("deletionProtection", True),
        ("skipFinalSnapshot", False),
        ("finalSnapshotIdentifier", "tradeplane-prod-final"),
        ("enabledCloudwatchLogsExports", ["postgresql", "upgrade"]),
        ("monitoringInterval", 60),
        ("monitoringRoleArn", "arn:ledger-monitoring"),
        ("performanceInsightsEnabled", True),
        ("performanceInsightsKmsKeyId", KEY),
        ("vpcSecurityGroupIds", ["ledger-group-id"]),
        ("identifier", "tradeplane-prod"),
        ("dbName", "audit"),
        ("storageType", "gp3"),
        ("allocatedStorage", 100),
        ("maxAllocatedStorage", 1000),
        ("port", 5432),
        ("region", "eu-west-1"),
    ],
)
def test_the_instance_is_as_it_is_to_be(made: Made, setting: str, value: object) -> None:
    assert made.instance[setting] == value


def test_no_password_is_known_here(made: Made) -> None:
    assert not {"password", "passwordWo"} & set(made.instance)
    assert made.recorded.outputs["master"] == "arn:secret"


def test_the_instance_is_made_in_the_private_subnets_by_its_own_parameters(made: Made) -> None:
    subnets, parameters = made.inputs("ledger-subnets"), made.inputs("ledger-parameters")
    assert subnets["subnetIds"] == ["subnet-a", "subnet-b", "subnet-c"]
    assert subnets["region"] == parameters["region"] == "eu-west-1"
    assert made.instance["dbSubnetGroupName"] == "made-subnets"
    assert made.instance["parameterGroupName"] == "made-parameters"


def test_connections_are_by_tls_and_no_value_of_a_statement_is_logged(made: Made) -> None:
    inputs = made.inputs("ledger-parameters")
    assert inputs["family"] == "postgres15"
    assert {one["name"]: one["value"] for one in inputs["parameters"]} == {
        "rds.force_ssl": "1",
        "ssl_min_protocol_version": "TLSv1.2",
        "password_encryption": "scram-sha-256",
        "rds.restrict_password_commands": "1",
        "log_connections": "1",
        "log_disconnections": "1",
        "log_statement": "ddl",
        "log_min_duration_statement": "1000",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }
    at_a_start = {one["name"] for one in inputs["parameters"] if one["applyMethod"] == "pending-reboot"}
    assert at_a_start == {"rds.restrict_password_commands"}


def test_only_the_named_groups_reach_it_and_it_reaches_nobody(made: Made) -> None:
    group = made.inputs("ledger-group")
    assert (group["vpcId"], group["region"]) == ("vpc-1", "eu-west-1")
    assert not {"ingress", "egress"} & set(group)
    assert not made.recorded.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    rules = made.recorded.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert {rule["referencedSecurityGroupId"] for rule in rules.values()} == {"sg-cluster", "sg-auditors"}
    for rule in rules.values():
        assert not {"cidrIpv4", "cidrIpv6", "prefixListId"} & set(rule)
        assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 5432, 5432)
        assert (rule["securityGroupId"], rule["region"]) == ("ledger-group-id", "eu-west-1")


def test_its_logs_are_encrypted_end_and_are_there_first(made: Made) -> None:
    groups = made.recorded.of_type("aws:cloudwatch/logGroup:LogGroup")
    assert {inputs["name"] for inputs in groups.values()} == {
        "/aws/rds/instance/tradeplane-prod/postgresql",
        "/aws/rds/instance/tradeplane-prod/upgrade",
    }
    for inputs in groups.values():
        assert (inputs["kmsKeyId"], inputs["retentionInDays"], inputs["region"]) == (KEY, 400, "eu-west-1")
    assert waits_for(made.options["ledger-instance"]) == set(groups)


def test_each_role_logs_in_as_one_user(made: Made) -> None:
    place = f"arn:aws:rds-db:eu-west-1:{ACCOUNT}:dbuser"
    for user, role in (("tradeplane", "recorder"), ("auditors", "auditor")):
        inputs = made.inputs(f"ledger-connect-{user}")
        assert inputs["role"] == role
        assert allowed(inputs["policy"], "it", "rds-db:connect", f"{place}:db-ABC/{user}")
        for other in ("db-ABC/tradeplane_master", "db-OTHER/tradeplane", "db-OTHER/auditors"):
            assert not allowed(inputs["policy"], "it", "rds-db:connect", f"{place}:{other}")
        assert not allowed(inputs["policy"], "it", "rds:DeleteDBInstance", f"{place}:db-ABC/{user}")
    assert not allowed(
        made.inputs("ledger-connect-auditors")["policy"], "it", "rds-db:connect", f"{place}:db-ABC/tradeplane"
    )


def test_what_the_machine_does_is_written_by_rds_of_this_database(made: Made) -> None:
    trust, monitoring = made.inputs("ledger-monitoring")["assumeRolePolicy"], "monitoring.rds.amazonaws.com"
    ours = {
        "aws:SourceAccount": ACCOUNT,
        "aws:SourceArn": f"arn:aws:rds:eu-west-1:{ACCOUNT}:db:tradeplane-prod",
    }
    assert allowed(trust, monitoring, "sts:AssumeRole", "*", ours)
    for wrong in ({"aws:SourceAccount": "444455556666"}, {"aws:SourceArn": f"{ours['aws:SourceArn']}-2"}):
        assert not allowed(trust, monitoring, "sts:AssumeRole", "*", ours | wrong)
    assert not any(allowed(trust, who, "sts:AssumeRole", "*", ours) for who in (ADMINISTRATOR, "ec2.amazonaws.com"))
    attached = made.inputs("ledger-monitoring-policy")
    assert attached["role"] == "made-role"
    assert attached["policyArn"] == "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"


RDS, SECRETS = "rds.eu-west-1.amazonaws.com", "secretsmanager.eu-west-1.amazonaws.com"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret"
GROUP = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/rds/instance"
READ = {"kms:Decrypt", "kms:GenerateDataKey"}
WRITE_LOGS = READ | {"kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:DescribeKey"}
LOGS = "logs.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("who", "context", "what"),
    [
        (ADMINISTRATOR, {"kms:ViaService": RDS, "kms:GrantIsForAWSResource": "true"}, {"kms:CreateGrant"}),
        (ADMINISTRATOR, {"kms:ViaService": SECRETS, "kms:GrantIsForAWSResource": "true"}, {"kms:CreateGrant"}),
        (ADMINISTRATOR, {"kms:ViaService": "ec2.eu-west-1.amazonaws.com", "kms:GrantIsForAWSResource": "true"}, set()),
        (ADMINISTRATOR, {"kms:ViaService": RDS}, set()),
        (ADMINISTRATOR, {"kms:ViaService": SECRETS, "kms:EncryptionContext:SecretARN": f"{SECRET}:rds!db-1"}, READ),
        (ADMINISTRATOR, {"kms:ViaService": SECRETS, "kms:EncryptionContext:SecretARN": f"{SECRET}:other"}, set()),
        (ADMINISTRATOR, {"kms:ViaService": RDS, "kms:EncryptionContext:SecretARN": f"{SECRET}:rds!db-1"}, set()),
        (ADMINISTRATOR, {"kms:ViaService": RDS, "kms:EncryptionContext:aws:pi:service": "rds"}, READ),
        (ADMINISTRATOR, {"kms:ViaService": SECRETS, "kms:EncryptionContext:aws:pi:service": "rds"}, set()),
        (ADMINISTRATOR, {}, set()),
        (LOGS, {"kms:EncryptionContext:aws:logs:arn": f"{GROUP}/tradeplane-prod/postgresql"}, WRITE_LOGS),
        (LOGS, {"kms:EncryptionContext:aws:logs:arn": f"{GROUP}/tradeplane-prod/upgrade"}, WRITE_LOGS),
        (LOGS, {"kms:EncryptionContext:aws:logs:arn": f"{GROUP}/tradeplane-dev/upgrade"}, set()),
        (LOGS, {}, set()),
        (RECORDER, {"kms:ViaService": SECRETS, "kms:EncryptionContext:SecretARN": f"{SECRET}:rds!db-1"}, set()),
        (SOMEBODY, {"kms:ViaService": RDS, "kms:GrantIsForAWSResource": "true"}, set()),
        (SOMEBODY, {"kms:ViaService": RDS, "kms:EncryptionContext:aws:pi:service": "rds"}, set()),
        (SOMEBODY, {"kms:EncryptionContext:aws:logs:arn": f"{GROUP}/tradeplane-prod/postgresql"}, set()),
    ],
)
def test_the_key_is_used_for_what_the_database_does(
    made: Made, who: str, context: dict[str, str], what: set[str]
) -> None:
    policy = made.inputs("ledger-key")["policy"]
    asked = {*WRITE_LOGS, "kms:CreateGrant"} - ({"kms:DescribeKey"} if who == ADMINISTRATOR else set())
    assert {action for action in asked if allowed(policy, who, action, "*", context)} == what


def test_backups_are_copied_to_another_region_and_encrypted_there(made: Made) -> None:
    copied = made.inputs("ledger-us-east-1-backups")
    assert copied["sourceDbInstanceArn"] == "arn:ledger-instance"
    assert (copied["kmsKeyId"], copied["region"], copied["retentionPeriod"]) == (
        "arn:ledger-us-east-1-key",
        "us-east-1",
        35,
    )
    key = made.inputs("ledger-us-east-1-key")
    assert key["region"] == "us-east-1"
    granting = {"kms:ViaService": "rds.us-east-1.amazonaws.com", "kms:GrantIsForAWSResource": "true"}
    assert allowed(key["policy"], ADMINISTRATOR, "kms:CreateGrant", "*", granting)
    assert not allowed(key["policy"], ADMINISTRATOR, "kms:CreateGrant", "*", granting | {"kms:ViaService": RDS})
    assert not allowed(key["policy"], SOMEBODY, "kms:CreateGrant", "*", granting)


def test_backups_are_copied_nowhere_if_nobody_asks() -> None:
    alone = make(backup_region=None)
    assert {inputs["region"] for inputs in alone.recorded.of_type("aws:kms/key:Key").values()} == {"eu-west-1"}
    kind = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
    assert not alone.recorded.of_type(kind)


def test_instance_and_keys_are_protected_from_removal(made: Made) -> None:
    assert protected(made.options) == {"ledger-instance", "ledger-key", "ledger-us-east-1-key"}


def test_it_tells_how_it_is_reached(made: Made) -> None:
    outputs = made.recorded.outputs
    assert outputs["address"] == "tradeplane-prod.rds.amazonaws.com"
    assert (outputs["resource_id"], outputs["group"]) == ("db-ABC", "ledger-group-id")


def test_everything_that_takes_tags_has_the_required(made: Made) -> None:
    for name in (
        "ledger-instance",
        "ledger-key",
        "ledger-group",
        "ledger-subnets",
        "ledger-parameters",
        "ledger-monitoring",
    ):
        assert made.inputs(name)["tags"]["tradeplane:data-classification"] == "restricted"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subnet_ids": []}, "subnet_ids: 0 given"),
        ({"subnet_ids": ["subnet-a"]}, "subnet_ids: 1 given; a standby needs two"),
        ({"clients": {}}, "clients: none given"),
    ],
)
def test_a_network_without_a_place_for_a_standby_or_a_client_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        network(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"region": "eu-west-9"}, "region: .*no region"),
        ({"backup_region": "eu-west-1"}, "backup_region: another one than region"),
        ({"backup_region": "mars-1"}, "backup_region"),
        ({"backup_region": "cn-north-1"}, "one partition of AWS, not of aws, aws-cn"),
        ({"account": "444455556666"}, "is not of account 444455556666"),
        ({"users": {"tradeplane": "arn:aws:iam::444455556666:role/r"}}, r"users\.tradeplane: .* is not of account"),
        ({"users": {"tradeplane": "arn:aws-cn:iam::111122223333:role/r"}}, "one partition"),
        ({"users": {}}, "users"),
        ({"users": {"tradeplane": "*"}}, r"users\.tradeplane"),
        ({"users": {"Trade Plane": RECORDER}}, r"users\.Trade Plane"),
        ({"users": {"tradeplane_master": RECORDER}}, r"users\.tradeplane_master: made the database"),
        ({"users": {"tradeplane": ADMINISTRATOR}}, r"users\.tradeplane: .* is one of administrator_roles"),
        ({"users": {"tradeplane": RECORDER, "auditors": RECORDER}}, r"users\.auditors: .* is one of users\.tradeplane"),
        ({"identifier": "tradeplane--prod"}, "identifier"),
        ({"identifier": "1prod"}, "identifier"),
        ({"identifier": "a" * 41}, "identifier"),
        ({"database": "audit-db"}, "database"),
        ({"postgres": "13"}, "postgres"),
        ({"instance_class": "m7g.large"}, "instance_class"),
        ({"storage_gib": 19}, "storage_gib"),
        ({"storage_gib": 200, "most_storage_gib": 100}, "most_storage_gib: no less than storage_gib"),
        ({"backup_days": 6}, "backup_days"),
        ({"backup_days": 36}, "backup_days"),
        ({"backup_window": "2-3"}, "backup_window"),
        ({"maintenance_day": "someday"}, "maintenance_day"),
        ({"log_days": 30}, "log_days"),
        ({"password": "secret"}, "password: Extra"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(**changes)
