"""Types of RDS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws_rows import Request, Row, RowType

if TYPE_CHECKING:
    from tests.integration.stacks.providers.frame import Properties


class SubnetGroup(RowType):
    """Subnets of a database."""

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return the ids of its subnets, in the order of the inputs: they are a set."""
        ids = {one["SubnetIdentifier"] for one in found["Subnets"]}
        wanted = inputs["subnetIds"]
        return {**found, "SubnetIds": [*(one for one in wanted if one in ids), *sorted(ids - set(wanted))]}


class ParameterGroup(RowType):
    """What a server is told; parameters are set by a request of their own."""

    def look(self, resource_id: str, inputs: Properties) -> Any:
        """Return it, with the parameters of its inputs as they are."""
        found = super().look(resource_id, inputs)
        if found is not None:
            pages = (
                self.client(inputs).get_paginator("describe_db_parameters").paginate(DBParameterGroupName=resource_id)
            )
            now = {one["ParameterName"]: one.get("ParameterValue") for page in pages for one in page["Parameters"]}
            found.inputs["parameters"] = [{**one, "value": now.get(one["name"])} for one in inputs["parameters"]]
        return found


class Instance(RowType):
    """A database."""

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return what is told under another name than it is asked for by."""
        return {
            **found,
            "DBSubnetGroupName": found["DBSubnetGroup"]["DBSubnetGroupName"],
            "DBParameterGroupName": found["DBParameterGroups"][0]["DBParameterGroupName"],
            "VpcSecurityGroupIds": [one["VpcSecurityGroupId"] for one in found["VpcSecurityGroups"]],
            "EnableIAMDatabaseAuthentication": found["IAMDatabaseAuthenticationEnabled"],
            "EnableCloudwatchLogsExports": found["EnabledCloudwatchLogsExports"],
            "address": found["Endpoint"]["Address"],
            "masterUserSecrets": [{"secretArn": found["MasterUserSecret"]["SecretArn"], "secretStatus": "active"}],
        }

    def look(self, resource_id: str, inputs: Properties) -> Any:
        """Return it, with the list that is an output as a list."""
        found = super().look(resource_id, inputs)
        if found is not None:
            found.outputs["masterUserSecrets"] = [found.outputs["masterUserSecrets"]]
        return found

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Remove it, with the last snapshot that its inputs ask for."""
        last = {"SkipFinalSnapshot": bool(inputs.get("skipFinalSnapshot"))}
        if not inputs.get("skipFinalSnapshot"):
            last["FinalDBSnapshotIdentifier"] = inputs["finalSnapshotIdentifier"]
        backups = {"DeleteAutomatedBackups": bool(inputs.get("deleteAutomatedBackups", True))}
        self.ask(inputs, "DeleteDBInstance", {"DBInstanceIdentifier": resource_id, **last, **backups})


class CopiedBackups(RowType):
    """Copies of a database's backups, in the region that they are asked for in."""

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return the database by the name that it is asked for by."""
        return {**found, "SourceDBInstanceArn": found["DBInstanceArn"]}

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Copy no more."""
        self.ask(inputs, self.row.delete, {"SourceDBInstanceArn": inputs["sourceDbInstanceArn"]})


def _modified(member: str) -> Any:
    return "ModifyDBInstance", lambda one, value: {"DBInstanceIdentifier": one, member: value, "ApplyImmediately": True}


def _parameters(one: str, value: Any) -> Request:
    told = [{"ParameterName": p["name"], "ParameterValue": p["value"], "ApplyMethod": p["applyMethod"]} for p in value]
    return {"DBParameterGroupName": one, "Parameters": told}


_NAMES = {
    "identifier": "DBInstanceIdentifier",
    "instanceClass": "DBInstanceClass",
    "username": "MasterUsername",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "parameterGroupName": "DBParameterGroupName",
    "backupWindow": "PreferredBackupWindow",
    "maintenanceWindow": "PreferredMaintenanceWindow",
    "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "performanceInsightsEnabled": "EnablePerformanceInsights",
    "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
}

TYPES = (
    SubnetGroup(
        Row(
            kind="rds/subnetGroup:SubnetGroup",
            service="rds",
            create="CreateDBSubnetGroup",
            made="DBSubnetGroup.DBSubnetGroupName",
            describe="DescribeDBSubnetGroups",
            found="DBSubnetGroups",
            delete="DeleteDBSubnetGroup",
            by=lambda one: {"DBSubnetGroupName": one},
            removed_by=lambda one: {"DBSubnetGroupName": one},
            names={"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"},
            changes={
                "subnetIds": ("ModifyDBSubnetGroup", lambda one, ids: {"DBSubnetGroupName": one, "SubnetIds": ids})
            },
            untold=frozenset({"tags"}),
            named="name",
            gone=frozenset({"DBSubnetGroupNotFoundFault"}),
        )
    ),
    ParameterGroup(
        Row(
            kind="rds/parameterGroup:ParameterGroup",
            service="rds",
            create="CreateDBParameterGroup",
            made="DBParameterGroup.DBParameterGroupName",
            describe="DescribeDBParameterGroups",
            found="DBParameterGroups",
            delete="DeleteDBParameterGroup",
            by=lambda one: {"DBParameterGroupName": one},
            removed_by=lambda one: {"DBParameterGroupName": one},
            names={"name": "DBParameterGroupName", "family": "DBParameterGroupFamily"},
            settings={"parameters": list},
            changes={"parameters": ("ModifyDBParameterGroup", _parameters)},
            untold=frozenset({"tags"}),
            named="name",
            gone=frozenset({"DBParameterGroupNotFound", "DBParameterGroupNotFoundFault"}),
        )
    ),
    Instance(
        Row(
            kind="rds/instance:Instance",
            service="rds",
            create="CreateDBInstance",
            made="DBInstance.DBInstanceIdentifier",
            describe="DescribeDBInstances",
            found="DBInstances",
            delete="DeleteDBInstance",
            by=lambda one: {"DBInstanceIdentifier": one},
            removed_by=lambda one: {"DBInstanceIdentifier": one},
            names=_NAMES,
            settings={
                "allowMajorVersionUpgrade": bool,
                "skipFinalSnapshot": bool,
                "finalSnapshotIdentifier": str,
                "deleteAutomatedBackups": bool,
            },
            changes={
                "backupRetentionPeriod": _modified("BackupRetentionPeriod"),
                "deletionProtection": _modified("DeletionProtection"),
                "multiAz": _modified("MultiAZ"),
                "publiclyAccessible": _modified("PubliclyAccessible"),
            },
            # moto keeps nothing of these, or tells them otherwise than AWS does.
            untold=frozenset(
                {
                    "tags",
                    "engineVersion",
                    "maintenanceWindow",
                    "manageMasterUserPassword",
                    "masterUserSecretKmsKeyId",
                    "performanceInsightsEnabled",
                    "performanceInsightsKmsKeyId",
                    "performanceInsightsRetentionPeriod",
                    "port",
                }
            ),
            unchangeable=frozenset({"tags", "engineVersion", "instanceClass", "allocatedStorage", "maintenanceWindow"}),
            outputs={
                "arn": "DBInstanceArn",
                "address": "address",
                "resourceId": "DbiResourceId",
                "masterUserSecrets": "masterUserSecrets",
            },
            gone=frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault"}),
        )
    ),
    CopiedBackups(
        Row(
            kind="rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
            service="rds",
            create="StartDBInstanceAutomatedBackupsReplication",
            made="DBInstanceAutomatedBackup.DBInstanceAutomatedBackupsArn",
            describe="DescribeDBInstanceAutomatedBackups",
            found="DBInstanceAutomatedBackups",
            delete="StopDBInstanceAutomatedBackupsReplication",
            by=lambda one: {"DBInstanceAutomatedBackupsArn": one},
            removed_by=lambda _: {},
            names={"retentionPeriod": "BackupRetentionPeriod"},
            gone=frozenset({"DBInstanceAutomatedBackupNotFound", "DBInstanceAutomatedBackupNotFoundFault"}),
        )
    ),
)
