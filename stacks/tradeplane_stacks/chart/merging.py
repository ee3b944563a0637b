"""From renderings of configurations that differ in one thing each to one template that gives all of them.

Pure. What is the same everywhere is left as it is; a value that follows a field is taken from it; a part that is
there in some renderings alone is asked for by the option that these have and the others lack. Where two options that
do not belong together change the same value, nobody knows what both come to, and there is no template.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.chart.errors import ChartError
from tradeplane_stacks.chart.fields import ABSENT, Option, Source
from tradeplane_stacks.chart.tree import Alternatives, Document, Entries, Expression, Items, Literal, Node, Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Case:
    """One configuration, twice: with two values for each field that has no few."""

    chosen: Mapping[str, str]
    """Options by their choices; none where the least is chosen."""
    configs: tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Found:
    """What stands at a place in a case, for each of its two configurations."""

    case: Case
    values: tuple[Any, Any]

    def below(self, key: Any) -> Found:
        """Return what stands at a key of it."""
        first, second = (
            one[key] if isinstance(one, list) else one.get(key, ABSENT) if isinstance(one, dict) else ABSENT
            for one in self.values
        )
        return Found(self.case, (first, second))

    @property
    def absent(self) -> bool:
        """Whether nothing does."""
        return self.values[0] is ABSENT


@dataclass(frozen=True)
class Merging:
    """Makes templates by what is known of the values."""

    sources: Sequence[Source]
    options: Sequence[Option]

    def node(self, found: Sequence[Found], place: str) -> Node:
        """Return the template of what is there in each case.

        Raises:
            ChartError: it follows none of the fields alone; the message names the place.

        """
        first = found[0].values[0]
        if all(value == first and type(value) is type(first) for one in found for value in one.values):
            return Literal(first)
        if (source := self._source(found)) is not None:
            return Expression(source.text)
        kinds = {type(value) for one in found for value in one.values}
        if kinds == {dict}:
            return self._entries(found, place)
        if kinds == {list}:
            return self._items(found, place)
        if kinds == {str} and (document := _as_documents(found, place)) is not None:
            return Document(self.node(document, place))
        return self._alternatives(found, place)

    def condition(self, found: Sequence[Found], place: str) -> str | None:
        """Return when something is there: in the cases that have it, and in none of the others."""
        if any((one.values[0] is ABSENT) != (one.values[1] is ABSENT) for one in found):
            raise ChartError(
                f"{place}: is there by what a field's value is: name an option for it in chart/platform.py"
            )
        present = [one.case for one in found if not one.absent]
        others = [one.case for one in found if one.absent]
        if not others:
            return None
        if (asked := self._covering(present, others)) is not None:
            return _any_of(asked)
        if (refused := self._covering(others, present)) is not None:
            return f"not ({_any_of(refused)})"
        if (joined := self._joined(present, others)) is not None:
            return joined
        raise ChartError(f"{place}: is there in some cases by no option of theirs: {_told(present)}")

    def _joined(self, present: Sequence[Case], others: Sequence[Case]) -> str | None:
        """Return what all that are present have, and none of the others; or have, but for what an option takes away."""
        shared = [one for one in self.options if all(_has(case, one) for case in present)]
        outer = {pair for one in shared for pair in one.within.items()}
        asked = [self._asked(one, [*present, *others]) for one in shared if (one.choice, one.option) not in outer]
        having = [case for case in others if all(_has(case, one) for one in shared)]
        if not asked or (refused := self._covering(having, present)) is None:
            return None
        joined = [*asked, *([f"not ({_any_of(refused)})"] if refused else [])]
        return f"and {' '.join(f'({one})' for one in joined)}"

    def _covering(self, wanted: Sequence[Case], others: Sequence[Case]) -> list[str] | None:
        """Return conditions of which each wanted case fulfils one, and none of the others does; the widest first."""
        able = [one for one in self.options if not any(_has(case, one) for case in others)]
        left, conditions = list(wanted), []
        while left:
            widest = max(able, key=lambda one: sum(_has(case, one) for case in left), default=None)
            if widest is None or not any(_has(case, widest) for case in left):
                return None
            conditions.append(self._asked(widest, [*wanted, *others]))
            left = [case for case in left if not _has(case, widest)]
        return conditions

    def _asked(self, option: Option, cases: Sequence[Case]) -> str:
        """Return what asks for an option: for the sections it is in as well, but those that are there in all cases."""
        outer = [
            self._asked(one, cases)
            for one in self.options
            if option.within.get(one.choice) == one.option and not all(_has(case, one) for case in cases)
        ]
        return f"and ({outer[-1]}) ({option.condition})" if outer else option.condition

    def _source(self, found: Sequence[Found]) -> Source | None:
        for source in self.sources:
            if all(
                _same(source.value(config), value)
                for one in found
                for config, value in zip(one.case.configs, one.values, strict=True)
            ):
                return source
        return None

    def _settled(self, found: Sequence[Found]) -> bool:
        first = found[0].values[0]
        alike = all(_same(first, value) for one in found for value in one.values)
        return alike or self._source(found) is not None

    def _entries(self, found: Sequence[Found], place: str) -> Entries:
        keys = list(dict.fromkeys(key for one in found for value in one.values for key in value))
        return Entries(tuple(self._part([one.below(key) for one in found], f"{place}.{key}", key) for key in keys))

    def _part(self, found: Sequence[Found], place: str, key: str | None = None) -> Part:
        condition = self.condition(found, place)
        return Part(self.node([one for one in found if not one.absent], place), key, condition)

    def _items(self, found: Sequence[Found], place: str) -> Items:
        parts = [self._part(one, f"{place}[{name}]") for name, one in _aligned(found, place).items()]
        return Items(tuple(parts))

    def _alternatives(self, found: Sequence[Found], place: str) -> Node:
        """Return what one choice decides alone: each of its options, and at last what is there by none."""
        cases = [one.case for one in found]
        for choice in dict.fromkeys(option.choice for option in self.options):
            groups: dict[str | None, list[Found]] = {}
            for one in found:
                groups.setdefault(one.case.chosen.get(choice), []).append(one)
            # What differs by none of its options differs by another choice: then this one does not decide alone.
            if len(groups) == 1 or (None in groups and not self._settled(groups[None])):
                continue
            options = [one for one in self.options if one.choice == choice and one.option in groups]
            nodes = [(self._asked(one, cases), self.node(groups[one.option], place)) for one in options]
            last = self.node(groups[None], place) if None in groups else nodes.pop()[1]
            return Alternatives((*nodes, (None, last)))
        first, second = found[0].values
        raise ChartError(
            f"{place}: what is there follows no field alone ({first!r}, {second!r}, {_told(cases)}): "
            "say how it is derived in chart/platform.py"
        )


def _has(case: Case, option: Option) -> bool:
    return case.chosen.get(option.choice) == option.option


def _any_of(conditions: Sequence[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"or {' '.join(f'({one})' for one in conditions)}"


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _as_documents(found: Sequence[Found], place: str) -> list[Found] | None:
    """Return files of YAML as what they hold; None where they are no such files."""
    if not place.endswith((".yaml", ".json")):
        return None
    return [Found(one.case, (yaml.safe_load(one.values[0]), yaml.safe_load(one.values[1]))) for one in found]


def _aligned(found: Sequence[Found], place: str) -> dict[str, list[Found]]:
    """Return the items of lists by what tells them apart: their names where they have any, else where they stand."""
    lists = [[_name(item) for item in value] for one in found for value in one.values]
    if all(name is not None for names in lists for name in names):
        order: list[str] = []
        for names in sorted(lists, key=len, reverse=True):  # the fullest says most about the order
            _insert(order, [str(name) for name in names], place)
        return {name: [_named(one, name) for one in found] for name in order}
    if len({len(names) for names in lists}) == 1:
        return {str(position): [one.below(position) for one in found] for position in range(len(lists[0]))}
    raise ChartError(f"{place}: items that have no names, of which some are left out in some cases")


def _name(item: Any) -> str | None:
    """Return what tells an item from the others of its list."""
    if isinstance(item, dict):
        return next((f"{key} {item[key]}" for key in ("mountPath", "name") if key in item), None)
    return json.dumps(item) if isinstance(item, str) else None


def _named(found: Found, name: str) -> Found:
    first, second = (next((item for item in value if _name(item) == name), ABSENT) for value in found.values)
    return Found(found.case, (first, second))


def _insert(order: list[str], names: Sequence[str], place: str) -> None:
    """Add names to an order that has some of them: each before the next one that is in it already, else at the end."""
    if len({*names}) < len(names):
        raise ChartError(f"{place}: two items of one name")
    for position, name in enumerate(names):
        if name not in order:
            following = [order.index(one) for one in names[position + 1 :] if one in order]
            order.insert(min(following, default=len(order)), name)


def _told(cases: Sequence[Case]) -> str:
    return "; ".join(
        ", ".join(f"{key} {option}" for key, option in case.chosen.items()) or "the least" for case in cases
    )
