"""What the programs of the stacks would have AWS make, as the plans of Terraform that checkov reads.

Pulumi's provider of AWS is made of Terraform's: types, fields and nested blocks are the same, by other names. What
differs is stated here for what the components use, and what is not stated is refused, rather than guessed. Each stack
is one plan. References are Pulumi's own (which output became which input); what only AWS would know is made up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from tradeplane_stacks.automation.environment import PROGRAMS
from tradeplane_stacks.pictures.asking import asked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pulumi.runtime.proto.resource_pb2 import RegisterResourceRequest

Json = dict[str, Any]
ENVIRONMENT = "prod"

WITHOUT_MODULE = frozenset({"ec2", "vpc"})
"""Modules of Pulumi that Terraform's names do not have, but for the types of the next."""
TYPES: Mapping[str, str] = MappingProxyType(
    {
        "ec2:LaunchTemplate": "aws_launch_template",
        "rds:Instance": "aws_db_instance",
        "rds:InstanceAutomatedBackupsReplication": "aws_db_instance_automated_backups_replication",
        "rds:ParameterGroup": "aws_db_parameter_group",
        "rds:SubnetGroup": "aws_db_subnet_group",
        "s3:BucketReplicationConfig": "aws_s3_bucket_replication_configuration",
        "vpc:SecurityGroupIngressRule": "aws_vpc_security_group_ingress_rule",
    }
)
"""Types that are named otherwise than by their module and their own name."""
BLOCKS: Mapping[str, str] = MappingProxyType(
    {
        "appliedFors": "applied_for",
        "attributes": "attribute",
        "destinations": "destination",
        "encryptionConfigurations": "encryption_configuration",
        "parameters": "parameter",
        "podIdentityAssociations": "pod_identity_association",
        "replicas": "replica",
        "repositoryFilters": "repository_filter",
        "routes": "route",
        "rules": "rule",
        "taints": "taint",
        "transitions": "transition",
    }
)
"""Fields whose plural is Pulumi's own: of lists of objects, which Terraform has as blocks of one name."""
PLURALS = frozenset({"blockDeviceMappings", "tagSpecifications", "egress", "ingress"})
"""Lists of objects that both have by the same name."""
MAPS = frozenset({"tags", "resourceTags", "labels"})
"""Objects whose keys are anybody's; of all others Terraform makes a block, which is a list of one."""
UNJUDGED = frozenset(
    {
        "aws_db_parameter_group",
        "aws_db_subnet_group",
        "aws_default_network_acl",
        "aws_default_route_table",
        "aws_default_security_group",
        "aws_dynamodb_resource_policy",
        "aws_dynamodb_table_item",
        "aws_ecr_registry_scanning_configuration",
        "aws_ecr_replication_configuration",
        "aws_ecr_repository_creation_template",
        "aws_eks_access_entry",
        "aws_eks_access_policy_association",
        "aws_eks_addon",
        "aws_eks_pod_identity_association",
        "aws_flow_log",
        "aws_internet_gateway",
        "aws_kms_alias",
        "aws_kms_replica_key",
        "aws_nat_gateway",
        "aws_route_table_association",
        "aws_s3_bucket_logging",
        "aws_s3_bucket_object_lock_configuration",
        "aws_s3_bucket_replication_configuration",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
        "aws_vpc_endpoint",
    }
)
"""Types that checkov has no check of alone; some it reads beside others. Another is misspelt."""
_RUNNERS, _CHART = ":Arm64Runners", ":Release"
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class UnknownField(Exception):
    """A list of objects of which nobody has said how Terraform has it."""


@dataclass
class Plan:
    """The resources of one stack as Terraform would plan them."""

    resources: list[Json] = field(default_factory=list)
    configured: list[Json] = field(default_factory=list)
    _addresses: dict[str, str] = field(default_factory=dict)

    def add(self, request: RegisterResourceRequest) -> None:
        """Add what a program asks of AWS; all else is passed over.

        Raises:
            UnknownField: a field has to be stated in ``BLOCKS`` or ``PLURALS`` first.

        """
        if not request.type.startswith("aws:"):
            return
        kind, name = terraform_type(request.type), re.sub(r"[^A-Za-z0-9_-]", "_", request.name)
        address = f"{kind}.{name}"
        self._addresses[request.name] = address
        at = {"address": address, "mode": "managed", "type": kind, "name": name}
        self.resources.append(at | {"values": values(MessageToDict(request.object), request.type)})
        self.configured.append(at | {"expressions": self._expressions(request)})

    def _expressions(self, request: RegisterResourceRequest) -> Json:
        """Return which field refers to which resources, as far as these are of the same stack."""
        found: Json = {}
        for name, of in request.propertyDependencies.items():
            named = [self._addresses[one] for urn in of.urns if (one := urn.rpartition("::")[2]) in self._addresses]
            if named:
                found[terraform_field(name)] = {"references": [f"{one}.id" for one in named] + named}
        return found

    def document(self) -> Json:
        """Return it as ``terraform show -json`` prints a plan."""
        changes = [
            {key: one[key] for key in ("address", "mode", "type", "name")}
            | {"change": {"actions": ["create"], "before": None, "after": one["values"], "after_unknown": {}}}
            for one in self.resources
        ]
        return {
            "format_version": "1.2",
            "terraform_version": "1.9.0",
            "planned_values": {"root_module": {"resources": self.resources}},
            "resource_changes": changes,
            "configuration": {"root_module": {"resources": self.configured}},
        }


def terraform_type(token: str) -> str:
    """Return Terraform's name of a type: ``aws_kms_key`` for ``aws:kms/key:Key``."""
    _, path, name = token.split(":")
    module = path.partition("/")[0]
    if (known := TYPES.get(f"{module}:{name}")) is not None:
        return known
    own = terraform_field(name[0].lower() + name[1:])
    return f"aws_{own}" if module in WITHOUT_MODULE else f"aws_{module}_{own}"


def terraform_field(name: str) -> str:
    """Return Terraform's name of a field."""
    return BLOCKS.get(name) or _CAPITAL.sub("_", name).lower()


def values(properties: Json, where: str) -> Json:
    """Return properties as Terraform has them: a nested object is a list of one.

    Raises:
        UnknownField: a list of objects that is neither in ``BLOCKS`` nor in ``PLURALS``; ``where`` says of what.

    """
    return {terraform_field(name): _value(name, value, where) for name, value in properties.items()}


def _value(name: str, value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return dict(value) if name in MAPS else [values(value, f"{where}.{name}")]
    if isinstance(value, list):
        if any(isinstance(one, dict) for one in value):
            if name not in BLOCKS and name not in PLURALS:
                raise UnknownField(f"{where}: {name}: say in tests/scan/plans.py what Terraform calls it")
            return [values(one, f"{where}.{name}") for one in value]
        return list(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Stacks:
    """What stacks would have made, by name."""

    plans: dict[str, Json] = field(default_factory=dict)
    objects: dict[str, list[Json]] = field(default_factory=dict)
    """Of Kubernetes, as far as kustomize does not render them: what is around runners of CI, without their charts."""


def stacks(root: Path) -> Stacks:
    """Return what each stack of the environment would have made, by the examples of configuration."""
    given: dict[str, dict[str, Any]] = {}
    found = Stacks()
    for program in PROGRAMS:
        folder = root / "stacks" / program.folder
        for file in sorted(folder.glob(f"Pulumi.{ENVIRONMENT}*.yaml")):
            stack, plan = file.stem.removeprefix("Pulumi."), Plan()
            objects: list[Json] = []

            def watch(request: RegisterResourceRequest, plan: Plan = plan, objects: list[Json] = objects) -> None:
                plan.add(request)
                if request.type.startswith("kubernetes:") and _RUNNERS in request.parent and _CHART not in request.type:
                    objects.append(MessageToDict(request.object))

            asked(folder, stack, program, given, watch)
            found.plans[f"plan-{program.folder}-{stack}"] = plan.document()
            if objects:
                found.objects[f"runners-{stack}"] = objects
    return found


def faulty() -> Json:
    """Return a plan that checkov has to find something wrong with, before it is believed."""
    at = {"address": "aws_db_instance.open", "mode": "managed", "type": "aws_db_instance", "name": "open"}
    open_ = {"engine": "postgres", "publicly_accessible": True}
    return Plan([at | {"values": open_}], [at | {"expressions": {}}]).document()
