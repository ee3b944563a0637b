"""Reading policies of IAM, KMS and buckets: JSON in which much may be one value or a list of them.

The language is AWS's (IAM user guide, "IAM JSON policy elements reference").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_BYTES = 128 * 1024
"""No policy of AWS is longer than some tens of kilobytes."""


class UnreadablePolicy(ValueError):
    """A policy that is not a JSON object with statements."""


def statements(document: object) -> list[Mapping[str, Any]]:
    """Return the statements of a policy, given as text or as an object. Raises UnreadablePolicy."""
    if isinstance(document, str):
        if len(document) > MAX_BYTES:
            raise UnreadablePolicy(f"a policy of more than {MAX_BYTES} characters")
        try:
            document = json.loads(document)
        except ValueError as error:
            raise UnreadablePolicy(f"a policy that is not JSON: {error}") from None
    if not isinstance(document, Mapping):
        raise UnreadablePolicy("a policy that is not an object")
    found = values(document.get("Statement"))
    if not found or not all(isinstance(one, Mapping) for one in found):
        raise UnreadablePolicy("a policy without statements")
    return found


def values(element: object) -> list[Any]:
    """Return what may be one value or a list of them as a list."""
    if element is None:
        return []
    return list(element) if isinstance(element, Sequence) and not isinstance(element, str) else [element]


def allowed(document: object) -> Iterator[Mapping[str, Any]]:
    """Yield the statements that allow something. Raises UnreadablePolicy."""
    return (one for one in statements(document) if one.get("Effect") == "Allow")


def is_for_anyone(statement: Mapping[str, Any]) -> bool:
    """Return whether a statement is for anyone at all: ``*`` as a principal, or all but some."""
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        return any("*" in values(of_kind) for of_kind in principal.values())
    return principal == "*"


def accounts(statement: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the principals of AWS that are whole accounts, by their root or by their number, and all others."""
    principal = statement.get("Principal")
    named = [str(one) for one in values(principal.get("AWS"))] if isinstance(principal, Mapping) else []
    whole = [one for one in named if one.endswith(":root") or re.fullmatch(r"[0-9]{12}", one)]
    return whole, [one for one in named if one not in whole]


def actions(statement: Mapping[str, Any]) -> list[str]:
    """Return the actions of a statement; all of them where it says only which not."""
    if "NotAction" in statement:
        return ["*"]
    return [str(action) for action in values(statement.get("Action"))]


def resources(statement: Mapping[str, Any]) -> list[str]:
    """Return the resources of a statement; all of them where it says only which not."""
    if "NotResource" in statement:
        return ["*"]
    return [str(resource) for resource in values(statement.get("Resource"))]


def refuses_without_tls(statement: Mapping[str, Any]) -> bool:
    """Return whether a statement refuses everything to everyone who comes without TLS."""
    condition = statement.get("Condition") or {}
    only = dict(condition) == {"Bool": {"aws:SecureTransport": "false"}}
    everything = "s3:*" in actions(statement) or "*" in actions(statement)
    return statement.get("Effect") == "Deny" and is_for_anyone(statement) and everything and only
