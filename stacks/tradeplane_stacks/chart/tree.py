"""What a template is before it is text: an object with places taken from values, and parts that may be left out.

The text is that of kustomize where nothing differs. Scalars are written by ``toJson``, as JSON is YAML that no value
can break out of.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_BRACES = '{{ "{{" }}'


@dataclass(frozen=True)
class Literal:
    """What is the same in every case."""

    value: Any


@dataclass(frozen=True)
class Expression:
    """What is taken from values: the text between the braces, which gives JSON."""

    text: str


@dataclass(frozen=True)
class Part:
    """A part of a mapping or a list: with its key, where it has one, and when it is there."""

    node: Node
    key: str | None = None
    condition: str | None = None


@dataclass(frozen=True)
class Entries:
    """A mapping with parts that differ."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Items:
    """A list with parts that differ."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Alternatives:
    """One of several, by the first condition that holds; the last has none."""

    nodes: tuple[tuple[str | None, Node], ...]


@dataclass(frozen=True)
class Document:
    """YAML within a text, as a ConfigMap holds a file."""

    node: Node


Node: TypeAlias = Literal | Expression | Entries | Items | Alternatives | Document


def text_of(node: Node) -> str:
    """Return the text of a template that gives an object."""
    return "\n".join(_block(node, 0)) + "\n"


def repeated(text: str, expression: str, item: str) -> str:
    """Return the text of a template that gives an object for each item of a list."""
    return f"{{{{- range {item} := {expression} }}}}\n---\n{text}{{{{- end }}}}\n"


def conditional(text: str, condition: str) -> str:
    """Return the text of a template that gives an object where a condition holds."""
    return f"{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n"


def expressions(node: Node) -> Iterator[str]:
    """Give all that a template asks of the values."""
    if isinstance(node, Expression):
        yield node.text
    if isinstance(node, Document):
        yield from expressions(node.node)
    if isinstance(node, Entries | Items):
        for part in node.parts:
            yield from ([part.condition] if part.condition else [])
            yield from expressions(part.node)
    if isinstance(node, Alternatives):
        for condition, one in node.nodes:
            yield from ([condition] if condition else [])
            yield from expressions(one)


def _block(node: Node, indent: int) -> list[str]:
    """Return the lines of a node that has no line of its key's."""
    if isinstance(node, Literal):
        return _dumped(node.value, indent)
    if isinstance(node, Expression):
        return [f"{' ' * indent}{{{{ {node.text} }}}}"]
    if isinstance(node, Entries | Items):
        return _parts(node.parts, indent)
    if isinstance(node, Alternatives):
        return _one_of(node, indent)
    raise TypeError(f"{type(node).__name__} stands below a key alone")


def _parts(parts: tuple[Part, ...], indent: int) -> list[str]:
    """Return the lines of parts; those that are there together are asked for once."""
    lines = []
    for condition, together in groupby(parts, lambda part: part.condition):
        found = [line for part in together for line in (_entry if part.key else _item)(part, indent)]
        lines += found if condition is None else [f"{{{{- if {condition} }}}}", *found, "{{- end }}"]
    return lines


def _entry(part: Part, indent: int) -> list[str]:
    key = _dumped(part.key, indent)[0]
    node = part.node
    if isinstance(node, Literal):
        return _dumped({part.key: node.value}, indent)
    if isinstance(node, Expression):
        return [f"{key}: {_block(node, 0)[0]}"]
    if isinstance(node, Document):
        return [f"{key}: |", *_block(node.node, indent + 2)]
    if isinstance(node, Alternatives) and all(_on_one_line(one) for _, one in node.nodes):
        return [f"{key}: {_words(node)}"]
    return [f"{key}:", *_block(node, indent + 2)]


def _item(part: Part, indent: int) -> list[str]:
    lines = _block(part.node, indent + 2)
    if lines[0].startswith("{{-"):
        return [f"{' ' * indent}-", *lines]
    return [f"{' ' * indent}- {lines[0].lstrip()}", *lines[1:]]


def _on_one_line(node: Node) -> bool:
    scalar = isinstance(node, Literal) and not isinstance(node.value, dict | list) and "\n" not in str(node.value)
    return scalar or isinstance(node, Expression)


def _words(node: Alternatives) -> str:
    """Return alternatives of one line each, on one line."""
    found = ""
    for position, (condition, one) in enumerate(node.nodes):
        found += f"{{{{ {_asking(position, condition)} }}}}{_block(one, 0)[0]}"
    return f"{found}{{{{ end }}}}"


def _one_of(node: Alternatives, indent: int) -> list[str]:
    lines = []
    for position, (condition, one) in enumerate(node.nodes):
        lines += [f"{{{{- {_asking(position, condition)} }}}}", *_block(one, indent)]
    return [*lines, "{{- end }}"]


def _asking(position: int, condition: str | None) -> str:
    return "else" if condition is None else f"else if {condition}" if position else f"if {condition}"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value.strip() else None)


_Dumper.add_representer(str, _text)


def _dumped(value: Any, indent: int) -> list[str]:
    """Return the lines of a value as it is; braces in it are none of the template's."""
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**20)
    lines = text.removesuffix("...\n").rstrip("\n").replace("{{", _BRACES).split("\n")
    return [f"{' ' * indent}{line}" if line else line for line in lines]
