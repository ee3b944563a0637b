"""The database of the audit ledger and of the index of snapshots: Postgres on Amazon RDS, in two zones.

Users log in by tokens of AWS and have no password. The master has one, which Secrets Manager made, keeps and rotates,
so that no secret is in the state of Pulumi. The database is reached inside the network, by the security groups that
are named, and by TLS.
"""

from functools import partial

import pulumi
from pulumi_aws import cloudwatch, ec2, iam, kms, rds, vpc

from tradeplane_stacks.components.data_key import data_key, data_key_policy
from tradeplane_stacks.components.database_access import (
    LOGS,
    backup_key_uses,
    connect_policy,
    key_uses,
    monitoring_trust,
)
from tradeplane_stacks.components.metadata_database_config import MASTER, DatabaseNetwork, MetadataDatabaseConfig
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import TaggedComponent, required_tags

PORT = 5432

PARAMETERS = {
    "rds.force_ssl": "1",
    "ssl_min_protocol_version": "TLSv1.2",
    "password_encryption": "scram-sha-256",
    "log_connections": "1",
    "log_disconnections": "1",
    "log_statement": "ddl",
    # Of what is slow the text, and of nothing its values: those are configurations, and who applied them.
    "log_min_duration_statement": "1000",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""What the server is told. Source: Amazon RDS User Guide, "Parameters for RDS for PostgreSQL DB instances"."""


class MetadataDatabase(TaggedComponent):
    """The instance with its standby, its keys, its network, its logs, and who logs in."""

    address: pulumi.Output[str]
    """Its name in the network."""

    port: int
    """Its port, Postgres' own."""

    resource_id: pulumi.Output[str]
    """What RDS calls it for good, of which ``rds-db:connect`` speaks."""

    security_group_id: pulumi.Output[str]
    """Its security group."""

    master_secret_arn: pulumi.Output[str]
    """The secret that has the master's password; not the password."""

    def __init__(
        self,
        name: str,
        config: MetadataDatabaseConfig,
        stack: StackName,
        network: DatabaseNetwork,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("MetadataDatabase", name, required_tags(stack, config.ownership), opts)
        self._name, self._config, self._network = name, config, network
        self._children = pulumi.ResourceOptions(parent=self)
        policy = data_key_policy(config.administrator_roles, key_uses(config))
        key = data_key(
            f"{name}-key",
            config.region,
            config.deletion_window_days,
            policy,
            f"Encrypts {config.identifier}",
            self._children,
        )
        group = self._security_group()
        instance = self._instance(key, group, self._logs(key))
        self._users(instance)
        if config.backup_region is not None:
            self._copy_backups(instance, config.backup_region)
        self.address, self.port, self.resource_id = instance.address, PORT, instance.resource_id
        self.security_group_id = group.id
        self.master_secret_arn = instance.master_user_secrets[0].apply(lambda secret: secret.secret_arn or "")
        self.register_outputs(
            {
                "address": self.address,
                "port": self.port,
                "resource_id": self.resource_id,
                "security_group_id": self.security_group_id,
                "master_secret_arn": self.master_secret_arn,
            }
        )

    def _security_group(self) -> ec2.SecurityGroup:
        """Let in those that are named, and nothing out: no rule of the way out is made."""
        region = self._config.region
        group = ec2.SecurityGroup(
            f"{self._name}-group",
            vpc_id=self._network.vpc_id,
            description=f"Reaches {self._config.identifier}",
            region=region,
            opts=self._children,
        )
        for client, client_group in self._network.clients.items():
            vpc.SecurityGroupIngressRule(
                f"{self._name}-from-{client}",
                security_group_id=group.id,
                referenced_security_group_id=client_group,
                ip_protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                description=f"Postgres, from {client}",
                region=region,
                opts=self._children,
            )
        return group

    def _logs(self, key: kms.Key) -> list[cloudwatch.LogGroup]:
        """Make the groups before RDS would: with a key and an end."""
        return [
            cloudwatch.LogGroup(
                f"{self._name}-{kind}-log",
                name=self._config.log_group(kind),
                kms_key_id=key.arn,
                retention_in_days=self._config.log_days,
                region=self._config.region,
                opts=self._children,
            )
            for kind in LOGS
        ]

    def _parameters(self) -> rds.ParameterGroup:
        told = [
            rds.ParameterGroupParameterArgs(name=name, value=value, apply_method="immediate")
            for name, value in PARAMETERS.items()
        ]
        # Read at a start alone.
        members_only = rds.ParameterGroupParameterArgs(
            name="rds.restrict_password_commands", value="1", apply_method="pending-reboot"
        )
        return rds.ParameterGroup(
            f"{self._name}-parameters",
            family=f"postgres{self._config.postgres}",
            parameters=[*told, members_only],
            region=self._config.region,
            opts=self._children,
        )

    def _monitoring_role(self) -> iam.Role:
        role = iam.Role(
            f"{self._name}-monitoring",
            assume_role_policy=monitoring_trust(self._config),
            description=f"Writes what the machine of {self._config.identifier} does to CloudWatch",
            opts=self._children,
        )
        iam.RolePolicyAttachment(
            f"{self._name}-monitoring-policy",
            role=role.name,
            policy_arn=f"arn:{self._config.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
            opts=self._children,
        )
        return role

    def _instance(self, key: kms.Key, group: ec2.SecurityGroup, logs: list[cloudwatch.LogGroup]) -> rds.Instance:
        config = self._config
        subnets = rds.SubnetGroup(
            f"{self._name}-subnets", subnet_ids=self._network.subnet_ids, region=config.region, opts=self._children
        )
        day = config.maintenance_day
        return rds.Instance(
            f"{self._name}-instance",
            identifier=config.identifier,
            engine="postgres",
            engine_version=config.postgres,
            auto_minor_version_upgrade=True,
            allow_major_version_upgrade=False,
            instance_class=config.instance_class,
            storage_type="gp3",
            allocated_storage=config.storage_gib,
            max_allocated_storage=config.most_storage_gib,
            multi_az=True,
            db_name=config.database,
            port=PORT,
            username=MASTER,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=key.arn,
            iam_database_authentication_enabled=True,
            storage_encrypted=True,
            kms_key_id=key.arn,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group.id],
            publicly_accessible=False,
            parameter_group_name=self._parameters().name,
            backup_retention_period=config.backup_days,
            backup_window=config.backup_window,
            maintenance_window="-".join(f"{day}:{time}" for time in config.maintenance_window.split("-")),
            copy_tags_to_snapshot=True,
            delete_automated_backups=False,
            deletion_protection=True,
            skip_final_snapshot=False,
            final_snapshot_identifier=f"{config.identifier}-final",
            enabled_cloudwatch_logs_exports=list(LOGS),
            monitoring_interval=60,
            monitoring_role_arn=self._monitoring_role().arn,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=key.arn,
            performance_insights_retention_period=7,
            region=config.region,
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=logs),
        )

    def _users(self, instance: rds.Instance) -> None:
        for user, arn in self._config.users.items():
            iam.RolePolicy(
                f"{self._name}-connect-{user}",
                role=arn.rsplit("/", 1)[-1],
                policy=instance.resource_id.apply(partial(connect_policy, self._config, user)),
                opts=self._children,
            )

    def _copy_backups(self, instance: rds.Instance, region: str) -> None:
        config = self._config
        policy = data_key_policy(config.administrator_roles, backup_key_uses(config, region))
        description = f"Encrypts the backups of {config.identifier}"
        key = data_key(
            f"{self._name}-{region}-key", region, config.deletion_window_days, policy, description, self._children
        )
        rds.InstanceAutomatedBackupsReplication(
            f"{self._name}-{region}-backups",
            source_db_instance_arn=instance.arn,
            kms_key_id=key.arn,
            retention_period=config.backup_days,
            region=region,
            opts=self._children,
        )
