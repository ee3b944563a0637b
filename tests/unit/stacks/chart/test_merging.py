"""One template of several renderings: what follows which field, what is there by which option, what nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from tradeplane_stacks.chart.errors import ChartError
from tradeplane_stacks.chart.fields import ABSENT, Option, Source
from tradeplane_stacks.chart.merging import Case, Found, Merging
from tradeplane_stacks.chart.tree import Alternatives, Document, Entries, Expression, Items, Literal, Part


def an_option(choice: str, condition: str, option: str = "given", **within: str) -> Option:
    return Option(choice, option, condition, within, (), (None, None))


SIZE = Source("size", "toJson $.Values.size", lambda config: config.get("size", ABSENT))
OPTIONS = (
    an_option("key", "$.Values.key"),
    an_option("inner", "$.Values.key.inner", key="given"),
    an_option("other", "$.Values.other"),
    an_option("kind", 'eq $.Values.kind "a"', "a"),
    an_option("kind", 'eq $.Values.kind "b"', "b"),
)
MERGING = Merging((SIZE,), OPTIONS)
LEAST: dict[str, str] = {}
KEY = {"key": "given"}
INNER = {**KEY, "inner": "given"}
OTHER = {"other": "given"}


def found(chosen: dict[str, str], first: Any, second: Any = None) -> Found:
    return Found(Case(chosen, ({"size": 1}, {"size": 2})), (first, first if second is None else second))


def test_what_is_the_same_everywhere_is_left() -> None:
    assert MERGING.node([found(LEAST, {"a": [1]}), found(KEY, {"a": [1]})], "it") == Literal({"a": [1]})


def test_what_follows_a_field_is_taken_from_it() -> None:
    node = MERGING.node([found(LEAST, {"a": 1, "b": 3}, {"a": 2, "b": 3})], "it")
    assert node == Entries((Part(Expression(SIZE.text), "a"), Part(Literal(3), "b")))


def test_what_has_the_value_of_a_field_once_alone_is_not_taken_from_it() -> None:
    with pytest.raises(ChartError, match=r"^it\.a: what is there follows no field alone \(1, 3"):
        MERGING.node([found(LEAST, {"a": 1}, {"a": 3})], "it")


def test_a_number_is_not_a_flag() -> None:
    with pytest.raises(ChartError, match=r"^it: what is there follows no field"):
        MERGING.node([found(LEAST, True, 2)], "it")


def test_a_part_that_an_option_adds_is_asked_for_by_it() -> None:
    node = MERGING.node([found(LEAST, {"a": 0}), found(KEY, {"a": 0, "b": 1}), found(OTHER, {"a": 0})], "it")
    assert node == Entries((Part(Literal(0), "a"), Part(Literal(1), "b", "$.Values.key")))


def test_a_part_that_an_option_takes_away_is_asked_for_by_its_lack() -> None:
    node = MERGING.node([found(LEAST, {"b": 1}), found(KEY, {}), found(OTHER, {"b": 1})], "it")
    assert node == Entries((Part(Literal(1), "b", "not ($.Values.key)"),))


def test_an_option_within_a_section_asks_for_that_first() -> None:
    cases = [found(LEAST, {}), found(KEY, {}), found(INNER, {"b": 1}), found(OTHER, {})]
    assert MERGING.node(cases, "it") == Entries((Part(Literal(1), "b", "and ($.Values.key) ($.Values.key.inner)"),))


def test_within_what_the_section_added_it_is_asked_for_alone() -> None:
    cases = [found(LEAST, {}), found(KEY, {"s": {"a": 0}}), found(INNER, {"s": {"a": 0, "b": 1}})]
    section = Entries((Part(Literal(0), "a"), Part(Literal(1), "b", "$.Values.key.inner")))
    assert MERGING.node(cases, "it") == Entries((Part(section, "s", "$.Values.key"),))


def test_what_two_options_add_to_is_there_by_either() -> None:
    cases = [found(LEAST, {}), found(KEY, {"s": {"a": 0}}), found(OTHER, {"s": {"b": 1}})]
    section = Entries((Part(Literal(0), "a", "$.Values.key"), Part(Literal(1), "b", "$.Values.other")))
    assert MERGING.node(cases, "it") == Entries((Part(section, "s", "or ($.Values.key) ($.Values.other)"),))


def test_what_another_option_has_besides_is_not_taken_for_its_doing() -> None:
    """``key`` stands before ``other`` in the options, and is chosen here together with that alone."""
    cases = [found(LEAST, {}), found(OTHER, {"b": 1}), found({**KEY, **OTHER}, {"b": 1})]
    assert MERGING.node(cases, "it") == Entries((Part(Literal(1), "b", "$.Values.other"),))


def test_a_value_that_one_choice_decides_has_alternatives() -> None:
    cases = [found(LEAST, "none"), found({"kind": "a"}, "one"), found({"kind": "b"}, "two"), found(OTHER, "none")]
    assert MERGING.node(cases, "it") == Alternatives(
        (('eq $.Values.kind "a"', Literal("one")), ('eq $.Values.kind "b"', Literal("two")), (None, Literal("none")))
    )


def test_a_value_that_two_choices_change_is_refused() -> None:
    cases = [found(LEAST, "none"), found(KEY, "one"), found(OTHER, "two")]
    with pytest.raises(ChartError, match=r"^it: what is there follows no field alone"):
        MERGING.node(cases, "it")


def test_what_is_there_by_no_option_is_refused() -> None:
    with pytest.raises(
        ChartError, match=r"^it\.b: is there in some cases by no option of theirs: the least; key given, inner given"
    ):
        MERGING.node([found(LEAST, {"b": 1}), found(KEY, {}), found(INNER, {"b": 1}), found(OTHER, {"b": 1})], "it")


def test_what_an_option_takes_away_again_within_its_section_is_asked_for_by_both() -> None:
    cases = [found(LEAST, {}), found(KEY, {"b": 1}), found(INNER, {}), found(OTHER, {})]
    condition = "and ($.Values.key) (not ($.Values.key.inner))"
    assert MERGING.node(cases, "it") == Entries((Part(Literal(1), "b", condition),))


def test_the_fullest_list_says_the_order() -> None:
    cases = [found(LEAST, []), found(OTHER, ["o"]), found(KEY, ["k"]), found({**KEY, **OTHER}, ["k", "o"])]
    merged = MERGING.node(cases, "it")
    assert isinstance(merged, Items)
    assert [part.node for part in merged.parts] == [Literal("k"), Literal("o")]


def test_what_is_there_by_a_value_is_refused() -> None:
    with pytest.raises(ChartError, match=r"^it\.b: is there by what a field's value is: name an option for it"):
        MERGING.node([found(LEAST, {}, {"b": 1}), found(KEY, {})], "it")


def test_items_with_names_are_put_where_they_were() -> None:
    settings, store, key = {"name": "settings"}, {"name": "store"}, {"name": "key", "size": 1}
    cases = [found(LEAST, [settings, store]), found(KEY, [settings, key, store]), found(OTHER, [settings])]
    assert MERGING.node(cases, "it") == Items(
        (
            Part(Literal(settings)),
            Part(Literal(key), condition="$.Values.key"),
            Part(Literal(store), condition="not ($.Values.other)"),
        )
    )


def test_an_item_that_changes_is_the_same_item() -> None:
    cases = [
        found(LEAST, [{"name": "a", "x": 1}, {"name": "b"}], [{"name": "a", "x": 2}, {"name": "b"}]),
        found(KEY, [{"name": "b"}]),
    ]
    item = Entries((Part(Literal("a"), "name"), Part(Expression(SIZE.text), "x")))
    assert MERGING.node(cases, "it") == Items(
        (Part(item, condition="not ($.Values.key)"), Part(Literal({"name": "b"})))
    )


def test_items_without_names_are_told_by_where_they_stand() -> None:
    assert MERGING.node([found(LEAST, [[1]], [[2]])], "it") == Items((Part(Items((Part(Expression(SIZE.text)),))),))


def test_items_without_names_that_are_left_out_are_refused() -> None:
    with pytest.raises(ChartError, match=r"^it: items that have no names"):
        MERGING.node([found(LEAST, [{"x": 1}]), found(KEY, [{"x": 1}, {"x": 3}])], "it")


def test_two_items_of_one_name_are_refused() -> None:
    with pytest.raises(ChartError, match=r"^it: two items of one name"):
        MERGING.node([found(LEAST, ["a", "a"]), found(KEY, ["a"])], "it")


def test_a_file_of_yaml_is_made_of_what_it_holds() -> None:
    cases = [found(LEAST, {"f.yaml": "a: 1\n", "f.txt": "b"}, {"f.yaml": "a: 2\n", "f.txt": "b"})]
    file = Document(Entries((Part(Expression(SIZE.text), "a"),)))
    assert MERGING.node(cases, "it") == Entries((Part(file, "f.yaml"), Part(Literal("b"), "f.txt")))
