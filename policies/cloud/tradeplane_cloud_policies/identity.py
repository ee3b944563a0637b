"""Rules of IAM: roles for who is named, nothing that may do everything, and no credentials that last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_cloud_policies.access_documents import actions, allowed, is_for_anyone, resources, values
from tradeplane_cloud_policies.rules import Check, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADMINISTRATION = ("arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/PowerUserAccess")


def _may_not_do_everything(document: object) -> bool:
    return not any("*" in actions(statement) and "*" in resources(statement) for statement in allowed(document))


def _may_not_do_all_of_a_service(document: object) -> bool:
    """Return whether no statement allows ``service:*`` on all resources."""
    return not any(
        action != "*" and action.endswith(":*") and "*" in resources(statement)
        for statement in allowed(document)
        for action in actions(statement)
    )


def _names_who(properties: Mapping[str, Any]) -> bool:
    return not any(map(is_for_anyone, allowed(properties.get("assumeRolePolicy"))))


_POLICY = (
    Check("policy: name actions and resources, not * on *", lambda p: _may_not_do_everything(p.get("policy"))),
    Check(
        "policy: where a whole service is allowed (service:*), name its resources",
        lambda p: _may_not_do_all_of_a_service(p.get("policy")),
    ),
)

RULES = (
    Rule(
        "iam-role",
        "Roles are assumed by who is named, and none administers the account.",
        ("aws:iam/role:Role",),
        (
            Check("assumeRolePolicy: name who may assume it", _names_who),
            Check(
                "managedPolicyArns: leave out AdministratorAccess and PowerUserAccess",
                lambda p: not set(values(p.get("managedPolicyArns"))) & set(_ADMINISTRATION),
            ),
        ),
    ),
    Rule(
        "iam-policy",
        "No policy allows everything.",
        ("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy"),
        _POLICY,
    ),
    Rule(
        "iam-attachment",
        "No role administers the account.",
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:iam/policyAttachment:PolicyAttachment"),
        (
            Check(
                "policyArn: attach a policy that names what is needed",
                lambda p: p.get("policyArn") not in _ADMINISTRATION,
            ),
        ),
    ),
    Rule(
        "iam-long-lived-credentials",
        "There are no users of IAM and no access keys: they last until somebody loses them.",
        ("aws:iam/user:User", "aws:iam/accessKey:AccessKey", "aws:iam/userLoginProfile:UserLoginProfile"),
        (Check("use a role, assumed by federation or by pod identity", lambda _: False),),
    ),
)
