"""Types of IAM. They are of no region, as IAM is not; a resource may be given one all the same, as any may."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws import AwsType, client
from tests.integration.stacks.providers.frame import Found, Properties, same

if TYPE_CHECKING:
    from collections.abc import Mapping

_GONE = frozenset({"NoSuchEntity"})


class Role(AwsType):
    """Who may be assumed, and by whom."""

    pulumi_type = "aws:iam/role:Role"
    service, operation = "iam", "CreateRole"
    names: Mapping[str, str] = {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"}
    settings: Mapping[str, type] = {"forceDetachPolicies": bool}
    replaces = frozenset({"name", "path"})
    named = "name"
    gone = _GONE

    def client(self, inputs: Properties) -> Any:
        return client("iam", "us-east-1")

    def create(self, inputs: Properties) -> str:
        return str(self.client(inputs).create_role(**self.request(inputs))["Role"]["RoleName"])

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        role = self.client(inputs).get_role(RoleName=resource_id)["Role"]
        role["AssumeRolePolicyDocument"] = json.dumps(role["AssumeRolePolicyDocument"], sort_keys=True)
        if "PermissionsBoundary" in role:
            role["PermissionsBoundary"] = role["PermissionsBoundary"]["PermissionsBoundaryArn"]
        return Found(
            self.inputs_of(role, inputs), {"arn": role["Arn"], "name": resource_id, "uniqueId": role["RoleId"]}
        )

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        iam, role = self.client(new), {"RoleName": resource_id}
        if not same(old["assumeRolePolicy"], new["assumeRolePolicy"]):
            iam.update_assume_role_policy(**role, PolicyDocument=new["assumeRolePolicy"])
        settings = {
            "Description": new.get("description", ""),
            "MaxSessionDuration": new.get("maxSessionDuration", 3600),
        }
        iam.update_role(**role, **settings)
        if old.get("permissionsBoundary") != new.get("permissionsBoundary"):
            if "permissionsBoundary" in new:
                iam.put_role_permissions_boundary(**role, PermissionsBoundary=new["permissionsBoundary"])
            else:
                iam.delete_role_permissions_boundary(**role)
        if removed := sorted(old.get("tags", {}).keys() - new.get("tags", {}).keys()):
            iam.untag_role(**role, TagKeys=removed)
        if new.get("tags"):
            iam.tag_role(**role, Tags=[{"Key": key, "Value": value} for key, value in sorted(new["tags"].items())])

    def remove(self, resource_id: str, inputs: Properties) -> None:
        self.client(inputs).delete_role(RoleName=resource_id)


class RolePolicy(AwsType):
    """What a role may do."""

    pulumi_type = "aws:iam/rolePolicy:RolePolicy"
    service, operation = "iam", "PutRolePolicy"
    names: Mapping[str, str] = {"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"}
    settings: Mapping[str, type] = {}
    replaces = frozenset({"name", "role"})
    named = "name"
    gone = _GONE

    def client(self, inputs: Properties) -> Any:
        return client("iam", "us-east-1")

    def create(self, inputs: Properties) -> str:
        self.client(inputs).put_role_policy(**self.request(inputs))
        return f"{inputs['role']}:{inputs['name']}"

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        role, _, name = resource_id.partition(":")
        found = self.client(inputs).get_role_policy(RoleName=role, PolicyName=name)
        found["PolicyDocument"] = json.dumps(found["PolicyDocument"], sort_keys=True)
        return Found(self.inputs_of(found, inputs), {})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        self.create(new)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        role, _, name = resource_id.partition(":")
        self.client(inputs).delete_role_policy(RoleName=role, PolicyName=name)


class RolePolicyAttachment(AwsType):
    """A policy of AWS that a role has."""

    pulumi_type = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    service, operation = "iam", "AttachRolePolicy"
    names: Mapping[str, str] = {"role": "RoleName"}
    settings: Mapping[str, type] = {}
    replaces = frozenset({"role", "policyArn"})
    gone = _GONE

    def client(self, inputs: Properties) -> Any:
        return client("iam", "us-east-1")

    def create(self, inputs: Properties) -> str:
        self.client(inputs).attach_role_policy(**self.request(inputs))
        return f"{inputs['role']}/{inputs['policyArn']}"

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        role, _, arn = resource_id.partition("/")
        pages = self.client(inputs).get_paginator("list_attached_role_policies").paginate(RoleName=role)
        attached = {one["PolicyArn"] for page in pages for one in page["AttachedPolicies"]}
        return Found({"role": role, "policyArn": arn}, {}) if arn in attached else None

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Nothing of it is changed: each is replaced."""

    def remove(self, resource_id: str, inputs: Properties) -> None:
        role, _, arn = resource_id.partition("/")
        self.client(inputs).detach_role_policy(RoleName=role, PolicyArn=arn)


TYPES = (Role(), RolePolicy(), RolePolicyAttachment())
