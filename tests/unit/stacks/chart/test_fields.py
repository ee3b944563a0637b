"""Fields of a model as values: where each is taken from, in which ways it may be set, and that none is forgotten."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field
from tradeplane_stacks.chart.errors import ChartError
from tradeplane_stacks.chart.fields import ABSENT, Fields, Option, fields_of
from tradeplane_stacks.components.configuration import Configuration


class Tape(Configuration):
    kind: Literal["tape"]


class Disk(Configuration):
    kind: Literal["disk"]
    size: int
    speed: Literal["slow", "fast"] = "slow"


class Room(Configuration):
    name: str
    locked: bool = False
    owner: str | None = None


class Extra(Configuration):
    note: str
    loud: bool = True


class House(Configuration):
    store: Annotated[Tape | Disk, Field(discriminator="kind")]
    extra: Extra | None = None
    rooms: tuple[Room, ...] = ()
    colour: Literal["red", "blue"] | None = None
    secret: str | None = None


PROBES: dict[str, tuple[Any, Any]] = {
    "store.size": (1, 2),
    "rooms.name": ("a", "b"),
    "rooms.owner": ("x", "y"),
    "extra.note": ("n", "m"),
}
LEFT_OUT = {"secret": "nobody is told"}


@pytest.fixture(scope="module")
def house() -> Fields:
    return fields_of(House, PROBES, LEFT_OUT)


def option(fields: Fields, choice: str, name: str) -> Option:
    (found,) = (one for one in fields.options if (one.choice, one.option) == (choice, name))
    return found


def texts(fields: Fields) -> dict[str, str]:
    return {source.field: source.text for source in fields.sources}


def test_the_least_sets_nothing_that_need_not_be_and_differs_in_every_value(house: Fields) -> None:
    assert house.least == (
        {"store": {"kind": "tape"}, "rooms": [{"name": "a", "locked": False}]},
        {"store": {"kind": "tape"}, "rooms": [{"name": "b", "locked": False}]},
    )


def test_a_value_is_taken_from_where_it_stands_with_the_default_that_helm_does_not_fill_in(house: Fields) -> None:
    assert texts(house)["rooms.name"] == "toJson $one.name"
    assert texts(house)["rooms.locked"] == 'toJson (dig "locked" false $one)'
    assert texts(house)["extra.loud"] == 'toJson (dig "loud" true $.Values.extra)'
    assert texts(house)["store.size"] == "toJson $.Values.store.size"


def test_a_source_gives_what_a_configuration_has_and_nothing_where_it_has_none(house: Fields) -> None:
    (size,) = (source for source in house.sources if source.field == "store.size")
    assert size.value({"store": {"kind": "disk", "size": 7}}) == 7
    assert size.value({"store": {"kind": "tape"}}) is ABSENT
    assert size.value({"store": None}) is ABSENT


def test_options_are_of_sections_kinds_flags_and_words(house: Fields) -> None:
    assert {(one.choice, one.option, one.condition) for one in house.options} == {
        ("store.kind", "disk", 'eq $.Values.store.kind "disk"'),
        ("store.speed", "fast", 'eq (dig "speed" "slow" $.Values.store) "fast"'),
        ("extra", "given", 'not (kindIs "invalid" $.Values.extra)'),
        ("extra.loud", "false", 'not (dig "loud" true $.Values.extra)'),
        ("rooms.locked", "true", '(dig "locked" false $one)'),
        ("rooms.owner", "given", 'not (kindIs "invalid" $one.owner)'),
        ("colour", "given", 'not (kindIs "invalid" $.Values.colour)'),
        ("colour (which)", "blue", 'eq $.Values.colour "blue"'),
    }


def test_an_option_says_what_it_is_within(house: Fields) -> None:
    assert option(house, "store.speed", "fast").within == {"store.kind": "disk"}
    assert option(house, "extra.loud", "false").within == {"extra": "given"}
    assert option(house, "colour (which)", "blue").within == {"colour": "given"}
    assert option(house, "rooms.owner", "given").within == {}
    assert option(house, "rooms.owner", "given").keys == ("rooms", 0, "owner")


@pytest.mark.parametrize("field", sorted(PROBES))
def test_a_field_that_nobody_thought_of_is_named(field: str) -> None:
    without = {name: values for name, values in PROBES.items() if name != field}
    with pytest.raises(ChartError, match=f"^{field}: the chart does not know it yet: add two values"):
        fields_of(House, without, LEFT_OUT)


def test_a_field_that_is_not_left_out_is_to_be_known() -> None:
    with pytest.raises(ChartError, match=r"^secret: "):
        fields_of(House, PROBES, {})


def test_a_field_with_values_of_its_own_is_taken_as_a_whole() -> None:
    whole = ([{"name": "a"}], [{"name": "b"}, {"name": "c"}])
    found = fields_of(House, {**PROBES, "rooms": whole}, LEFT_OUT)
    assert found.least[1]["rooms"] == whole[1]
    assert "toJson $.Values.rooms" in texts(found).values()
    assert not [one for one in found.options if one.choice.startswith("rooms.")]


def test_of_words_that_are_all_there_each_may_be_left_out() -> None:
    class Guarded(Configuration):
        rules: tuple[Literal["one", "two"], ...] = ("one", "two")

    found = fields_of(Guarded, {}, {})
    assert found.least[0] == {"rules": ("one", "two")}
    without = option(found, "rules without one", "so")
    assert without.condition == 'not (has "one" $.Values.rules)'
    assert without.values == (["two"], ["two"])


def test_a_default_without_values_of_its_own_stays() -> None:
    class Lit(Configuration):
        lamps: int = 3

    found = fields_of(Lit, {}, {})
    assert found.least == ({"lamps": 3}, {"lamps": 3})


def test_kinds_that_no_field_tells_apart_are_refused() -> None:
    class Either(Configuration):
        store: Tape | Disk

    with pytest.raises(ChartError, match=r"^store: of several kinds that no field tells apart"):
        fields_of(Either, PROBES, {})
