"""Objects of a platform as templates: when they are there, for which namespaces, and what Helm is told of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.chart.errors import ChartError
from tradeplane_stacks.chart.fields import ITEM
from tradeplane_stacks.chart.merging import Merging
from tradeplane_stacks.chart.platform import WHERE
from tradeplane_stacks.chart.tree import (
    Entries,
    Expression,
    Literal,
    Node,
    Part,
    conditional,
    expressions,
    repeated,
    text_of,
)
from tradeplane_stacks.components.platform_order import PROTECTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tradeplane_stacks.chart.merging import Found
    from tradeplane_stacks.chart.rendering import Identity

_KEEP = Part(Literal("keep"), "helm.sh/resource-policy", "$.Values.protected")
_ITEMS = "$.Values.namespaces"


@dataclass(frozen=True)
class Template:
    """A template of one object, or of one for each namespace that runs work."""

    kind: str
    file: str
    text: str
    expressions: tuple[str, ...]
    """What it asks of the values."""


def templates(objects: Mapping[Identity, Sequence[Found]], merging: Merging) -> list[Template]:
    """Return the templates of objects.

    Raises:
        ChartError: one follows no field alone, or cannot be told what it is to be told; the message names it.

    """
    return [_template(identity, found, merging, objects) for identity, found in objects.items()]


def _template(
    identity: Identity, found: Sequence[Found], merging: Merging, objects: Mapping[Identity, Sequence[Found]]
) -> Template:
    kind, _, name, of_an_item = identity
    place = f"{kind} {name}".rstrip()
    if not of_an_item:  # what an item says is asked where there is one
        merging = Merging(
            [one for one in merging.sources if ITEM not in one.text],
            [one for one in merging.options if 0 not in one.keys],
        )
    there = [one for one in found if not one.absent]
    node = merging.node(there, place)
    condition = WHERE[kind, name] if (kind, name) in WHERE else merging.condition(found, place)
    # What holds a namespace that stays is to stay with it; what opens it goes with the value that asked for it.
    if kind in PROTECTED or (of_an_item and condition is None):
        node = _with(node, ("metadata", "annotations"), _KEEP, place)
    for config_map in sorted(_mounted(there, objects)):
        text = f'include (print $.Template.BasePath "/{_file(config_map)}") $ | sha256sum | toJson'
        part = Part(Expression(text), f"checksum/{config_map[2]}")
        node = _with(node, ("spec", "template", "metadata", "annotations"), part, place)
    text, asked = text_of(node), list(expressions(node))
    if condition is not None:
        text, asked = conditional(text, condition), [*asked, condition]
    if of_an_item:
        text, asked = repeated(text, _ITEMS, ITEM), [*asked, _ITEMS]
    return Template(kind, _file(identity), text, tuple(asked))


def _file(identity: Identity) -> str:
    kind, _, name, of_an_item = identity
    parts = (kind.lower(), *(["of-namespaces"] if of_an_item else []), name)
    return f"{re.sub('[^a-z0-9.]+', '-', '-'.join(part for part in parts if part))}.yaml"


def _mounted(found: Sequence[Found], objects: Mapping[Identity, Any]) -> set[Identity]:
    """Return the ConfigMaps of the charts that the pods of an object have, which are started anew when these change."""
    return {
        ("ConfigMap", one.values[0]["metadata"]["namespace"], name, False)
        for one in found
        for name in _config_maps(one.values[0].get("spec", {}).get("template", {}))
        if ("ConfigMap", one.values[0]["metadata"].get("namespace"), name, False) in objects
    }


def _config_maps(value: Any) -> Iterator[str]:
    """Give the names of ConfigMaps in a pod: of volumes, of variables, and of all variables."""
    if isinstance(value, list):
        for one in value:
            yield from _config_maps(one)
    if isinstance(value, dict):
        for key, one in value.items():
            if key in ("configMap", "configMapKeyRef", "configMapRef") and isinstance(one, dict) and "name" in one:
                yield one["name"]
            yield from _config_maps(one)


def _with(node: Node, path: Sequence[str], added: Part, place: str) -> Node:
    """Return a node with a part at a path more, and what is on the way there; where it is alone, as it is there."""
    node = _by_entries(node)
    if not isinstance(node, Entries):
        raise ChartError(f"{place}: differs as a whole, so that nothing can be added to it")
    if not path:
        return Entries((*node.parts, added))
    for position, part in enumerate(node.parts):
        if part.key == path[0]:
            if part.condition is not None:
                part = _asked_within(part, added, place)
            changed = replace(part, node=_with(part.node, path[1:], added, place))
            return Entries((*node.parts[:position], changed, *node.parts[position + 1 :]))
    return Entries((*node.parts, _alone(path, added)))


def _by_entries(node: Node) -> Node:
    """Return a mapping that is the same in every case by its entries, and any other node as it is."""
    if isinstance(node, Literal) and isinstance(node.value, dict):
        return Entries(tuple(Part(Literal(value), key) for key, value in node.value.items()))
    return node


def _asked_within(part: Part, added: Part, place: str) -> Part:
    """Return a part that is there for what is added as well, and asks for what is in it there."""
    node = _by_entries(part.node)
    if not isinstance(node, Entries) or any(one.condition is not None for one in node.parts):
        raise ChartError(f"{place}: {part.key} differs in itself, so that nothing can be added to it")
    within = Entries(tuple(replace(one, condition=part.condition) for one in node.parts))
    both = None if added.condition is None else f"or ({part.condition}) ({added.condition})"
    return Part(within, part.key, both)


def _alone(path: Sequence[str], added: Part) -> Part:
    below = Entries((Part(added.node, added.key),)) if len(path) == 1 else Entries((_alone(path[1:], added),))
    return Part(below, path[0], added.condition)
