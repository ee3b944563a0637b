"""Every way in which an alert could be weakened, derived from its rule rather than listed by hand.

Each is one change: a threshold, a comparison, a span of time, a matcher of a label or one of its alternatives, a word
that joins two conditions or a function within the expression; how long it has to hold; a label or an annotation. One
that no case of the alert's table notices is a part of a rule that nobody tests.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Rule = dict[str, Any]

_TOKEN = re.compile(
    r"""
    (?P<span>    (?<=\[)\d+[mh](?=\])  |  (?<=offset\s)\d+[mh] )
    | (?P<threshold> (?<=[<>=]\s)\d+(?:\.\d+)? )
    | (?P<compared>  >=|==|> )
    | (?P<joined>    \b(?:and|or|unless)\b )
    | (?P<grouped>   \b(?:on|by)\s\(\w+\) )
    | (?P<function>  \b(?:min_over_time|sum|absent)(?=\s?\(|\sby) )
    | (?P<matchers>  \{[^}]*\} )
    """,
    re.VERBOSE,
)
_COMPARED = {">": (">=", "<"), ">=": (">", "<"), "==": ("!=",)}
_JOINED = {"and": ("or", "unless"), "or": ("and",), "unless": ("and", "or")}
_FUNCTION = {"min_over_time": ("max_over_time", "avg_over_time"), "sum": ("min", "count"), "absent": ("count",)}
_MINUTES = {"m": 1, "h": 60}


def weakenings(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Yield every weakening of a rule, each with what it does."""
    for what, said in expressions(rule["expr"]):
        yield what, rule | {"expr": said}
    if "for" in rule:
        for span in _spans(rule["for"]):
            yield f"for: {rule['for']} -> {span}", rule | {"for": span}
        yield "for: left out", {key: value for key, value in rule.items() if key != "for"}
    else:
        yield "for: 1m", rule | {"for": "1m"}
    for part in ("labels", "annotations"):
        for key, value in rule[part].items():
            yield f"{part}: {key} is another", rule | {part: rule[part] | {key: f"not {value}"}}
            yield f"{part}: without {key}", rule | {part: {k: v for k, v in rule[part].items() if k != key}}


def expressions(expression: str) -> Iterator[tuple[str, str]]:
    """Yield every change of one token of an expression."""
    seen: Counter[str] = Counter()
    for found in _TOKEN.finditer(expression):
        token = found.group()
        seen[token] += 1
        for instead in _instead(str(found.lastgroup), token):
            yield (
                f"{token} -> {instead or 'nothing'} ({seen[token]})",
                expression[: found.start()] + instead + expression[found.end() :],
            )


def _instead(group: str, token: str) -> Iterator[str]:
    if group == "span":
        yield from _spans(token)
    elif group == "threshold":
        yield from _thresholds(float(token))
    elif group == "grouped":
        yield "on (job)" if token.startswith("on") else ""
    elif group == "matchers":
        yield from _fewer_matchers(token)
    else:
        yield from {"compared": _COMPARED, "joined": _JOINED, "function": _FUNCTION}[group][token]


def _spans(span: str) -> Iterator[str]:
    minutes = int(span[:-1]) * _MINUTES[span[-1]]
    yield f"{minutes * 30}s"
    yield f"{minutes * 2}m"


def _thresholds(threshold: float) -> Iterator[str]:
    by = 1 if threshold.is_integer() else threshold / 5
    yield f"{threshold + by:g}"
    yield f"{threshold - by:g}"


def _fewer_matchers(braces: str) -> Iterator[str]:
    matchers = braces[1:-1].split(",")
    for number, matcher in enumerate(matchers):
        yield f"{{{','.join(matchers[:number] + matchers[number + 1 :])}}}"
        name, alternatives = matcher.split("=", 1)
        values = alternatives.lstrip("~").strip('"').split("|")
        for one in values if len(values) > 1 else ():
            fewer = f'{name}=~"{"|".join(value for value in values if value != one)}"'
            yield f"{{{','.join([*matchers[:number], fewer, *matchers[number + 1 :]])}}}"
