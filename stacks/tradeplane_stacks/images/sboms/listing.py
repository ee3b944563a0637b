"""Components that one source lists, and how the lists of several become one.

Two wheels with the same crate in them list one component; the same name and version with another digest is another.
Nothing depends on the order of the lists: a component's reference follows from what it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from cyclonedx.model.component import Component, ComponentScope
from cyclonedx.schema.schema import SchemaVersion1Dot6

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Listing:
    """Components, and which of them need which, by their references, which are unique in one listing alone."""

    components: tuple[Component, ...]
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)


def reference_of(component: Component) -> str:
    """Return the reference of a component in its listing."""
    return component.bom_ref.value or ""


def merge(listings: Iterable[Listing]) -> Listing:
    """Return one listing of all, each component once, with references that follow from what they are."""
    every = list(listings)
    groups: dict[str, list[Component]] = {}
    for component in chain.from_iterable(one.components for one in every):
        groups.setdefault(_name(component), []).append(component)
    merged: dict[str, Component] = {}
    references: dict[int, str] = {}
    for name, members in groups.items():
        for reference, alike in _told_apart(name, members).items():
            merged[reference] = _one_of(reference, alike)
            references |= {id(member): reference for member in alike}
    needs: dict[str, set[str]] = {reference: set() for reference in merged}
    for one in every:
        place = {reference_of(component): references[id(component)] for component in one.components}
        for reference, needed in one.needs.items():
            if reference in place:
                needs[place[reference]] |= {place[other] for other in needed if other in place} - {place[reference]}
    return Listing(
        tuple(merged[reference] for reference in sorted(merged)),
        {reference: frozenset(needed) for reference, needed in sorted(needs.items())},
    )


def _name(component: Component) -> str:
    if component.purl is not None:
        return component.purl.to_string()
    group = f"{component.group}/" if component.group else ""
    version = f"@{component.version}" if component.version else ""
    return f"{component.type.value}:{group}{component.name}{version}"


def _told_apart(name: str, members: Sequence[Component]) -> Mapping[str, Sequence[Component]]:
    """Return components of one name by reference: one, unless their digests show that they are several."""
    kinds = sorted({digests for member in members if (digests := _digests(member))})
    if len(kinds) <= 1:
        return {name: members}
    apart: dict[str, list[Component]] = {}
    for member in members:
        digests = _digests(member)
        apart.setdefault(f"{name}#{digests.split(':')[-1][:16]}" if digests else name, []).append(member)
    return apart


def _digests(component: Component) -> str:
    return ",".join(sorted(f"{one.alg.value}:{one.content}" for one in component.hashes))


def _one_of(reference: str, alike: Sequence[Component]) -> Component:
    """Return what is said of a component in any of its listings; of what is said differently, the first in order."""
    ordered = sorted(alike, key=_described)
    first = ordered[0]
    return Component(
        bom_ref=reference,
        type=first.type,
        group=first.group,
        name=first.name,
        version=first.version,
        purl=first.purl,
        scope=ComponentScope.REQUIRED if any(one.scope is ComponentScope.REQUIRED for one in alike) else first.scope,
        licenses=next((one.licenses for one in ordered if one.licenses), ()),
        hashes=next((one.hashes for one in ordered if one.hashes), ()),
        properties=set(chain.from_iterable(one.properties for one in alike)),
    )


def _described(component: Component) -> str:
    """Return all of a component but its reference, as a text to sort by."""
    plain = json.loads(component.as_json(view_=SchemaVersion1Dot6))  # type: ignore[attr-defined]
    return json.dumps({name: value for name, value in plain.items() if name != "bom-ref"}, sort_keys=True)
