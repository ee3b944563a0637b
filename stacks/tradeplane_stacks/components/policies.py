"""Statements of IAM policies, written in one way: what is allowed to whom, on what, and on which condition."""

from collections.abc import Sequence
from typing import Any

import pulumi

VERSION = "2012-10-17"


def allow(
    sid: str,
    principal: dict[str, Any] | str,
    actions: Sequence[str],
    condition: dict[str, Any] | None = None,
    resource: str | None = "*",
) -> dict[str, Any]:
    """Return a statement that allows; a trust policy has no resource."""
    statement = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": list(actions)}
    if resource is not None:
        statement["Resource"] = resource
    return statement if condition is None else {**statement, "Condition": condition}


def document(*statements: dict[str, Any]) -> pulumi.Output[str]:
    """Return statements as a policy; they may have outputs in them."""
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": list(statements)}, sort_keys=True)
