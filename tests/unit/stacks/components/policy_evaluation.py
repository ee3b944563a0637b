"""Whether policies allow a request, as AWS decides it, so that tests ask what somebody may do and not what is written.

Source: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators" (what holds when a
key is missing) and "Variables and tags" (a variable without a value matches nothing). An operator that is not here is
an error, and so is an element.
"""

import json
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

Context = Mapping[str, str]

_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def allowed(policy: str, principal: str, action: str, resource: str = "*", context: Context | None = None) -> bool:
    """Return whether a policy lets a principal, an ARN or the host of a service, do something to a resource."""
    return decided(policy, principal, action, resource, context) is True


def decided(
    policy: str, principal: str, action: str, resource: str = "*", context: Context | None = None
) -> bool | None:
    """Return True where it is allowed, False where it is refused whoever allows it, None where nothing is said."""
    effects = {
        statement["Effect"]
        for statement in json.loads(policy)["Statement"]
        if _applies(statement, principal, action, resource, {"aws:PrincipalArn": principal, **(context or {})})
    }
    return False if "Deny" in effects else True if "Allow" in effects else None


def _applies(statement: dict[str, Any], principal: str, action: str, resource: str, context: Context) -> bool:
    assert set(statement) <= _ELEMENTS, f"cannot tell what {sorted(set(statement) - _ELEMENTS)} mean"
    return (
        _is_principal(statement.get("Principal"), principal)
        and any(fnmatchcase(action, pattern) for pattern in statement["Action"])
        and any(_is_resource(pattern, resource, context) for pattern in statement.get("Resource", ["*"]))
        and all(
            _OPERATORS[operator](context.get(key), _listed(values), context)
            for operator, tests in statement.get("Condition", {}).items()
            for key, values in tests.items()
        )
    )


def _is_principal(said: dict[str, Any] | None, principal: str) -> bool:
    if said is None:
        return True  # the policy of a role, which is whose it is
    named = [one for values in said.values() for one in _listed(values)]
    return "*" in named or principal in named


def _is_resource(pattern: str, resource: str, context: Context) -> bool:
    with_values = _with_values(pattern, context)
    return with_values is not None and fnmatchcase(resource, with_values)


def _with_values(text: str, context: Context) -> str | None:
    if any(name not in context for name in _VARIABLE.findall(text)):
        return None
    return _VARIABLE.sub(lambda found: context[found.group(1)], text)


def _listed(values: str | list[str]) -> list[str]:
    return [values] if isinstance(values, str) else values


def _like(value: str | None, wanted: list[str], context: Context) -> bool:
    patterns = [_with_values(one, context) for one in wanted]
    return value is not None and any(one is not None and fnmatchcase(value, one) for one in patterns)


_OPERATORS: dict[str, Callable[[str | None, list[str], Context], bool]] = {
    "StringEquals": lambda value, wanted, _: value in wanted,
    "StringNotEquals": lambda value, wanted, _: value not in wanted,
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnNotEquals": lambda value, wanted, context: not _like(value, wanted, context),
    "Bool": lambda value, wanted, _: value in wanted,
    "Null": lambda value, wanted, _: ("true" if value is None else "false") in wanted,
    "NumericLessThan": lambda value, wanted, _: value is not None and any(float(value) < float(one) for one in wanted),
}
