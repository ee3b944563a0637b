"""YAML text to plain values that remember their lines.

Two readers of one file must not see two strategies, or the laptop's digest would differ from the cluster's. YAML
readers do differ: kubectl's takes ``no`` for false and ``012`` for ten, PyYAML takes ``12:30`` for 750, others keep
strings. So only scalars on which they agree are given a type here, and those on which they do not are refused with the
line and the remedy. A number that YAML 1.1 takes for text (1e5, -.5) is one where all around it is JSON, and refused
elsewhere. Values go through what JSON can carry, as they do on their way to the API server: an integral float
is an integer.

Input is outside input: its size, its depth and the number of values it unfolds to are limited, tags that construct
objects are unknown to the loader, and a key given twice is an error rather than a quiet choice.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_cli.failures import CommandFailure, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 1_048_576
"""Largest file read: the API server refuses larger objects as well (etcd's request limit is 1.5 MiB)."""
MAX_DEPTH = 64
"""Deepest nesting."""
MAX_VALUES = 50_000
"""Most values a document may unfold to, aliases counted each time they are used."""
MAX_INTEGRAL_FLOAT = 1e21
"""Below it JSON writers spell an integral float without an exponent, hence as an integer."""

_NULL = re.compile(r"^(~|null|Null|NULL|)$")
_BOOLEAN = re.compile(r"^(true|True|TRUE|false|False|FALSE)$")
_INTEGER = re.compile(r"^[-+]?(0|[1-9][0-9]*)$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_AMBIGUOUS = re.compile(
    r"^([yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"
    r"|[-+]?0[0-9_]+|[-+]?0[xXoObB][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"
    r"|[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
)

_YAML_1_1 = yaml.resolver.Resolver()
"""What a reader that keeps to YAML 1.1 takes a plain scalar for."""
_PLAIN = "plain"
_TAG = "tag:yaml.org,2002:"

Path = tuple[str | int, ...]
"""Where a value stands in its document: keys and list positions from the root."""


@dataclass(frozen=True, slots=True)
class Source:
    """One YAML document: its value, and for each path in it the line (from 1) that path stands on."""

    file: str
    value: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """Line of ``path``, or of the nearest parent that stands in the text (a missing field has no line)."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def at(self, path: Path) -> Source:
        """Return the value at ``path`` as a document of its own, with its lines in the file."""
        value = self.value
        for step in path:
            value = value[step]
        size = len(path)
        lines = {inner[size:]: line for inner, line in self.lines.items() if inner[:size] == path}
        return Source(self.file, value, lines)


class _Refused(Exception):
    """A node that is not accepted, with the line it stands on."""

    def __init__(self, node: yaml.Node, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.line = _line(node)
        self.message = message
        self.remedy = remedy


def read_documents(text: bytes, file: str) -> tuple[Source, ...]:
    """All documents of a YAML file, empty ones left out.

    Raises CommandFailure naming file and line: not UTF-8, too large, not YAML, a key twice, an ambiguous scalar,
    too deep.
    """
    if len(text) > MAX_BYTES:
        raise _failure(file, None, f"the file is larger than {MAX_BYTES:,} bytes", "split it, one object a file")
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise _failure(file, line, "the text is not UTF-8", "save the file as UTF-8") from error
    try:
        return tuple(_sources(decoded, file))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _failure(
            file, mark.line + 1 if mark else None, f"not YAML: {error.problem or error.context}", None
        ) from error
    except yaml.YAMLError as error:
        raise _failure(file, None, f"not YAML: {error}", None) from error
    except RecursionError as error:
        raise _failure(file, None, f"nested deeper than {MAX_DEPTH} levels", "flatten it") from error
    except _Refused as error:
        raise _failure(file, error.line, error.message, error.remedy) from error


def _failure(file: str, line: int | None, message: str, remedy: str | None) -> CommandFailure:
    return CommandFailure(f"cannot read {file}", problems=(Problem(message, remedy, file=file, line=line),))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _sources(text: str, file: str) -> Iterator[Source]:
    for node in yaml.compose_all(text, Loader=_Loader):
        reader = _Reader()
        value = reader.value(node, ())
        if value is not None:
            yield Source(file, value, reader.lines)


class _Loader(yaml.BaseLoader):
    """Composes nodes only; tells plain scalars, whose type is open, from those a tag or quotes have made strings."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return _PLAIN
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]


class _Reader:
    """Turns one composed document into values, and notes lines and counts as it goes."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._values = 0

    def value(self, node: yaml.Node, path: Path, *, json: bool = False) -> Any:
        """Return what a node stands for; ``json`` says that it is in braces or brackets, as all of JSON is."""
        self._values += 1
        if self._values > MAX_VALUES:
            raise _Refused(node, f"the document unfolds to more than {MAX_VALUES:,} values", "use fewer aliases")
        if len(path) > MAX_DEPTH:
            raise _Refused(node, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        self.lines.setdefault(path, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, json=json or bool(node.flow_style))
        if isinstance(node, yaml.SequenceNode):
            _no_tag(node, _TAG + "seq")
            within = json or bool(node.flow_style)
            return [self.value(item, (*path, index), json=within) for index, item in enumerate(node.value)]
        return _scalar(node, json=json)

    def _mapping(self, node: yaml.MappingNode, path: Path, *, json: bool) -> dict[str, Any]:
        _no_tag(node, _TAG + "map")
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key in result:
                first = self.lines[(*path, key)]
                raise _Refused(
                    key_node, f'the key "{key}" is given twice (first on line {first})', "remove one of the two"
                )
            self.lines[(*path, key)] = _line(key_node)
            result[key] = self.value(value_node, (*path, key), json=json)
        return result


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _Refused(node, "a key is a list or a mapping", "write a plain word as the key")
    if node.tag == _PLAIN and node.value == "<<":
        raise _Refused(node, "merge keys (<<) are not accepted", "write the values out")
    key = _scalar(node, json=False)
    if not isinstance(key, str):
        raise _Refused(node, f"the key {node.value} is not a string", f'put it in quotes: "{node.value}"')
    return key


def _no_tag(node: yaml.Node, standard: str) -> None:
    if node.tag != standard:
        raise _Refused(node, f"the tag {node.tag} is not accepted", "remove the tag and write the plain value")


def _scalar(node: yaml.Node, *, json: bool) -> Any:
    text = str(node.value)
    if node.tag != _PLAIN:
        _no_tag(node, _TAG + "str")
        return text
    if _AMBIGUOUS.match(text) or (not json and _is_number_to_some(text)):
        raise _Refused(
            node,
            f"readers of YAML disagree about what {text} means",
            f'put it in quotes if it is text: "{text}"; write a number such as 0.5 or 1.0e+6 if it is one',
        )
    return _typed(text, node)


def _is_number_to_some(text: str) -> bool:
    """Say whether this is a number to readers such as kubectl's, and text to those of YAML 1.1."""
    if not _FLOAT.match(text):
        return False
    return bool(_YAML_1_1.resolve(yaml.ScalarNode, text, (True, False)) == _TAG + "str")  # type: ignore[no-untyped-call]


def _typed(text: str, node: yaml.Node) -> Any:
    if _NULL.match(text):
        return None
    if _BOOLEAN.match(text):
        return text.lower() == "true"
    if _INTEGER.match(text):
        if len(text) > 20:
            raise _Refused(
                node, f"the integer {text[:24]} is too large", f'put it in quotes if it is text: "{text[:24]}"'
            )
        return int(text)
    if _FLOAT.match(text):
        number = float(text)
        if math.isinf(number):
            raise _Refused(node, f"the number {text} is too large", "write a smaller number")
        return int(number) if number.is_integer() and abs(number) < MAX_INTEGRAL_FLOAT else number
    return text
