"""Policy documents of AWS, as plain values: written without AWS, and compared in tests as what they say."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pulumi

VERSION = "2012-10-17"

Document = dict[str, Any]
EVERYONE: Mapping[str, Any] = {"AWS": "*"}


def roles(arns: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
    """Return the principals that these roles are."""
    return {"AWS": list(arns)}


def service(host: str) -> dict[str, Any]:
    """Return the principal that a service of AWS is, such as ``s3.amazonaws.com``."""
    return {"Service": host}


def statement(
    sid: str,
    effect: Literal["Allow", "Deny"],
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]] = (),
    *,
    principal: Mapping[str, Any] | None = None,
    condition: Mapping[str, Any] | None = None,
) -> Document:
    """Return one statement. A policy of a role has no principal, one of trust or of a repository no resource."""
    said: Document = {"Sid": sid, "Effect": effect, "Action": list(actions)}
    if principal is not None:
        said["Principal"] = dict(principal)
    if resources:
        said["Resource"] = list(resources)
    if condition is not None:
        said["Condition"] = dict(condition)
    return said


def document(*statements: Document) -> str:
    """Return the policy as AWS takes it, the same text for the same statements."""
    return json.dumps({"Version": VERSION, "Statement": statements}, sort_keys=True)


def document_of_outputs(*statements: Document) -> pulumi.Output[str]:
    """Return the policy of statements in which some principals or resources are not known before they are made."""
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": list(statements)}, sort_keys=True)
