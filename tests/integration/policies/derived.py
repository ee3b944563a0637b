"""Every way in which a policy could be weakened, derived from what it says rather than listed by hand.

Each is one change: a validation that always holds or is turned round; an operation, a resource or a condition that is
looked at no longer; a refusal that is only noted; parameters that may be missing; a selector left out; and one
operator, text or end of a pattern within an expression. One that no case of the policy's table notices is a rule that
nobody tests.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

from tests.integration.policies.trials import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.policies.server import Json

_TOKEN = re.compile(
    r"""'(?:\\.|[^'\\])*' | && | \|\| | == | != | <= | \.all\( | \.exists\( | \btrue\b | \bfalse\b | !(?!=)""",
    re.VERBOSE,
)
_INSTEAD = {
    "&&": "||",
    "||": "&&",
    "==": "!=",
    "!=": "==",
    "<=": "<",
    ".all(": ".exists(",
    ".exists(": ".all(",
    "true": "false",
    "false": "true",
    "!": "",
}


def weakenings(rules: Rules) -> Iterator[tuple[str, Rules]]:
    """Yield every weakening of a policy and its bindings, each with what it does."""
    for what, change in _of_policy(rules.policy["spec"]):
        policy = copy.deepcopy(rules.policy)
        change(policy["spec"])
        yield what, Rules(policy, rules.bindings)
    for number, binding in enumerate(rules.bindings):
        for what, change in _of_binding(binding["spec"]):
            changed = copy.deepcopy(binding)
            change(changed["spec"])
            yield what, Rules(rules.policy, (*rules.bindings[:number], changed, *rules.bindings[number + 1 :]))


def _of_policy(spec: Json) -> Iterator[tuple[str, Callable[[Json], None]]]:
    yield "failurePolicy Ignore", lambda one: one.update(failurePolicy="Ignore")
    yield from _of_constraints(spec)
    for field in ("variables", "validations", "matchConditions"):
        for number, entry in enumerate(spec.get(field, [])):
            where, expression = f"{field}[{number}]", entry["expression"]
            if field != "variables":
                yield f"{where} is true", _says(field, number, "true")
                yield f"{where} turned round", _says(field, number, f"!({expression})")
            for what, said in expressions(expression):
                yield f"{where}: {what}", _says(field, number, said)


def _of_constraints(spec: Json) -> Iterator[tuple[str, Callable[[Json], None]]]:
    for selector in ("namespaceSelector", "objectSelector"):
        if selector in spec["matchConstraints"]:
            yield f"without {selector}", _without("matchConstraints", selector)
    for number, rule in enumerate(spec["matchConstraints"]["resourceRules"]):
        for field in ("operations", "resources"):
            for value in rule[field]:
                yield f"{field} without {value} ({number})", _without_matched(number, field, value)


def _without(part: str, field: str) -> Callable[[Json], None]:
    def change(spec: Json) -> None:
        del spec[part][field]

    return change


def _missing_parameters(action: str) -> Callable[[Json], None]:
    def change(spec: Json) -> None:
        spec["paramRef"]["parameterNotFoundAction"] = action

    return change


def _without_matched(number: int, field: str, value: str) -> Callable[[Json], None]:
    def change(spec: Json) -> None:
        rules = spec["matchConstraints"]["resourceRules"]
        rules[number][field] = [one for one in rules[number][field] if one != value]
        if not rules[number][field]:
            del rules[number]
        if not rules:  # a policy must match something: nothing that is asked for here
            rules.append({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["events"]})

    return change


def _says(field: str, number: int, expression: str) -> Callable[[Json], None]:
    def change(spec: Json) -> None:
        spec[field][number]["expression"] = expression

    return change


def _of_binding(spec: Json) -> Iterator[tuple[str, Callable[[Json], None]]]:
    yield "validationActions Audit", lambda one: one.update(validationActions=["Audit"])
    if "paramRef" in spec:
        other = {"Deny": "Allow", "Allow": "Deny"}[spec["paramRef"]["parameterNotFoundAction"]]
        yield f"parameterNotFoundAction {other}", _missing_parameters(other)
    for selector in spec.get("matchResources", {}):
        yield f"without {selector}", _without("matchResources", selector)


def expressions(expression: str) -> Iterator[tuple[str, str]]:
    """Yield every change of one token of a CEL expression: of operators, and of texts and patterns."""
    for found in _TOKEN.finditer(expression):
        token = found.group()
        for instead in _texts(token) if token.startswith("'") else (_INSTEAD[token],):
            yield (
                f"{token} -> {instead or 'nothing'} at {found.start()}",
                expression[: found.start()] + instead + expression[found.end() :],
            )


def _texts(literal: str) -> Iterator[str]:
    """Yield other texts in a text's place: another name, or a pattern that is open at one of its ends."""
    text = literal[1:-1]
    if text.startswith("^"):
        yield f"'{text[1:]}'"
    if text.endswith("$"):
        yield f"'{text[:-1]}'"
    if text and not text.startswith("^") and not text.endswith("$"):
        yield f"'{text}-'"
