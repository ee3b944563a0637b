"""Rules of KMS keys: named principals only, and no way back to losing them by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_cloud_policies.access_documents import accounts, actions, allowed, is_for_anyone
from tradeplane_cloud_policies.rules import Check, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY, REPLICA_KEY = "aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey"
LEAST_DELETION_DAYS = 14
_DEFAULT_DELETION_DAYS = 30
_CALLER = ("kms:CallerAccount", "aws:PrincipalOrgID", "aws:PrincipalAccount")


def _names_its_users(properties: Mapping[str, Any]) -> bool:
    """Return whether everyone who is allowed anything is named, or is at least of an account that is."""
    for statement in allowed(properties.get("policy")):
        condition = statement.get("Condition") or {}
        same = {**(condition.get("StringEquals") or {}), **(condition.get("ArnEquals") or {})}
        if is_for_anyone(statement) and not any(name in same for name in _CALLER):
            return False
    return True


def _allows_no_use_in_general(properties: Mapping[str, Any]) -> bool:
    """Return whether nobody but a whole account is allowed everything: who may would sign and decrypt as well."""
    return not any(
        {"*", "kms:*"} & set(actions(statement)) and (accounts(statement)[1] or not accounts(statement)[0])
        for statement in allowed(properties.get("policy"))
    )


def _signs_without_accounts(properties: Mapping[str, Any]) -> bool:
    """Return whether no whole account is allowed to use a signing key: IAM could hand that on to anyone there."""
    if properties.get("keyUsage") != "SIGN_VERIFY":
        return True
    return not any(
        {"*", "kms:*", "kms:Sign", "kms:CreateGrant"} & set(actions(statement)) and accounts(statement)[0]
        for statement in allowed(properties.get("policy"))
    )


def _encrypts(properties: Mapping[str, Any]) -> bool:
    return properties.get("keyUsage") in (None, "ENCRYPT_DECRYPT") and properties.get("customerMasterKeySpec") in (
        None,
        "SYMMETRIC_DEFAULT",
    )


_EVERY = (
    Check("policy: write one; without it the account's administrators decide alone", lambda p: bool(p.get("policy"))),
    Check(
        "policy: name who is allowed, or bind it to an account by kms:CallerAccount",
        lambda p: not p.get("policy") or _names_its_users(p),
    ),
    Check(
        "policy: allow named actions, not kms:*",
        lambda p: not p.get("policy") or _allows_no_use_in_general(p),
    ),
    Check(
        f"deletionWindowInDays: leave it out, or set it to {LEAST_DELETION_DAYS} to 30",
        lambda p: int(p.get("deletionWindowInDays") or _DEFAULT_DELETION_DAYS) >= LEAST_DELETION_DAYS,
    ),
    Check(
        "bypassPolicyLockoutSafetyCheck: leave it out, or a key may be left that nobody can administer",
        lambda p: not p.get("bypassPolicyLockoutSafetyCheck"),
    ),
)

RULES = (
    Rule(
        "kms-key",
        "Keys are for who is named, and are not lost by accident.",
        (KEY,),
        (
            *_EVERY,
            Check(
                "policy: let no whole account use a signing key; IAM would hand it on",
                lambda p: not p.get("policy") or _signs_without_accounts(p),
            ),
            Check(
                "enableKeyRotation: set it to true for a key that encrypts",
                lambda p: not _encrypts(p) or p.get("enableKeyRotation") is True,
            ),
        ),
    ),
    Rule("kms-replica-key", "Replicas of keys are held to what keys are.", (REPLICA_KEY,), _EVERY),
)
